"""What DuckDB cannot keep in memory is in a folder that goes away with its process, however that ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexer import scratch
from indexer.catalog import Catalog, fetch
from indexer.errors import QueryError
from indexer.scratch import sweep

OPENED = """
import sys
from pathlib import Path
from indexer.catalog import Catalog, fetch
catalog = Catalog({})
folder = fetch(catalog.sql("select current_setting('temp_directory') as folder")).to_pylist()[0]["folder"]
Path(folder, "spilled").write_text("more than fits in memory")
print(folder, flush=True)
"""
WAITS = OPENED + "sys.stdin.read()\n"


@contextmanager
def process(base: Path, program: str = WAITS) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process with an open catalog, and the folder that it spills to."""
    words = [sys.executable, "-c", program]
    environment = os.environ | {"TMPDIR": str(base)}
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as started:
        assert started.stdout is not None
        try:
            yield started, Path(started.stdout.readline().strip())
        finally:
            started.kill()


def test_a_later_process_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    with process(tmp_path) as (killed, left), process(tmp_path) as (alive, used):
        assert tmp_path in left.parents
        assert left.parent != used.parent
        sweep(tmp_path)
        assert left.is_dir()
        killed.kill()
        killed.wait()
        assert (left / "spilled").exists(), "nothing is removed by a process that is killed"
        with process(tmp_path) as (_, third):
            assert not left.parent.exists()
            assert (used / "spilled").exists(), "a living process keeps its own"
            assert third.is_dir()
        alive.communicate()
        assert not used.parent.exists()


@pytest.mark.parametrize("end", ["", "1 / 0"])
def test_a_process_that_ends_leaves_nothing(tmp_path: Path, end: str) -> None:
    with process(tmp_path, OPENED + end) as (started, folder):
        started.communicate()
        assert folder.name
    assert list(tmp_path.iterdir()) == []


def test_a_fork_leaves_its_parents_folder_alone(tmp_path: Path) -> None:
    # A fork ends as multiprocessing has it end: taken apart in one, DuckDB waits for threads that it does not have.
    fork = """
import atexit, os
child = os.fork()
if not child:
    other = Catalog({})
    other.sql("select 1").fetchall()
    atexit._run_exitfuncs()
    os._exit(0)
os.waitpid(child, 0)
print(Path(folder, "spilled").exists(), len(list(Path(folder).parent.parent.iterdir())))
"""
    with process(tmp_path, OPENED + fork) as (started, _):
        said, _ = started.communicate()
    assert said.split() == ["True", "1"]


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    precious, base = tmp_path / "precious", tmp_path / "tmp"
    for folder in (precious, base, base / ".indexer-new-abc", base / "indexer-of-somebody"):
        folder.mkdir()
    (precious / "file").write_text("of somebody")
    (base / "indexer-spill-link").symlink_to(precious)
    (base / "indexer-spill-file").write_text("no folder")
    before = sorted(base.iterdir())
    sweep(base)
    sweep(base / "nowhere")
    assert sorted(base.iterdir()) == before
    assert (precious / "file").exists()


def test_each_catalog_has_a_folder_of_its_own() -> None:
    ask = "select current_setting('temp_directory') as folder"
    with Catalog({}) as one, Catalog({}) as two:
        folders = [Path(fetch(each.sql(ask)).to_pylist()[0]["folder"]) for each in (one, two)]
        assert folders[0] != folders[1]
        assert all(folder.is_dir() and folder.stat().st_mode & 0o077 == 0 for folder in folders), "for nobody else"
    assert not any(folder.exists() for folder in folders)


SORT = "select hash(range) as h, repeat('x', 100) || range as s from range(600000) order by h limit 1 offset 500000"


def test_more_than_memory_holds_is_sorted_all_the_same() -> None:
    with Catalog({}, settings={"memory_limit": "40MB", "threads": 1}) as catalog:
        assert len(fetch(catalog.sql(SORT))) == 1


def test_where_there_is_no_room_for_files_memory_is_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch._room.cache_clear()  # what it knows of this process's folder
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    try:
        with Catalog({}, settings={"memory_limit": "40MB", "threads": 1}) as catalog:
            assert fetch(catalog.sql("select 42 as n")).to_pylist() == [{"n": 42}]
            with pytest.raises(QueryError, match=r"not enough memory: could not allocate.*TMPDIR"):
                fetch(catalog.sql(SORT))
    finally:
        scratch._room.cache_clear()
