"""Query files: what is read from them, and what is refused with file and line."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from indexer.catalog import Parameter, load_queries, load_views, shipped_queries
from indexer.catalog.parameters import Value
from indexer.catalog.queries import find_query
from indexer.errors import QueryError

GOOD = """\
-- question: Which tags are there?
-- caveat: Of all repositories.
-- caveat: In order.
-- parameter: limit integer = 20 : rows at most
-- parameter: repository glob = * : repositories: all of them
-- parameter: digest digest : the image
-- parameter: since timestamp = null : pushed after this
-- empty: There is no tag.
-- Any comment below the header would do, but this line is part of it.
select tag -- and: this is free
from tags
where manifest_digest = $digest and repository glob $repository and ($since is null or pushed_at > $since)
limit $limit
"""
MINIMAL = "-- question: One?\n-- empty: None.\n{}select 1 as one\n"


def write(folder: Path, text: str, name: str = "some-tags.sql") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_query_is_its_header_and_its_sql(tmp_path: Path) -> None:
    text = "\n".join(line for line in GOOD.splitlines() if "Any comment" not in line) + "\n"
    path = write(tmp_path, text)
    query = load_queries([tmp_path])["some-tags"]
    assert query.question == "Which tags are there?"
    assert query.caveats == ("Of all repositories.", "In order.")
    assert query.empty == "There is no tag."
    assert query.path == path
    assert query.sql == text
    assert query.parameters == (
        Parameter("limit", "integer", "rows at most", required=False, default=20),
        Parameter("repository", "glob", "repositories: all of them", required=False, default="*"),
        Parameter("digest", "digest", "the image", required=True),
        Parameter("since", "timestamp", "pushed after this", required=False, default=None),
    )


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("-- caveats: mistyped\n", "q.sql:3: unknown key 'caveats' in the header; known are caveat, empty"),
        ("-- just words\n", "q.sql:3: expected '-- key: value' in the header, found '-- just words'"),
        ("--caveat: no space\n", "q.sql:3: expected '-- key: value'"),
        ("-- caveat:\n", "q.sql:3: expected '-- key: value'"),
        ("-- question: Two?\n", "q.sql:3: a second '-- question:' line"),
        ("-- parameter: limit\n", "q.sql:3: expected 'name type : description' or"),
        ("-- parameter: limit integer = 3\n", "q.sql:3: expected 'name type : description' or"),
        ("-- parameter: Limit integer : rows\n", "q.sql:3: expected 'name type : description' or"),
        ("-- parameter: limit int : rows\n", "q.sql:3: unknown type 'int' of parameter limit; known are integer"),
        ("-- parameter: limit integer = many : rows\n", "q.sql:3: the default is no integer: limit=many: expected"),
        ("-- parameter: a text : x\n-- parameter: a text : y\n", "q.sql:4: parameter a is declared twice"),
        ("-- parameter: unused text : x\n", "parameter unused is declared, but the statement does not use $unused"),
    ],
)
def test_a_broken_header_is_refused_with_file_and_line(tmp_path: Path, header: str, complaint: str) -> None:
    write(tmp_path, MINIMAL.format(header), "q.sql")
    with pytest.raises(QueryError) as caught:
        load_queries([tmp_path])["q"]
    assert complaint in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-- empty: None.\nselect 1", "the header has no '-- question: ...' line"),
        ("-- question: One?\nselect 1", "the header has no '-- empty: ...' line"),
        ("\n-- question: One?\n-- empty: None.\nselect 1", "the header has no '-- question: ...' line"),
        (MINIMAL.format("") + "; select 2", "there are 2 SQL statements"),
        ("-- question: One?\n-- empty: None.\n", "there is no SQL statement"),
        (MINIMAL.format("") + "where 1 = $mine", "$mine is used, but no '-- parameter: mine ...' declares it"),
        (MINIMAL.format("") + "form tags", "syntax error"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    write(tmp_path, text, "q.sql")
    with pytest.raises(QueryError) as caught:
        load_queries([tmp_path])["q"]
    assert complaint in str(caught.value)
    assert "q.sql" in str(caught.value)


def test_a_badly_named_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL.format(""), "My_Query.sql")
    with pytest.raises(QueryError, match="lower-case words joined by '-'"):
        load_queries([tmp_path])


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(QueryError, match=r"q\.sql: cannot be read"):
        load_queries([tmp_path])["q"]


def test_a_broken_file_stops_only_who_needs_it(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL.format(""), "good.sql")
    write(tmp_path, "select 1", "wrong.sql")
    queries = load_queries([tmp_path])
    assert queries["good"] is queries["good"]
    assert list(queries) == ["good", "wrong"]
    assert "wrong" in queries
    with pytest.raises(QueryError, match="did you mean wrong"):
        find_query(queries, "wrnog")
    with pytest.raises(QueryError, match=r"wrong\.sql: the header has no"):
        list(queries.values())


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"no folder; queries: in config\.yaml"):
        load_queries([tmp_path / "absent"])


def test_a_users_query_may_not_take_a_shipped_name(tmp_path: Path) -> None:
    mine = write(tmp_path, MINIMAL.format(""), "failures.sql")
    with pytest.raises(QueryError) as caught:
        load_queries([shipped_queries(), tmp_path])
    assert str(mine) in str(caught.value)
    assert str(shipped_queries() / "failures.sql") in str(caught.value)


def test_a_users_query_stands_after_the_shipped_ones(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL.format(""), "a.sql")
    assert list(load_queries([shipped_queries(), tmp_path]))[-1] == "a"


def test_shipped_queries_are_a_folder_beside_or_inside_the_package() -> None:
    assert (shipped_queries() / "registry-totals.sql").is_file()
    assert shipped_queries().name == "queries"


def test_views_that_read_from_each_other_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "-- view: One.\nselect * from two", "one.sql")
    write(tmp_path, "-- view: Two.\nselect * from one", "two.sql")
    with pytest.raises(QueryError, match=r"in a circle: one -> two -> one|in a circle: two -> one -> two"):
        load_views(tmp_path)


def test_a_views_header_is_read_strictly(tmp_path: Path) -> None:
    write(tmp_path, "-- view: One.\n-- column: x is one\nselect 1 as x", "one.sql")
    with pytest.raises(QueryError, match=r"one\.sql:2: expected 'name : description'"):
        load_views(tmp_path)


def test_a_view_is_like_tables_that_there_are(tmp_path: Path) -> None:
    write(tmp_path, "-- view: One.\n-- like: images\n-- column: tags : Mine.\nselect 1 as status", "one.sql")
    (view,) = load_views(tmp_path)
    assert (view.columns["tags"], view.columns["status"][:6]) == ("Mine.", "ACTIVE")
    write(tmp_path, "-- view: One.\n-- like: tags\nselect 1 as x", "one.sql")
    with pytest.raises(QueryError, match=r"one\.sql:2: no such table: tags; there are manifests, layers"):
        load_views(tmp_path)


def test_views_are_ordered_by_what_they_read(tmp_path: Path) -> None:
    shutil.copy(shipped_queries() / "views" / "images.sql", tmp_path / "images.sql")
    write(tmp_path, "-- view: A.\n-- column: x : one\nselect x from zebra -- join images\njoin images", "a.sql")
    write(tmp_path, "-- view: Z.\nselect 'from a' as x", "zebra.sql")
    views = load_views(tmp_path)
    assert [view.name for view in views][-1] == "a"
    assert views[-1].columns == {"x": "one"}


DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("type_", "given", "value"),
    [
        ("integer", "20", 20),
        ("integer", -3, -3),
        ("number", "0.5", 0.5),
        ("number", 2, 2.0),
        ("text", "", ""),
        ("glob", "a*", "a*"),
        ("digest", DIGEST, DIGEST),
        ("boolean", "Yes", True),
        ("boolean", "0", False),
        ("boolean", False, False),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", date(2026, 1, 31), date(2026, 1, 31)),
        ("timestamp", "2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("timestamp", "2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("timestamp", date(2026, 1, 31), datetime(2026, 1, 31, tzinfo=UTC)),
        ("timestamp", datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)),
    ],
)
def test_values_become_the_declared_type(type_: str, given: object, value: Value) -> None:
    found = Parameter("p", type_, "a thing", required=True).cast(given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        ("integer", "1.5"),
        ("integer", "many"),
        ("integer", True),
        ("integer", 2**63),
        ("integer", "9" * 30),
        ("integer", None),
        ("number", "nan"),
        ("number", "1e999"),
        ("number", "x"),
        ("number", False),
        ("text", 1),
        ("glob", ""),
        ("digest", "sha256:abc"),
        ("digest", 7),
        ("boolean", "perhaps"),
        ("boolean", 1),
        ("date", "31.1.2026"),
        ("date", datetime(2026, 1, 1, tzinfo=UTC)),
        ("timestamp", "yesterday"),
        ("timestamp", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_values_of_another_type_are_refused(type_: str, given: object) -> None:
    with pytest.raises(QueryError) as caught:
        Parameter("p", type_, "a thing", required=True).cast(given)
    assert str(caught.value).startswith("p=")
    assert "expected a " in str(caught.value) or "expected text" in str(caught.value) or "true" in str(caught.value)
    assert str(caught.value).endswith("(a thing)")


@pytest.mark.parametrize(("type_", "least"), [("integer", -(2**63)), ("count", 0)])
def test_a_number_that_is_too_large_is_told_the_limits(type_: str, least: int) -> None:
    parameter = Parameter("n", type_, "how many", required=True)
    with pytest.raises(QueryError, match=f"expected a whole number from {least} to {2**63 - 1} "):
        parameter.cast(str(2**63))
    assert parameter.cast(str(2**63 - 1)) == 2**63 - 1


def test_null_is_for_parameters_whose_default_is_null() -> None:
    optional = Parameter("p", "integer", "a thing", required=False, default=None)
    assert optional.cast("null") is None
    assert optional.cast(None) is None
    assert optional.cast("4") == 4
    with pytest.raises(QueryError, match="expected a whole number such as 20, or null"):
        optional.cast("x")
    with pytest.raises(QueryError, match="expected a whole number"):
        Parameter("p", "integer", "a thing", required=False, default=1).cast(None)
