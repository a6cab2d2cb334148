"""Segments written by workers: the lock they inherit, names that never meet, and no commit once the right is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.store_rows import NOON, facts

from indexer.errors import StoreError, StoreLocked
from indexer.flatten import Bundle
from indexer.store import Store, segments_of


def nothing() -> None:
    """The right to write is there."""


def test_workers_write_for_the_writer(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version="0") as writer:
        writer.first_of(3)
        for number in range(1, 3):
            segments = segments_of(writer.share, writer.run_id, number=number, processes=3, check=nothing)
            for part in range(2):
                segments.add_all(Bundle.of([(facts(f"{number} {part}"), 0)]))
                segments.flush()
            segments.flush()
        for part in range(2):
            writer.add(facts(f"0 {part}"))
            writer.flush()
    assert store.files().segments == tuple(f"{writer.run_id}-{number:05d}" for number in range(1, 7))
    assert len(store.known()) == 6


def test_what_is_in_hand_is_not_left_behind(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    with store.writer(now=lambda: NOON, version="0") as writer:
        writer.add(facts("one"))
        with pytest.raises(ValueError, match="before it was said"):
            writer.first_of(2)
        writer.flush()
        with pytest.raises(ValueError, match="before it was said"):
            writer.first_of(2)
    assert len(store.known()) == 1


def test_nothing_is_committed_once_the_right_is_gone(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    calls: list[int] = []

    def gone_the_second_time() -> None:
        calls.append(1)
        if len(calls) == 2:
            assert list((tmp_path / "store" / "layers").iterdir()), "the other files are there already"
            raise StoreError("gone")

    with store.writer(now=lambda: NOON, version="0") as writer:
        segments = segments_of(writer.share, writer.run_id, number=0, processes=1, check=gone_the_second_time)
        segments.add_all(Bundle.of([(facts("a"), 0)]))
        with pytest.raises(StoreError, match="gone"):
            segments.flush()
        assert store.files().segments == ()
    with store.writer(now=lambda: NOON, version="0") as after:
        assert after.recovered.segment_files == 3


def test_a_process_that_inherits_the_lock_holds_it(tmp_path: Path) -> None:
    store = Store.create_or_open(tmp_path / "store")
    program = (
        "import subprocess, sys; from datetime import datetime, UTC; from indexer.store import Store\n"
        "with Store.create_or_open(sys.argv[1]).writer(now=lambda: datetime.now(UTC), version='0') as writer:\n"
        "    child = [sys.executable, '-c', 'import sys; sys.stdin.read()']\n"
        "    subprocess.Popen(child, pass_fds=writer.share.descriptors); print('held', flush=True)\n"
        "    import os; os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "store")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        process.wait()
        with pytest.raises(StoreLocked), store.writer(now=lambda: NOON, version="0"):
            pass
        process.communicate()  # ends the child's input, and the child
    with store.writer(now=lambda: NOON, version="0"):
        pass


def test_there_is_no_descriptor_without_the_lock(tmp_path: Path) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: NOON, version="0") as writer:
        assert writer.share.descriptors[0] > 2
    with pytest.raises(StoreError, match="does not hold"):
        _ = writer.share
