"""A catalog reads its store and nothing else, and says in plain words what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from indexer.catalog import Catalog, fetch
from indexer.errors import QueryError, StoreDamaged
from indexer.tables import LAYERS, LayerRow, to_arrow

DIGESTS = ["sha256:" + letter * 64 for letter in "abc"]


def store(folder: Path) -> dict[str, list[Path]]:
    """A store with three rows in layers; the folder's name is a pattern that must not be taken for one."""
    path = folder / "it's [a] *store?" / "layers" / "s1.parquet"
    path.parent.mkdir(parents=True)
    rows = [LayerRow(digest, 0, digest, None, 1, True, None) for digest in DIGESTS]
    pq.write_table(to_arrow(LAYERS, rows), path)
    return {"layers": [path]}


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    files = store(tmp_path)
    with Catalog(files, folder=files["layers"][0].parent.parent) as opened:
        yield opened


def rows(catalog: Catalog, statement: str, **parameters: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fetch(catalog.sql(statement, parameters)).to_pylist()
    return found


def complaint(catalog: Catalog, statement: str, **parameters: object) -> str:
    with pytest.raises(QueryError) as caught:
        fetch(catalog.sql(statement, parameters))
    return str(caught.value)


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) as n from all_layers",
        "with l as (from all_layers) select count(*) as n from l",
        "from all_layers select count(*) as n;",
        "-- a comment; with a semicolon\nselect count(*) as n from all_layers",
        "with p as (pivot all_layers on position using count(*)) select count(*) as n from p",
    ],
)
def test_reading_statements_run(catalog: Catalog, statement: str) -> None:
    assert rows(catalog, statement)[-1] == {"n": 3}


@pytest.mark.parametrize(
    "statement",
    [
        "describe layers",
        "describe all_layers",
        "summarize all_layers",
        "show tables",
        "explain select 1",
        "explain (format json) select 1",
        "/* why */ explain -- really\n select 'explain copy'",
        "pivot all_layers on position using count(*)",
        "values (1)",
        "table all_layers",
    ],
)
def test_looking_around_is_reading(catalog: Catalog, statement: str) -> None:
    assert rows(catalog, statement)


def test_show_tables_shows_every_view(catalog: Catalog) -> None:
    assert {row["name"] for row in rows(catalog, "show tables")} >= set(catalog.views)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("information_schema.tables", "table_name"),
        ("duckdb_views()", "view_name"),
        ("pg_catalog.pg_views", "viewname"),
        ("sqlite_master", "tbl_name"),
    ],
)
def test_what_tells_of_views_knows_them_all(catalog: Catalog, table: str, column: str) -> None:
    assert {row[column] for row in rows(catalog, f"from {table}")} >= set(catalog.views)


@pytest.mark.parametrize(
    "statement",
    [
        """select count(*) as "repository's layers" from layers where layer_digest <> 'x'""",
        "select $$it's$$ as a, count(*) from layers where layer_digest <> 'x'",
        r"select E'it\'s' as a, count(*) from layers where layer_digest <> 'x'",
        "select 1 /* /* nested */ ' */, count(*) from layers where layer_digest <> 'x'",
        "from 'layers'",
        "from query_table('layers')",
        "from pragma_table_info('layers')",
    ],
)
def test_views_are_there_however_they_are_named(catalog: Catalog, statement: str) -> None:
    assert rows(catalog, statement)


def test_desc_describes_every_view(catalog: Catalog) -> None:
    assert len(rows(catalog, "desc")) >= len(catalog.views)


def test_parameters_are_bound(catalog: Catalog) -> None:
    found = rows(catalog, "select position from all_layers where layer_digest = $digest", digest=DIGESTS[1])
    assert found == [{"position": 0}]


def test_a_relation_can_be_built_upon(catalog: Catalog) -> None:
    relation = catalog.sql("select layer_digest, size from all_layers where size = $size", {"size": 1})
    assert fetch(relation.filter("layer_digest like '%b'")).num_rows == 1
    assert isinstance(relation, duckdb.DuckDBPyRelation)


