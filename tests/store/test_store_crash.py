"""A writer that dies at any file operation: nothing committed is lost, nothing shows twice, the next one goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from support.store_disks import Death, Died, DyingDisk, WatchedDisk
from support.store_rows import (
    NOON,
    VERSION,
    check_whole,
    everything_expected,
    everything_in,
    facts,
    failure,
    image,
    read,
    repository,
    run_row,
    write_run,
)

from indexer.errors import StoreMissing
from indexer.store import Disk, Recovered, Store, Writer

OLD = ["old 1", "old 2", "old 3"]
FIRST = ["new 1", "new 2"]  # fills a segment
SECOND = ["new 3"]  # in hand when the run is committed
LATER = NOON + timedelta(days=1)
DEATHS: tuple[Death, ...] = get_args(Death)
NEVER = 10_000


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one committed run of two segments."""
    folder = tmp_path_factory.mktemp("template") / "store"
    write_run(Store.create_or_open(folder), OLD)
    return folder


def play(folder: Path, disk: Disk, said: Callable[[str], None] = lambda _: None) -> None:
    """The writer that dies: a segment, more, then the run. `said` hears of each commit once it is acknowledged."""
    store = Store.create_or_open(folder, disk=disk)
    with store.writer(now=lambda: LATER, version=VERSION, segment_manifests=2) as writer:
        write_all(writer, said)


def write_all(writer: Writer, said: Callable[[str], None]) -> None:
    writer.add_repository(repository(writer, "shop/web"))
    writer.add_failure(failure(writer, "for example"))
    for name in FIRST:
        writer.add(facts(name))
    said("segment")
    writer.add(facts(SECOND[0]))
    writer.add_images(image(writer, name) for name in (*OLD, *FIRST, *SECOND))
    writer.commit_run(run_row(writer))
    said("run")


def die(folder: Path, at: int, death: Death) -> tuple[DyingDisk, list[str]]:
    """Play until operation `at`; return the disk and what had been acknowledged by then."""
    disk, acknowledged = DyingDisk(at, death), list[str]()
    with suppress(Died):
        play(folder, disk, acknowledged.append)
    disk.bury()
    return disk, acknowledged


def check_after_death(store: Store, acknowledged: list[str]) -> None:
    files = store.files()
    names = check_whole(files)
    assert names in (OLD, OLD + FIRST, OLD + FIRST + SECOND)
    if "segment" in acknowledged:
        assert names[: len(OLD + FIRST)] == OLD + FIRST
    if "run" in acknowledged or len(files.runs) == 2:
        assert names == OLD + FIRST + SECOND
        assert len(files.runs) == 2
        assert len(read(files, "failures")) == 1
    assert len(files.runs) in {1, 2}


def check_next_run(folder: Path) -> None:
    """The next run adds what is missing and leaves nothing behind."""
    store = Store.open(folder)
    before = check_whole(store.files())
    with store.writer(now=lambda: LATER, version=VERSION) as writer:
        added = [name for name in OLD + FIRST + SECOND if writer.add(facts(name))]
        writer.add_images(image(writer, name) for name in OLD + FIRST + SECOND)
        writer.commit_run(run_row(writer))
    assert sorted(before + added) == sorted(OLD + FIRST + SECOND)
    files = store.files()
    assert sorted(check_whole(files)) == sorted(OLD + FIRST + SECOND)
    assert everything_in(folder) == everything_expected(files)


def operations(template: Path, folder: Path) -> list[str]:
    shutil.copytree(template, folder)
    disk, acknowledged = die(folder, NEVER, "before")
    assert acknowledged == ["segment", "run"]
    shutil.rmtree(folder)
    return disk.done


@pytest.mark.slow
@pytest.mark.parametrize("death", ["before", "torn", "power"])
def test_dying_at_every_operation_of_segments_and_run(template: Path, tmp_path: Path, death: Death) -> None:
    folder = tmp_path / "store"
    done = operations(template, folder)
    assert done.count("rename") == 4 * 3  # two segments and a run, four files each
    for at, operation in enumerate(done):
        if death == "torn" and operation != "write":
            continue  # the same as before
        shutil.copytree(template, folder)
        _, acknowledged = die(folder, at, death)
        check_after_death(Store.open(folder), acknowledged)
        check_next_run(folder)
        shutil.rmtree(folder)


@pytest.mark.parametrize("death", DEATHS)
def test_dying_at_every_operation_of_making_a_store(tmp_path: Path, death: Death) -> None:
    measure = DyingDisk(NEVER, death)
    with Store.create_or_open(tmp_path / "measure", disk=measure).writer(now=lambda: NOON, version=VERSION):
        pass
    measure.bury()
    assert "rename" in measure.done
    for at in range(len(measure.done)):
        folder = tmp_path / str(at)
        disk = DyingDisk(at, death)
        with pytest.raises(Died), Store.create_or_open(folder, disk=disk).writer(now=lambda: NOON, version=VERSION):
            pass
        disk.bury()
        with suppress(StoreMissing):
            assert check_whole(Store.open(folder).files()) == []
        write_run(Store.create_or_open(folder), OLD)
        files = Store.open(folder).files()
        assert check_whole(files) == OLD
        assert everything_in(folder) == everything_expected(files)


