"""A disk that is full, or refuses: an error with the path and what to do, and a store as it was."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.store_disks import FullDisk
from support.store_rows import (
    NOON,
    VERSION,
    check_whole,
    everything_expected,
    everything_in,
    facts,
    image,
    run_row,
    write_run,
)

from indexer.errors import StoreError
from indexer.store import Store, Writer


def write_more(folder: Path, disk: FullDisk) -> None:
    store = Store.create_or_open(folder, disk=disk)
    with store.writer(now=lambda: NOON, version=VERSION, segment_manifests=2) as writer:
        for order, name in enumerate("bcd"):
            writer.add(facts(name), order)
            writer.add_images([image(writer, name)])
        writer.commit_run(run_row(writer))


@pytest.mark.parametrize("operation", ["create", "write", "sync_file", "close", "rename", "sync_folder"])
@pytest.mark.parametrize("at", range(0, 12, 3))
def test_an_error_leaves_whole_segments(tmp_path: Path, operation: str, at: int) -> None:
    folder = tmp_path / "store"
    write_run(Store.create_or_open(folder), ["a"])
    with pytest.raises(StoreError, match=rf"cannot write {folder}/.*: No space left on device\. Free some space"):
        write_more(folder, FullDisk(at, operation))
    store = Store.open(folder)
    names = check_whole(store.files())
    # Where only the last sync failed, the run may be there already, and is whole then.
    assert names in ([*"a"], [*"abc"], [*"abcd"])
    write_run(store, "abcd")
    files = store.files()
    assert sorted(check_whole(files)) == [*"abcd"]
    assert everything_in(folder) == everything_expected(files)


def test_a_full_disk_gets_its_space_back(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_run(Store.create_or_open(folder), ["a"])
    with pytest.raises(StoreError):
        write_more(folder, FullDisk(0, "write"))
    assert not list((folder / "staging").iterdir())


def test_a_writer_that_failed_goes_no_further(tmp_path: Path) -> None:
    said = []

    def work(writer: Writer) -> None:
        writer.add(facts("a"))
        with pytest.raises(StoreError, match="No space"):
            writer.flush()
        attempts: list[Callable[[], object]] = [
            writer.flush,
            lambda: writer.add(facts("b")),
            lambda: writer.add_images([]),
            lambda: writer.commit_run(run_row(writer)),
        ]
        for attempt in attempts:
            with pytest.raises(StoreError, match=r"nothing can be added: writing failed before .*No space"):
                attempt()
            said.append(attempt)

    write_run(Store.create_or_open(tmp_path / "store"), [])
    store = Store.create_or_open(tmp_path / "store", disk=FullDisk(0, "write"))
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        work(writer)
    assert len(said) == 4
    assert check_whole(store.files()) == []


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.EROFS, "Read-only file system. Mount it for writing"),
        (errno.EACCES, "Permission denied. Give this user the right"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "Input/output error. Check the path"),
    ],
)
def test_each_kind_of_refusal_has_its_advice(tmp_path: Path, number: int, advice: str) -> None:
    with pytest.raises(StoreError, match=f"{tmp_path}.*{advice}"):
        write_more(tmp_path / "store", FullDisk(0, "make_folder", number))
    write_run(Store.create_or_open(tmp_path / "other"), ["a"])
    with pytest.raises(StoreError, match=f"{tmp_path}.*{advice}"):
        write_more(tmp_path / "other", FullDisk(0, "create", number))


def test_a_leftover_that_cannot_be_removed(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_run(Store.create_or_open(folder), ["a"])
    (folder / "staging" / "format.json.tmp").write_text("left over")
    with pytest.raises(StoreError, match=r"cannot remove .*format\.json\.tmp: Operation not permitted"):
        write_more(folder, FullDisk(0, "remove", errno.EPERM))
    write_run(Store.open(folder), ["b"])


def test_a_published_name_is_never_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = Store.create_or_open(folder)
    write_run(store, ["a"])

    def clash() -> None:
        with store.writer(now=lambda: NOON, version=VERSION) as writer:
            writer.add(facts("b"))
            (folder / "configs" / f"{writer.run_id}-00001.parquet").write_text("somebody else's")

    with pytest.raises(StoreError, match="exists already"):
        clash()
    assert check_whole(store.files()) == ["a"]


LIMITED = """
import os, resource, sys
sys.path.insert(0, {tests!r})
from support.store_rows import write_run
from indexer.errors import StoreError
from indexer.store import Store
store = Store.create_or_open({folder!r})
write_run(store, ["a"])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    write_run(store, ["b"])
except StoreError as error:
    print(error)
"""


def test_a_file_size_limit_of_the_system(tmp_path: Path) -> None:
    """The same with a real refusal in the middle of a write, after part of the bytes."""
    folder = tmp_path / "store"
    script = LIMITED.format(tests=os.fspath(Path(__file__).parent.parent), folder=os.fspath(folder))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert "File too large. A limit on file sizes (ulimit -f) is too low" in ended.stdout
    assert ended.stderr == ""
    store = Store.open(folder)
    assert check_whole(store.files()) == ["a"]
    write_run(store, ["b"])
    assert check_whole(store.files()) == ["a", "b"]


FEW_FILES = """
import os, resource, sys
sys.path.insert(0, {tests!r})
from support.store_rows import write_run
from indexer.errors import StoreError
from indexer.store import Store
store = Store.create_or_open({folder!r})
write_run(store, ["0"])
there, (_, hard) = max(map(int, os.listdir("/dev/fd"))), resource.getrlimit(resource.RLIMIT_NOFILE)
for more in range(8):
    resource.setrlimit(resource.RLIMIT_NOFILE, (there + more, hard))
    try:
        write_run(store, [str(more)])
    except StoreError as error:
        print(type(error).__name__, error)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
"""


def test_too_few_open_files(tmp_path: Path) -> None:
    """Wherever in a run it is met: the limit is named, nothing is called damaged, what is committed is whole."""
    folder = tmp_path / "store"
    script = FEW_FILES.format(tests=os.fspath(Path(__file__).parent.parent), folder=os.fspath(folder))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
    refusals = ended.stdout.splitlines()
    assert len(refusals) > 2
    for refusal in refusals:
        assert refusal.startswith("StoreError ")
        assert "Too many open files" in refusal
        assert "ulimit -n" in refusal
    files = Store.open(folder).files()
    assert len(files.runs) == 9 - len(refusals)
    assert set(check_whole(files)) <= set("01234567")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_without_permissions(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    write_run(Store.create_or_open(folder), ["a"])
    (folder / "layers").chmod(0o500)
    try:
        with pytest.raises(StoreError, match="Permission denied"):
            write_run(Store.open(folder), ["b"])
        assert check_whole(Store.open(folder).files()) == ["a"]
    finally:
        (folder / "layers").chmod(0o700)
