"""`indexer export-views`, and queries of one's own, as the command runs them."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from support.commands import Cli
from support.shop import Shop

import indexer
from indexer.errors import UsageError

MINE = """-- question: Which tags start with a letter?
-- caveat: None of note.
-- parameter: letter text = l : the letter
-- empty: None does.
select distinct tag from tags where starts_with(tag, $letter) order by tag
"""


@pytest.fixture
def config(cli: Cli, shop: Shop) -> Path:
    """A configuration of the shop, with a folder of queries beside it."""
    (cli.folder / "my-queries").mkdir()
    (cli.folder / "my-queries" / "my-tags.sql").write_text(MINE)
    path = cli.folder / "config.yaml"
    path.write_text(f"store: {shop.folder}\nregistries:\n  - regions: [eu-west-1]\nqueries: ./my-queries\n")
    return path


def test_the_file_opens_in_duckdb(cli: Cli, shop: Shop) -> None:
    done = cli("export-views", "ecr.duckdb", "--store", shop.folder)
    assert (done.code, done.out) == (0, "")
    assert "registry_totals()" in done.err
    with duckdb.connect(cli.folder / "ecr.duckdb", read_only=True) as plain, indexer.open(shop.folder) as store:
        assert plain.sql("from registry_totals()").fetchall() == store.query("registry-totals").fetchall()
        assert plain.sql("from images order by all").fetchall() == store.sql("from images order by all").fetchall()


def test_written_again_it_is_replaced_but_nothing_else_is(cli: Cli, shop: Shop) -> None:
    for _ in range(2):
        assert cli("export-views", "ecr.duckdb", "--store", shop.folder).code == 0
    (cli.folder / "notes.duckdb").write_text("mine")
    refused = cli("export-views", "notes.duckdb", "--store", shop.folder)
    assert refused.code == 2
    assert "notes.duckdb exists and is no export of views" in refused.err
    assert (cli.folder / "notes.duckdb").read_text() == "mine"


def test_without_a_file_or_a_store_it_is_wrong_usage(cli: Cli, shop: Shop) -> None:
    assert cli("export-views", "--store", shop.folder).code == 2
    assert cli("export-views", "ecr.duckdb").code == 2
    assert cli("export-views", "ecr.duckdb", "--store", cli.folder / "nothing").code == 2
    assert cli("export-views", "no/folder/ecr.duckdb", "--store", shop.folder).code == 2
    assert list(cli.folder.glob("**/*.duckdb")) == []


def test_a_notebook_can_write_it_too(shop: Shop, tmp_path: Path) -> None:
    with indexer.open(shop.folder) as store:
        store.export_views(tmp_path / "ecr.duckdb")
        with pytest.raises(UsageError, match="no export of views"):
            store.export_views(shop.folder / "format.json")


def test_queries_of_ones_own_are_listed_and_run_the_same_way(cli: Cli, config: Path) -> None:
    listed = cli("query", "--config", config, "--format", "csv")
    assert "my-tags,Which tags start with a letter?" in listed.out
    assert "registry-totals," in listed.out
    found = cli("query", "my-tags", "--config", config, "--format", "csv", "-p", "letter=g")
    assert (found.code, found.out.splitlines()) == (0, ["tag"])
    assert "None does." in found.err
    assert cli("query", "my-tags", "--format", "csv").out.splitlines() == ["tag", "latest"]
    assert "None of note." in cli("query", "my-tags", "--help").out
    assert cli("query", "my-tags", "--sql").out == MINE
    mistyped = cli("query", "my-tag", "--config", config)
    assert mistyped.code == 2
    assert "did you mean my-tags?" in mistyped.err


def test_their_folder_is_named_from_where_the_configuration_lies(
    cli: Cli, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("query", "my-tags", "--config", config, "--format", "csv").out.splitlines() == ["tag", "latest"]


def test_queries_of_ones_own_are_in_the_export(cli: Cli, config: Path) -> None:
    assert cli("export-views", "ecr.duckdb", "--config", config).code == 0
    with duckdb.connect(cli.folder / "ecr.duckdb", read_only=True) as plain:
        assert plain.sql("from my_tags()").fetchall() == [("latest",)]
        assert plain.sql("from my_tags(letter := 'no such')").fetchall() == []


def test_a_query_of_ones_own_with_a_mistake_is_named(cli: Cli, config: Path) -> None:
    (config.parent / "my-queries" / "broken.sql").write_text("-- question: What?\nselect 1")
    refused = cli("query", "broken", "--config", config)
    assert refused.code == 2
    assert "broken.sql" in refused.err
    (config.parent / "my-queries" / "broken.sql").rename(config.parent / "my-queries" / "failures.sql")
    (config.parent / "my-queries" / "failures.sql").write_text(MINE)
    taken = cli("query", "--config", config)
    assert taken.code == 2
    assert "two queries are named failures" in taken.err