@pytest.mark.parametrize("death", DEATHS)
def test_dying_while_recovering(template: Path, tmp_path: Path, death: Death) -> None:
    folder = tmp_path / "store"
    done = operations(template, folder)
    last_rename = len(done) - 1 - done[::-1].index("rename")
    for again in range(20):
        shutil.copytree(template, folder)
        die(folder, last_rename, "before")  # leaves three published files of a run and a staged one
        disk = DyingDisk(again, death)
        try:
            with Store.create_or_open(folder, disk=disk).writer(now=lambda: LATER, version=VERSION) as writer:
                recovered = writer.recovered
        except Died:
            pass
        disk.bury()
        check_after_death(Store.open(folder), ["segment"])
        check_next_run(folder)
        shutil.rmtree(folder)
        if not disk.dead:
            assert recovered == (1, 0, 3)
            assert disk.done == ["remove"] * 4
            return
    pytest.fail("recovery never ended")


def test_what_a_dead_writer_left_is_counted(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(template, folder)
    renames = [at for at, name in enumerate(operations(template, tmp_path / "measure")) if name == "rename"]
    die(folder, renames[3], "before")  # the first segment's commit; repositories and failures are begun
    with Store.open(folder).writer(now=lambda: LATER, version=VERSION) as writer:
        assert writer.recovered == Recovered(staged=3, segment_files=3, run_files=0)


def test_recovery_touches_only_what_is_ours(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(template, folder)
    orphan = "20270101T000000.000Z-abcdef"
    foreign = [
        "notes.txt",
        "layers/mine.parquet",
        "layers/.hidden",
        f"layers/{orphan}.parquet",  # a run's name in a segment's table
        f"layers/{orphan}-1.parquet",
        f"layers/{orphan}-00001.parquet.bak",
        f"images/{orphan}-00001.parquet",
        "staging/mine.tmp",
        "staging/layers.mine.parquet.tmp",
        f"staging/other.{orphan}.parquet.tmp",
        f"staging/layers.{orphan}-00001.parquet",
    ]
    ours = [
        f"layers/{orphan}-00001.parquet",
        f"images/{orphan}.parquet",
        f"staging/layers.{orphan}-00001.parquet.tmp",
        f"staging/runs.{orphan}.parquet.tmp",
        "staging/format.json.tmp",
    ]
    (folder / "layers" / "folder.parquet").mkdir()
    for name in (*foreign, *ours):
        (folder / name).write_bytes(b"no Parquet")
    store = Store.open(folder)
    assert check_whole(store.files()) == OLD
    with store.writer(now=lambda: LATER, version=VERSION) as writer:
        assert writer.recovered == (3, 1, 1)
    left = everything_in(folder)
    assert left == everything_expected(store.files()) | set(foreign)
    assert (folder / "layers" / "folder.parquet").is_dir()


def test_a_reader_during_a_write_sees_whole_commits(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    shutil.copytree(template, folder)
    seen: list[tuple[int, int]] = []

    def look(_: str) -> None:
        files = Store.open(folder).files()
        assert check_whole(files)[:3] == OLD
        seen.append((len(files.segments), len(files.runs)))

    early = Store.open(folder).files()
    play(folder, WatchedDisk(look))
    assert seen == sorted(seen)
    assert set(seen) == {(2, 1), (3, 1), (4, 1), (4, 2)}
    assert check_whole(early) == OLD  # a view stays what it was


class BusyDisk(Disk):
    """A disk on which somebody commits a whole run just before the reader lists its folder number `at`."""

    def __init__(self, at: int, commit: Callable[[], object]) -> None:
        self.left = at
        self.commit = commit

    def names(self, path: Path) -> list[str]:
        if self.left == 0:
            self.commit()
        self.left -= 1
        return super().names(path)


@pytest.mark.parametrize("at", range(8))
def test_a_run_committed_while_a_reader_lists_is_seen_whole_or_not(template: Path, tmp_path: Path, at: int) -> None:
    folder = tmp_path / "store"
    shutil.copytree(template, folder)
    disk = BusyDisk(at, lambda: write_run(Store.open(folder), FIRST))
    files = Store.create_or_open(folder, disk=disk).files()
    assert disk.left < 0
    names = check_whole(files)
    assert names in (OLD, OLD + FIRST)
    assert len(files.runs) == (2 if at == 0 else 1)


KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
from support.store_disks import WatchedDisk
from test_store_crash import play
left = {at}
def step(name):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
play({folder!r}, WatchedDisk(step), lambda what: print(what, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("at", [0, 30, 47, 48, 49, 100, 125, 138, 139, NEVER])
def test_a_killed_process(template: Path, tmp_path: Path, at: int) -> None:
    folder = tmp_path / "store"
    shutil.copytree(template, folder)
    here = Path(__file__).parent
    script = KILLED.format(path=[str(here), str(here.parent)], at=at, folder=os.fspath(folder))
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60)
    assert ended.stderr == ""
    assert ended.returncode == (0 if at == NEVER else -signal.SIGKILL)
    acknowledged = ended.stdout.split()
    assert (acknowledged == ["segment", "run"]) == (at == NEVER)
    check_after_death(Store.open(folder), acknowledged)
    check_next_run(folder)
