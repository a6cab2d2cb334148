"""One writer at a time: another learns who holds the store; a dead one holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.store_rows import NOON, VERSION, check_whole, facts, image, read, run_row, write_run

from indexer.errors import StoreError, StoreLocked
from indexer.store import Store
from indexer.store.lock import FileLock

HOLDER = """
import sys, time
from datetime import UTC, datetime
from indexer.store import Store
with Store.create_or_open(sys.argv[1]).writer(now=lambda: datetime.now(UTC), version="1", command="other job"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the store until it is killed or its standard input ends."""
    command = [sys.executable, "-c", HOLDER, os.fspath(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_second_process_is_told_who_holds_the_store(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with other_process(folder) as process:
        with pytest.raises(StoreLocked) as caught:
            write_run(Store.open(folder), ["a"])
        message = str(caught.value)
        assert f"process {process.pid} on {socket.gethostname()}" in message
        assert "'other job'" in message
        assert "since 20" in message
        assert Store.open(folder).files().runs == ()  # readers need no lock


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with other_process(folder) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=30)
        left = (folder / "lock").read_text()
        assert json.loads(left)["pid"] == process.pid
        run_id = write_run(Store.open(folder), ["a"])
    assert Store.open(folder).files().runs == (run_id,)


def test_one_process_cannot_have_two_writers(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version=VERSION, command="first") as writer:
        with pytest.raises(StoreLocked, match=f"'first', process {os.getpid()} "):
            write_run(Store.open(tmp_path / "store"), ["a"])
        writer.commit_run(run_row(writer))
    write_run(store, ["a"])


def test_the_lock_says_who_and_is_never_truncated_before_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text("x" * 1000)
    lock = FileLock(path, command="a", since=NOON)
    text = path.read_text()
    assert json.loads(text) == {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "command": "a",
        "since": "2026-11-23T12:00:00+00:00",
    }
    with pytest.raises(StoreLocked):
        FileLock(path, command="b", since=NOON)
    assert path.read_text() == text
    lock.release()
    lock.release()
    assert not lock.held
    FileLock(path, command="b", since=NOON).release()


def test_a_holder_that_has_not_said_who_it_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        for text in ("", "{", "[]", '{"pid": 1}'):
            path.write_text(text)
            with pytest.raises(StoreLocked, match="just starting"):
                FileLock(path, command="b", since=NOON)


def test_a_lock_file_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(StoreError, match=r"cannot lock .*lock: Is a directory"):
        FileLock(tmp_path / "lock", command="b", since=NOON)


def test_the_descriptor_is_not_inherited(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version=VERSION):
        sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    with sleeper:
        try:
            write_run(store, ["a"])  # the child lives, and holds nothing
        finally:
            sleeper.kill()


def _forked(work: str) -> None:
    """Run a script that forks while it writes; its own output says what happened."""
    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", "-c", work], check=True, timeout=60)


FORK = """
import os, sys
sys.path.insert(0, {tests!r})
from support.store_rows import NOON, VERSION, facts, image, run_row
from indexer.errors import StoreError, StoreLocked
from indexer.store import Store
store = Store.create_or_open({folder!r})
ready, go = os.pipe(), os.pipe()
child = 0
try:
    with store.writer(now=lambda: NOON, version=VERSION) as writer:
        writer.add(facts("a"))
        writer.add_images([image(writer, "a")])
        child = os.fork()
        if child == 0:
            try:
                writer.add(facts("b"))
            except StoreError as error:
                assert "fork" in str(error), error
            else:
                raise SystemExit("a fork could write")
            raise ZeroDivisionError  # the child leaves the with block by an error, and tidies up nothing
        assert os.waitpid(child, 0)[1] == 0
        try:
            with Store.open({folder!r}).writer(now=lambda: NOON, version=VERSION):
                raise SystemExit("the end of the fork gave the lock away")
        except StoreLocked:
            pass
        writer.commit_run(run_row(writer))
except ZeroDivisionError:
    assert child == 0
"""


def test_a_fork_neither_writes_nor_unlocks(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    tests = os.fspath(Path(__file__).parent.parent)
    _forked(FORK.format(tests=tests, folder=os.fspath(folder)))
    files = Store.open(folder).files()
    assert check_whole(files) == ["a"]
    assert len(read(files, "images")) == 1


STAGED_FORK = """
import os, sys
from pathlib import Path
from indexer.store import Disk
from indexer.store.files import LocalFolder
folder = LocalFolder({folder!r}, Disk())
staged = folder.stage("layers/a.parquet")
staged.write(b"parent")
child = os.fork()
if child == 0:
    staged.write(b"child" * 1_000_000)
    staged.abandon()
    raise SystemExit
assert os.waitpid(child, 0)[1] == 0
staged.publish()
"""


def test_a_fork_cannot_reach_a_file_that_is_being_written(tmp_path: Path) -> None:
    for name in ("layers", "staging"):
        (tmp_path / name).mkdir()
    _forked(STAGED_FORK.format(folder=os.fspath(tmp_path)))
    assert (tmp_path / "layers" / "a.parquet").read_bytes() == b"parent"


def test_writing_after_the_end_is_refused(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: NOON, version=VERSION) as writer:
        writer.commit_run(run_row(writer))
        with pytest.raises(StoreError, match="is committed"):
            writer.add(facts("a"))
    with pytest.raises(StoreError, match="lock"):
        writer.add_images([image(writer, "a")])