@pytest.mark.parametrize(
    "statement",
    [
        "create table t (a int)",
        "create or replace view layers as select 1",
        "drop view layers",
        "insert into layers select 1",
        "delete from layers",
        "update layers set size = 0",
        "copy all_layers to '{folder}/x.csv'",
        "explain analyze copy all_layers to '{folder}/x.csv'",
        "explain (analyze) copy all_layers to '{folder}/x.csv'",
        "explain /* ( */ analyze -- x\n copy all_layers to '{folder}/x.csv'",
        "export database '{folder}/x'",
        "import database '{folder}/x'",
        "attach '{folder}/x.db'",
        "install httpfs",
        "load httpfs",
        "set threads = 1",
        "pragma threads = 1",
        "call pragma_version()",
        "use memory",
        "begin",
        "checkpoint",
        "vacuum",
        "prepare p as select 1",
    ],
)
def test_anything_but_reading_is_refused(catalog: Catalog, tmp_path: Path, statement: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    text = statement.format(folder=str(tmp_path).replace("'", "''"))
    assert "is not allowed: the store is only read" in complaint(catalog, text)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd.csv'",
        "select content from read_text('/etc/hostname')",
        "select * from read_csv('{folder}/secret.csv')",
        "select * from glob('{folder}/*')",
        "select * from read_csv('https://localhost/x.csv')",
    ],
)
def test_files_outside_of_the_store_cannot_be_read(catalog: Catalog, tmp_path: Path, statement: str) -> None:
    found = complaint(catalog, statement.format(folder=tmp_path))
    assert "SQL may read the files of the store's folder only" in found or "extension" in found.lower()


def test_without_a_folder_only_the_files_can_be_read(tmp_path: Path) -> None:
    files = store(tmp_path)
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with Catalog(files) as opened:
        assert rows(opened, "select count(*) as n from all_layers") == [{"n": 3}]
        assert "SQL may read" in complaint(opened, f"from read_csv('{tmp_path}/secret.csv')")


def test_unsafe_may_read_any_file_but_still_only_reads(tmp_path: Path) -> None:
    (tmp_path / "teams.csv").write_text("a,b\n1,2\n")
    with Catalog({}, folder=tmp_path / "store", unsafe=True) as opened:
        assert rows(opened, f"from read_csv('{tmp_path}/teams.csv')") == [{"a": 1, "b": 2}]
        assert "only read" in complaint(opened, f"copy (select 1) to '{tmp_path}/x.csv'")


def test_variables_of_the_calling_program_are_no_tables(catalog: Catalog) -> None:
    mine = to_arrow(LAYERS, [])
    assert "there is no view mine" in complaint(catalog, "select * from mine")
    assert mine.num_rows == 0


def test_settings_are_locked(catalog: Catalog) -> None:
    with pytest.raises(duckdb.Error, match="locked"):
        catalog._connections.here.execute("set enable_external_access = true")


def test_times_are_utc(catalog: Catalog) -> None:
    found = rows(catalog, "select timestamptz '2026-01-01 00:00:00'::varchar as t")
    assert found == [{"t": "2026-01-01 00:00:00+00"}]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("", "there is no SQL statement; give one, such as: select"),
        ("select 1; select 2", "there are 2 SQL statements; give one at a time"),
        ("selec 1", 'syntax error at or near "selec"'),
        ("select * from imagse", "there is no view imagse, did you mean images? To see all "),
        ("select * from zzz", "there is no view zzz. Mostly asked are repositories, images, tags, "),
        ("select sise from all_layers", "there is no column sise; the nearest are size"),
        ("select layer_digest::int from all_layers", "Could not convert string"),
        ("select fooo(1)", "Scalar Function with name fooo does not exist!"),
        ("select 99999999999::integer", "99999999999 is too large: at most 2,147,483,647 and at least -2,147,483,648"),
        ("select (-1)::utinyint", "-1 is too small: at most 255 and at least 0"),
        ("select now() - to_days(2147483647)", "this comes to a time beyond those that a timestamp can hold"),
        ("select date '2026-01-01' + interval 999999999 days", "this comes to a time beyond those that a timestamp"),
        ("select * from all_layers where size = $size", "without a value: size; give each as -p NAME=VALUE"),
    ],
)
def test_mistakes_are_answered_in_plain_words(catalog: Catalog, statement: str, expected: str) -> None:
    found = complaint(catalog, statement)
    assert expected in found
    assert not found.startswith(("Catalog Error", "Binder Error", "Parser Error", "Conversion Error"))


