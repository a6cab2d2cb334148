"""The database file for other programs: everything in it answers as the catalog does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.estates import Estate, answer, digest, rows
from support.query_values import needed

from indexer.catalog import Catalog, load_queries, shipped_queries
from indexer.catalog.export import macro_name, macros
from indexer.catalog.macros import load_macros
from indexer.catalog.queries import Query, read_query
from indexer.errors import QueryError, StoreDamaged, UsageError

QUERIES = load_queries([shipped_queries()])
MACROS = load_macros(shipped_queries() / "macros")


def _estate() -> Estate:
    estate = Estate()
    estate.image("app", [("base", 100), ("top", 10)], ("config", 1))
    estate.image("lone", [("alone", 7)])
    estate.image("gone", [("old", 5)])
    estate.index("multi", ["app", "absent"])
    estate.run().repository("it's/app", {"app": ["1", "latest"], "gone": ["2"]})
    estate.run().repository("it's/app", {"app": ["1"], "multi": ["latest"], "lone": []})
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@pytest.fixture(scope="module")
def export(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "ecr.duckdb"
    catalog.export_views(path)
    return path


def _read(path: Path, statement: str, zone: str = "UTC") -> list[dict[str, Any]]:
    """The rows of a statement, as a program sees them that knows DuckDB and nothing of this package."""
    with duckdb.connect(path, read_only=True) as plain:
        plain.execute(f"set TimeZone = '{zone}'")
        found: list[dict[str, Any]] = plain.sql(statement).to_arrow_table().to_pylist()
        return found


def _call(query: Query) -> str:
    values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in needed(query, glob="it's/*").values())
    return f"from {macro_name(query.name)}({values})"


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_each_query_is_a_macro_that_answers_the_same(catalog: Catalog, export: Path, query: Query) -> None:
    assert _read(export, _call(query)) == answer(catalog, query.name, **needed(query, glob="it's/*"))


def test_the_views_have_the_same_rows(catalog: Catalog, export: Path) -> None:
    for view in catalog.views:
        found = [tuple(row.values()) for row in _read(export, f"from {view} order by all")]
        assert found == rows(catalog, f"from {view} order by all")


def test_parameters_have_names_types_and_defaults(export: Path) -> None:
    assert len(_read(export, 'from largest_layers("limit" := 2)')) == 2
    assert len(_read(export, "from tag_history(tag := 'latest')")) == 2
    assert len(_read(export, "from tag_history(repository := 'it''s/*', tag := '[12]')")) == 2
    assert _read(export, "from tag_history(repository := 'it''; drop')") == []
    assert len(_read(export, "from growth(by_repository := true, per_day := true)")) == 2
    [row] = _read(export, f"from images_with_layer(digest := '{digest('base')}') where via_index is null")
    assert row["manifest_digest"] == digest("app")
    with pytest.raises(duckdb.Error, match="lots"):
        _read(export, "from largest_layers(\"limit\" := 'lots')")


def test_days_are_in_utc_wherever_the_file_is_opened(export: Path) -> None:
    here, there = (_read(export, "from growth()", zone) for zone in ("UTC", "America/New_York"))
    assert [row["day"] for row in here] == [row["day"] for row in there]


def test_views_columns_and_macros_are_described(export: Path) -> None:
    with duckdb.connect(export, read_only=True) as plain:
        undescribed = plain.sql(
            "select table_name, column_name from duckdb_columns() "
            "where not internal and comment is null and table_name not like '\\_%' escape '\\' "
            "and table_name <> 'exported_views'"
        ).fetchall()
        questions = plain.sql(
            "select function_name, comment from duckdb_functions() where function_type = 'table_macro' and not internal"
        ).fetchall()
    assert undescribed == []
    expected = {macro_name(query.name): query.question for query in QUERIES.values()}
    assert dict(questions) == expected | {macro.name: macro.description for macro in MACROS.values() if macro.is_table}


def test_the_file_says_what_it_is(catalog: Catalog, export: Path, tmp_path: Path) -> None:
    [row] = _read(export, "from exported_views")
    assert (row["program"], row["newest_run_id"]) == ("manifest-indexer", "run-002")
    assert Path(row["store"]).is_dir()
    assert Path(row["store"]).is_absolute()
    catalog.export_views(tmp_path / "again.duckdb")
    assert [path.name for path in tmp_path.iterdir()] == ["again.duckdb"]


def test_an_earlier_export_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "ecr.duckdb"
    estate = Estate()
    estate.run().repository("app", {})
    with estate.catalog(tmp_path / "store") as before:
        before.export_views(path)
    estate.run().repository("app", {"new": []})
    with estate.catalog(tmp_path / "store") as after:
        assert _read(path, "from images") == []
        after.export_views(path)
    assert len(_read(path, "from images")) == 1
    assert sorted(each.name for each in tmp_path.iterdir()) == ["ecr.duckdb", "store"]


def _other_database(path: Path) -> None:
    with duckdb.connect(path) as other:
        other.execute("create table precious (a integer)")


@pytest.mark.parametrize(
    "make",
    [lambda path: path.write_text("a novel"), lambda path: path.mkdir(), _other_database, lambda path: path.touch()],
)
def test_what_is_no_export_is_left_alone(catalog: Catalog, tmp_path: Path, make: Any) -> None:
    path = tmp_path / "mine.duckdb"
    make(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UsageError, match="is no export of views: name another file"):
        catalog.export_views(path)
    assert (path.read_bytes() if path.is_file() else None) == before
    assert [each.name for each in tmp_path.iterdir()] == ["mine.duckdb"]


def test_a_folder_that_is_not_there_is_named(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot write .*nowhere/ecr\.duckdb: No such file or directory"):
        catalog.export_views(tmp_path / "nowhere" / "ecr.duckdb")


def test_an_export_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    estate = _estate()
    files = estate.write(tmp_path / "store")
    with Catalog(files, folder=tmp_path / "store") as opened:
        os.truncate(files["images"][0], 10)
        with pytest.raises(StoreDamaged, match="a committed file cannot be read"):
            opened.export_views(tmp_path / "ecr.duckdb")
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


def test_queries_of_ones_own_are_macros_too(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    text = (
        "-- question: Which tags are there, for $5?\n-- caveat: None.\n-- parameter: tag glob = *[*] : tags\n"
        "-- parameter: at_most number = 2.5 : a number\n"
        "-- parameter: since timestamp = 2026-01-01T01:00+01:00 : a time\n"
        "-- parameter: day date = 2026-01-31 : a day\n-- parameter: name text : a name\n-- empty: None.\n"
        "select '$tag' as literal, $tag as tag, $at_most as at_most, $since as since, $day as day, $name as n /* $x */"
    )
    (folder / "my-tags.sql").write_text(text)
    with Catalog(_estate().write(tmp_path / "store"), query_folders=[folder]) as opened:
        opened.export_views(tmp_path / "ecr.duckdb")
        expected = answer(opened, "my-tags", name="x'y")
    assert _read(tmp_path / "ecr.duckdb", "from my_tags('x''y')") == expected
    assert expected[0]["literal"] == "$tag"
    assert _read(tmp_path / "ecr.duckdb", "from my_tags('n', tag := 'v')")[0]["tag"] == "v"


def test_a_query_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "wrong.sql").write_text("-- question: What?\n-- empty: None.\nselect nothing from images order by 1")
    with (
        Catalog(_estate().write(tmp_path / "store"), query_folders=[folder]) as opened,
        pytest.raises(QueryError, match=r"wrong\.sql: .*nothing"),
    ):
        opened.export_views(tmp_path / "ecr.duckdb")
    assert not (tmp_path / "ecr.duckdb").exists()


def test_a_macro_stands_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "one.sql"
    path.write_text("-- question: One?\n-- empty: None.\nselect 1 as one -- $no\norder by 1")
    with duckdb.connect() as plain:
        for statement in macros(read_query(path)):
            plain.execute(statement)
        assert plain.sql("from one()").fetchall() == [(1,)]
