"""docs/reading-elsewhere.md: its programs and views see what the command sees, and its columns are the tables'."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from support.answers import rows
from support.commands import process
from support.hive import declaration
from support.pages import Page
from support.shop import Shop, shop

from indexer.store import Store
from indexer.tables import TABLES

__all__ = ["shop"]
PAGE = Page("docs/reading-elsewhere.md")
VIEWS = ("images", "manifests", "layers")


@pytest.fixture
def folder(tmp_path: Path, shop: Shop) -> Path:
    """A folder with a copy of the shop's store, in which a run that died has left a file of layers."""
    shutil.copytree(shop.folder, tmp_path / "store")
    (first, *_) = sorted((tmp_path / "store" / "layers").glob("*.parquet"))
    shutil.copy(first, first.with_name("20260109T000000.000Z-abcdef-00001.parquet"))
    return tmp_path


def programs() -> list[str]:
    return [block.text for block in PAGE.blocks("python")]


def run(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_declarations_are_those_of_the_tables() -> None:
    (block,) = PAGE.blocks("ddl")
    assert block.text == "\n".join(declaration(table) for table in TABLES.values())


def test_pandas_over_the_views(folder: Path) -> None:
    tags, repositories = run(programs()[0], folder).split()
    ((expected,),) = rows(folder / "store", "select count(*) from tags")
    assert int(tags) == expected
    ((expected,),) = rows(folder / "store", "select count(*) from repositories")
    assert int(repositories) == expected


def test_pandas_over_the_files_leaves_out_what_is_not_committed(folder: Path) -> None:
    ((expected,),) = rows(folder / "store", "select count(*) from all_layers")
    assert int(run(programs()[1], folder)) == expected
    littered = sum(pq.read_metadata(path).num_rows for path in (folder / "store" / "layers").glob("*.parquet"))
    assert littered > expected


def test_the_exported_file_answers(folder: Path) -> None:
    (block,) = (each for each in PAGE.blocks("console") if "export-views" in each.text)
    words = block.text.removeprefix("$ indexer ").split()
    done = process(*words[:-1], folder / words[-1], "--store", folder / "store")
    assert done.code == 0, done.err
    statements = next(PAGE.blocks("sql")).text
    with duckdb.connect(str(folder / "ecr.duckdb"), read_only=True) as connection:
        found = [connection.execute(each.query).fetchall() for each in duckdb.extract_statements(statements)]
    assert len(found[0]) == 5  # as its limit says
    assert found[1] == rows(folder / "store", "select kind, count(*) from manifests group by kind order by kind")


@pytest.fixture
def athena(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB with the tables over the page's lists of files, and the page's views over them."""
    *_, program = programs()
    run(program.replace("s3://BUCKET/PREFIX", str(folder / "store")), folder)
    connection = duckdb.connect()
    for name in TABLES:
        files = (folder / "athena" / name / "files.txt").read_text(encoding="utf-8").splitlines()
        connection.from_parquet(files).create_view(f"stored_{name}")
    *_, views = PAGE.blocks("sql")
    connection.execute(views.text)
    return connection


def test_the_lists_name_committed_files_only(folder: Path, athena: duckdb.DuckDBPyConnection) -> None:
    assert athena.execute("select 1").fetchall()
    files = Store.open(folder / "store").files()
    for name in TABLES:
        listed = (folder / "athena" / name / "files.txt").read_text(encoding="utf-8").splitlines()
        assert listed == [str(path) for path in files.tables[name]]


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_those_of_the_command(view: str, folder: Path, athena: duckdb.DuckDBPyConnection) -> None:
    columns = "registry_id, repository, manifest_digest, tags" if view == "images" else "manifest_digest"
    statement = f"select {columns} from {view} order by all"  # noqa: S608 - names from above
    theirs: list[tuple[Any, ...]] = athena.execute(statement).fetchall()
    assert theirs == rows(folder / "store", statement)
    assert theirs
