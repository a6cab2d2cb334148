"""Macros: what is read from their files, what is refused, and that they work wherever SQL is asked."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from support.estates import Estate, digest, rows

from indexer.catalog.macros import load_macros
from indexer.errors import QueryError

TABLE = """\
-- macro: The images with few tags.
-- parameter: at_most count = 1 : how many tags
-- parameter: pattern glob : repositories
-- column: tag_count : Tags.
select repository, len(tags) as tag_count -- $at_most, and no more
from images
where repository glob $pattern and len(tags) <= $at_most and repository <> '$pattern'
"""


def _write(folder: Path, text: str, name: str = "few_tags") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.sql").write_text(text)
    return folder


def test_a_macro_of_rows_has_its_values_where_its_parameters_stand(tmp_path: Path) -> None:
    macro = load_macros(_write(tmp_path, TABLE))["few_tags"]
    assert macro.is_table
    assert (macro.description, macro.columns) == ("The images with few tags.", {"tag_count": "Tags."})
    with duckdb.connect() as plain:
        plain.execute(
            "create table images as from (values ('app', ['1']), ('app', ['1', '2']), ('b', [])) t(repository, tags)"
        )
        plain.execute(macro.statement)
        plain.execute(macro.comment)
        assert plain.sql("from few_tags('app')").fetchall() == [("app", 1)]
        found = plain.sql(
            "select tag_count from few_tags(pattern := $which, at_most := $n)", params={"which": "a*", "n": 5}
        )
        assert sorted(found.fetchall()) == [(1,), (2,)]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("$pattern and", "'x' and", r"few_tags.sql:3: parameter pattern is declared, but \$pattern is not used"),
        ("pattern", "repository", "few_tags.sql:3: repository is also the name of something else; take another name"),
        ("-- macro:", "-- view:", "few_tags.sql:1: unknown key 'view' in the header"),
        ("-- macro: The images with few tags.\n", "", "the header has no '-- macro: ...' line"),
        ("tag_count : Tags.", "tag_count", "few_tags.sql:4: expected 'name : description'"),
        ("count = 1", "count = -1", "few_tags.sql:2: the default is no count"),
    ],
)
def test_a_file_that_breaks_the_rules_is_named_with_the_line(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in TABLE
    with pytest.raises(QueryError, match=complaint):
        load_macros(_write(tmp_path, TABLE.replace(old, new)))


def test_sums_are_capped_and_stay_unknown_where_they_are(tmp_path: Path) -> None:
    with Estate().catalog(tmp_path) as catalog:
        largest = 2**63 - 1
        found = rows(
            catalog,
            "select capped(sum(size)) as total, typeof(total) from (values ($one), ($other)) as sizes(size)",
            one=largest,
            other=1,
        )
        assert found == [(largest, "BIGINT")]
        assert rows(catalog, "select capped(null), capped(7), capped(-1)") == [(None, 7, -1)]


def test_a_deletion_can_be_asked_for_in_any_sql(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("a", [("base", 1)])
    estate.image("b", [("base", 1)])
    estate.run().repository("app", {"a": [], "b": ["1"]})
    with estate.catalog(tmp_path / "store") as catalog:
        chosen = "select manifest_digest, is_chosen from deletion_set() order by 1"
        assert rows(catalog, chosen) == [(digest("a"), True)]
        assert rows(catalog, "select count(*) from deletion_set(only_untagged := $no)", no=False) == [(2,)]
        catalog.export_views(tmp_path / "ecr.duckdb")
    with duckdb.connect(tmp_path / "ecr.duckdb", read_only=True) as plain:
        assert plain.sql(chosen).fetchall() == [(digest("a"), True)]
        assert plain.sql("select capped(2::hugeint ^ 70)").fetchall() == [(2**63 - 1,)]