def test_an_unknown_query_is_answered_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(QueryError) as caught:
        catalog.query("most-shared-layer")
    assert str(caught.value) == (
        "there is no query 'most-shared-layer', did you mean most-shared-layers? indexer query lists them all"
    )
    with pytest.raises(QueryError, match="there is no query 'x'; indexer query lists them all"):
        catalog.query("x")


def test_an_unknown_parameter_is_answered_with_the_nearest(catalog: Catalog) -> None:
    with pytest.raises(QueryError) as caught:
        catalog.query("largest-layers", {"limti": 3})
    assert str(caught.value) == ("largest-layers has no parameter 'limti', did you mean limit? it takes limit (count)")
    with pytest.raises(QueryError, match="it takes none"):
        catalog.query("media-types", {"limit": 3})


def test_a_missing_parameter_is_answered_with_the_command(catalog: Catalog) -> None:
    with pytest.raises(QueryError) as caught:
        catalog.query("images-with-layer")
    assert str(caught.value) == (
        "images-with-layer needs digest (the layer): indexer query images-with-layer -p digest=..."
    )


def test_a_wrong_value_is_answered_with_what_is_expected(catalog: Catalog) -> None:
    with pytest.raises(QueryError) as caught:
        catalog.query("largest-layers", {"limit": "a few"})
    assert str(caught.value) == "limit='a few': expected a whole number such as 20, not below 0 (rows at most)"
    with pytest.raises(QueryError):
        fetch(catalog.query("largest-layers", {"limit": "-1"}))


def test_a_missing_file_is_a_damaged_store(tmp_path: Path) -> None:
    with pytest.raises(StoreDamaged, match="all_layers: a committed file cannot be read"):
        Catalog({"layers": [tmp_path / "absent.parquet"]}, folder=tmp_path)


def test_a_file_that_is_no_parquet_is_a_damaged_store(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(StoreDamaged, match=r"torn\.parquet"):
        Catalog({"layers": [tmp_path / "torn.parquet"]}, folder=tmp_path)


@pytest.mark.parametrize("left", [None, b"", b"PAR1 and then nothing", b"no Parquet at all"])
def test_a_file_that_goes_bad_while_the_catalog_is_open_is_a_damaged_store(tmp_path: Path, left: bytes | None) -> None:
    files = store(tmp_path)
    with Catalog(files, folder=tmp_path) as opened:
        files["layers"][0].unlink()
        if left is not None:
            files["layers"][0].write_bytes(left)
        with pytest.raises(StoreDamaged, match="a Parquet file cannot be read"):
            fetch(opened.sql("select count(*) from all_layers"))


@pytest.mark.parametrize(("old", "new"), [(b"layer_digest", b"la\xffer_digest"), (b"PAR1", b"\x00" * 30 + b"PAR1")])
def test_a_file_of_which_duckdb_makes_no_sense_is_a_damaged_store(tmp_path: Path, old: bytes, new: bytes) -> None:
    """A name that is no text, and a footer of nothing: errors of no class of DuckDB's, or of none at all."""
    files = store(tmp_path)
    data = files["layers"][0].read_bytes()
    files["layers"][0].write_bytes(data[:4] + data[4:].replace(old, new, 1))
    with pytest.raises(StoreDamaged, match="cannot be read"), Catalog(files, folder=tmp_path) as opened:
        fetch(opened.sql("select * from all_layers"))


def test_what_does_not_fit_in_memory_is_not_left_in_the_working_directory(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    [found] = rows(catalog, "select current_setting('temp_directory') as folder")
    assert Path(found["folder"]).is_absolute()
    assert tmp_path not in Path(found["folder"]).parents


def test_an_unknown_table_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such table: layer"):
        Catalog({"layer": []}, folder=tmp_path)


def test_a_users_folder_of_queries_is_run_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "how-many.sql").write_text(
        "-- question: How many?\n-- parameter: more integer = 1 : to add\n-- empty: None.\n"
        "select count(*) + $more as n from all_layers\n"
    )
    with Catalog(store(tmp_path), query_folders=[tmp_path]) as opened:
        assert fetch(opened.query("how-many", {"more": "2"})).to_pylist() == [{"n": 5}]
        assert opened.queries["how-many"].path == tmp_path / "how-many.sql"
