"""The library's front door: an open store in a notebook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from support.shop import Shop, opened
from support.world import START

import indexer
from indexer.errors import QueryError, StoreFormatError, StoreMissing
from indexer.front import OpenStore, Rows
from indexer.store import Store


def test_named_queries_give_relations(store: OpenStore) -> None:
    relation = store.query("most-shared-layers", limit=1)
    assert relation.fetchall()[0][2] == 5
    assert store.query("most-shared-layers").df()["manifests"][0] == 5
    assert isinstance(store.query("largest-layers").to_arrow_table(), pa.Table)


def test_sql_takes_parameters(store: OpenStore) -> None:
    rows = store.sql("select count(*) from images where repository = $name", name="team/app").fetchall()
    assert rows == [(6,)]


def test_queries_are_listed_with_their_questions(store: OpenStore) -> None:
    assert store.queries()["largest-images"].endswith("?")
    for name in store.queries():
        assert store.catalog.queries[name].question == store.queries()[name]


def test_views_and_columns_are_described(store: OpenStore) -> None:
    assert {"images", "tags", "manifests", "all_layers", "runs"} <= set(store.tables())
    assert all(store.tables().values())
    columns = store.columns("images")
    assert columns[0]["column"] == "run_id"
    assert {"column": "tags", "type": "varchar[]"}.items() <= next(c for c in columns if c["column"] == "tags").items()
    assert all(column["description"] for column in columns)
    assert store.columns("no such view") == []


def test_own_queries_come_from_their_folder(shop: Shop, tmp_path: Path) -> None:
    text = "-- question: How many?\n-- empty: None.\nselect count(*) as runs\nfrom runs\n"
    (tmp_path / "how-many.sql").write_text(text)
    with indexer.open(shop.folder, queries=[tmp_path]) as store:
        assert store.query("how-many").fetchall() == [(2,)]


def test_runs_are_the_newest_first(store: OpenStore) -> None:
    rows = store.runs().to_arrow_table().to_pylist()
    assert len(rows) == 2
    assert rows[0]["started_at"] > rows[1]["started_at"]


def test_repr_tells_where_and_how_fresh(store: OpenStore, shop: Shop) -> None:
    assert repr(store).startswith(f"<indexer.OpenStore '{shop.folder}': 2 runs, the newest of 2026-01-03 02:00 UTC")
    store.close()
    assert repr(store) == f"<indexer.OpenStore '{shop.folder}': closed>"


def test_one_moment_is_shown_until_refresh(tmp_path: Path) -> None:
    with opened(tmp_path / "store") as world:
        store = indexer.open(tmp_path / "store")
        world.run()
        assert len(store.runs().to_arrow_table()) == 2
        store.refresh()
        assert len(store.runs().to_arrow_table()) == 3
        store.close()


def test_a_store_without_a_run_says_so(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path).writer(now=lambda: START, version="1"):
        pass
    with indexer.open(tmp_path) as store:
        assert repr(store) == f"<indexer.OpenStore '{tmp_path}': no run is committed yet>"
        assert store.query("largest-images").fetchall() == []


def test_no_store_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreMissing, match="indexer run"):
        indexer.open(tmp_path / "nowhere")
    (tmp_path / "letter.txt").write_text("dear store")
    with pytest.raises(StoreFormatError):
        indexer.open(tmp_path)


def test_rows_come_in_batches(store: OpenStore) -> None:
    rows = Rows(store.sql("select i from range(2500) as numbers(i)"), 1000)
    assert rows.schema.names == ["i"]
    assert [value for batch in rows for value in batch.column(0).to_pylist()] == list(range(2500))


def test_a_query_that_fails_on_the_way_is_a_query_error(store: OpenStore) -> None:
    statement = "select (case when i > 400000 then 'x' else '1' end)::integer from range(500000) as numbers(i)"
    with pytest.raises(QueryError, match="Could not convert"):
        list(Rows(store.sql(statement)))
    with pytest.raises(QueryError, match="Could not convert"):
        Rows(store.sql("select 'x'::integer from runs"))


def test_importing_the_library_is_cheap() -> None:
    slow = ("boto3", "duckdb", "pyarrow", "pydantic", "typer")
    code = f"import indexer, sys; print([name for name in {slow} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "asking", ["find team/app", "find team/app:1.0", "query tag-history --format csv", "status", "sql from_runs"]
)
def test_reading_needs_neither_boto3_nor_pandas(shop: Shop, asking: str) -> None:
    """pandas is installed here, as where there are notebooks; to import it takes longer than most questions."""
    words = [word.replace("_", " ") for word in asking.split()] + ["--store", str(shop.folder)]
    code = f"import sys; from indexer.cli import execute; execute({words!r})"
    heavy = "print(sorted({'boto3', 'pandas'} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", f"{code}; {heavy}"], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    assert done.stdout


def test_a_look_up_loads_nothing_of_what_writes_nor_a_configuration(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("this: is not read\n", encoding="utf-8")
    words = ["find", "team/app:1.0", "--store", str(shop.folder.resolve())]
    writing = {"indexer.flatten", "indexer.store.segments", "indexer.store.writer", "indexer.store.upkeep"}
    unused = writing | {"indexer.config", "pyarrow.parquet", "pytz", "yaml"}
    code = f"import sys; from indexer.cli import execute; execute({words!r}); print({unused} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "set()"
    assert done.stderr == ""
