"""The shipped query files keep the house's style, run as plain SQL, and are listed in queries/README.md."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from support.estates import Estate, answer, digest, rows
from support.query_values import needed

from indexer.catalog import Query, fetch, load_queries, shipped_queries
from indexer.catalog.macros import load_macros
from indexer.catalog.views import base_views, load_views

QUERIES = load_queries([shipped_queries()])
FILES = sorted(shipped_queries().rglob("*.sql"))


@pytest.mark.parametrize("query", QUERIES.values(), ids=lambda query: query.name)
def test_a_query_says_what_it_answers(query: Query) -> None:
    assert query.question.endswith("?")
    assert query.empty.endswith(".")
    assert all(caveat.endswith(".") for caveat in query.caveats)
    assert query.caveats or query.name == "failures"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sql_is_in_lower_case_and_ends_with_columns_and_order(path: Path) -> None:
    body = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("--")]
    text = re.sub(r"'[^']*'", "", "\n".join(body))
    assert text == text.lower()
    if path.parent.name not in {"views", "macros"}:
        final = text[text.rindex("\nselect") if "\nselect" in text else 0 :]
        columns = final.partition("\nfrom")[0]
        assert not re.search(r"(select|distinct|,|\.)\s*\*", columns)  # a star between two terms multiplies
        assert "\norder by" in final


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nobody_stops_reading_rows_that_others_wait_for(path: Path) -> None:
    """DuckDB 2.0 hands the rows of a CTE to all readers as they come: where one has enough, others may wait."""
    text = re.sub(r"--[^\n]*", "", path.read_text())
    own = _names_of_its_own(text)
    assert not own & set(re.findall(r"exists ?\(\s*from ([a-z_]+)\s*\)", text))
    inner = re.split(r"\n\),?\n", text)[:-1]
    assert not [each for each in inner if re.search(r"\n *limit ", each) and "order by" not in each]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_part_of_a_statement_is_called_as_a_view_is(path: Path) -> None:
    """A catalog takes the name for the view, and makes a table of it for nobody."""
    views = {view.name for view in [*base_views({}), *load_views(shipped_queries() / "views")]}
    assert not _names_of_its_own(re.sub(r"--[^\n]*", "", path.read_text())) & views


def test_bytes_are_kept_for_the_statements_that_need_them_twice(tmp_path: Path) -> None:
    with Estate().catalog(tmp_path) as catalog:
        assert [name for name in QUERIES if "bytes_by_manifest" in catalog.reads(name)] == ["stale-images"]


def _names_of_its_own(text: str) -> set[str]:
    """The names of a statement's CTEs."""
    head = r"^([a-z_]+)(?:\(.*\) using key \(.*\))? as (?:(?:not )?materialized )?\("
    return set(re.findall(head, text, re.MULTILINE))


def test_the_readme_lists_every_query_with_its_question() -> None:
    text = (shipped_queries() / "README.md").read_text()
    listed = dict(re.findall(r"^\| \[([a-z0-9-]+)\]\(\1\.sql\) \| (.+?) \|", text, re.MULTILINE))
    assert listed == {query.name: query.question for query in QUERIES.values()}


def test_the_readme_lists_every_view_with_its_description() -> None:
    text = (shipped_queries() / "README.md").read_text()
    listed = dict(re.findall(r"^\| `([a-z_]+)` \| (.+?) \|", text, re.MULTILINE))
    assert listed == {view.name: view.description for view in load_views(shipped_queries() / "views")}


def test_the_readme_lists_every_macro_with_its_parameters() -> None:
    text = (shipped_queries() / "README.md").read_text()
    listed = dict(re.findall(r"^\| `([a-z_]+)`\((.*?)\) \| .+ \|$", text, re.MULTILINE))
    macros = load_macros(shipped_queries() / "macros")
    assert listed == {
        name: ", ".join(f"`{parameter.name}`" for parameter in macro.parameters) for name, macro in macros.items()
    }
    assert all(macro.description in text for macro in macros.values())


def test_queries_run_as_plain_sql_in_any_duckdb_with_the_views(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("a", [("base", 1)], ("c", 1))
    estate.image("b", [("base", 1), ("top", 2)], ("d", 1))
    estate.index("x", ["a"])
    estate.run().repository("app", {"x": ["1"]})
    estate.run().repository("app", {"x": ["latest"], "b": ["1", "one"], "a": []})
    files = estate.write(tmp_path)
    answered = set()
    with duckdb.connect() as plain, estate.catalog(tmp_path) as catalog:
        macros = load_macros(shipped_queries() / "macros").values()
        views = [*base_views(files), *load_views(shipped_queries() / "views")]
        scalars, tables = ([macro for macro in macros if macro.is_table == kind] for kind in (False, True))
        statements = [view.statement for view in views]
        for statement in [*(macro.statement for macro in scalars), *statements, *(macro.statement for macro in tables)]:
            plain.execute(statement)
        for query in QUERIES.values():
            given = needed(query)
            found = fetch(plain.sql(query.sql, params=query.bind(given))).to_pylist()
            assert found == answer(catalog, query.name, **given)
            answered |= {query.name} if found else set()
    assert len(answered) > len(QUERIES) / 2


def test_statements_can_be_prepared_with_their_parameters(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("a", [("base", 1)])
    estate.run().repository("app", {"a": []})
    with estate.catalog(tmp_path) as catalog:
        query = QUERIES["images-with-layer"]
        assert rows(catalog, query.sql, **query.bind({"digest": digest("base")}))[0][2] == "app"
