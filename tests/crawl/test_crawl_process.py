"""The job when the machine is against it: signals while calls hang, a full disk, a second run.

Disks are small file systems in memory, mounted for the test; where that is not permitted the test is skipped.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.manifests import image
from support.world import World, world

from indexer.local_ecr import Fault, Registry
from indexer.store import Store

pytestmark = pytest.mark.slow

IMAGES = 800
INDEXER = (sys.executable, "-m", "indexer")
COMMAND = (*INDEXER, "run", "--quiet", "--config")


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    for number in range(IMAGES):
        registry.put_image("team/app", image(f"config {number}", {"base": 1000, f"layer {number}": number + 1}))
    return registry


def config(the_world: World, **fetch: object) -> str:
    """Write config.yaml (JSON is YAML) and return its path."""
    entry = {"regions": ["eu-west-1"], "endpoint_url": the_world.server.url}
    settings = {"requests_per_second": 2000, "connections": 4, "chunk_size": 20, "processes": 1} | fetch
    path = the_world.folder.parent / "config.yaml"
    path.write_text(json.dumps({"store": str(the_world.folder), "registries": [entry], "fetch": settings}))
    return str(path)


def started(path: str, *before: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*before, *COMMAND, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 100
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def the_rest_comes_later(the_world: World) -> None:
    """What was committed is whole, and the next run fetches exactly what is missing."""
    kept = len(Store.open(the_world.folder).known())
    assert len(the_world.rows("layers")) == 2 * kept
    assert the_world.rows("runs") == []
    the_world.server.faults.clear()
    summary = the_world.run()
    assert summary.complete
    assert summary.row.manifests_fetched == IMAGES - kept
    assert len(the_world.rows("manifests")) == IMAGES


# --- signals


@pytest.mark.parametrize(
    ("number", "code", "processes"), [(signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 1), (signal.SIGINT, 130, 2)]
)
def test_a_signal_ends_a_run_whose_calls_hang(
    registry: Registry, tmp_path: Path, number: signal.Signals, code: int, processes: int
) -> None:
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.faults.add(Fault("hang", operation="BatchGetImage", after=20, seconds=600))
        with started(config(the_world, processes=processes)) as process:
            until(lambda: the_world.server.faults.fired["hang"] >= 2, process)
            process.send_signal(number)
            # The calls would hang for the 30 seconds of the read time-out, one after the other.
            _, said = process.communicate(timeout=25)
        assert process.returncode == code
        assert "Traceback" not in said
        assert "run it again" in said
        assert len(Store.open(the_world.folder).known()) >= 17 * 20, "what was in hand is kept"
        the_rest_comes_later(the_world)


def test_three_times_ctrl_c_in_a_row_is_no_traceback(registry: Registry, tmp_path: Path) -> None:
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.faults.add(Fault("hang", operation="BatchGetImage", after=30, seconds=600))
        with started(config(the_world)) as process:
            until(lambda: the_world.server.faults.fired["hang"] >= 4, process)
            for _ in range(3):
                process.send_signal(signal.SIGINT)
                time.sleep(0.1)
            _, said = process.communicate(timeout=25)
        assert process.returncode == 130
        assert "Traceback" not in said
        the_rest_comes_later(the_world)


# --- disks and limits


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own; `remount` changes it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or _mount("-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)):
        pytest.skip("no right to mount a file system here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*words: str) -> int:
    return subprocess.run(["mount", *words], check=False, capture_output=True).returncode


def remount(folder: Path, options: str) -> None:
    assert _mount("-o", f"remount,{options}", str(folder)) == 0


def test_a_disk_that_is_full(registry: Registry, small_disk: Path) -> None:
    with world(small_disk / "store", [registry]) as the_world:
        path = config(the_world)
        (small_disk / "ballast").write_bytes(bytes(150_000))
        done = subprocess.run([*COMMAND, path], capture_output=True, text=True, check=False, timeout=200)
        assert done.returncode == 1
        assert "Free some space there" in done.stderr
        assert "Traceback" not in done.stderr
        (small_disk / "ballast").unlink()
        remount(small_disk, "size=64m")
        the_rest_comes_later(the_world)


def test_a_disk_that_is_read_only(registry: Registry, small_disk: Path) -> None:
    """Nobody can write, everybody can read; and when it can be written again, nothing had happened."""
    remount(small_disk, "size=64m")
    with world(small_disk / "store", [registry]) as the_world:
        path = config(the_world)
        the_world.run()
        registry.put_image("team/app", image("late", {"late": 1}))
        before = sorted(small_disk.rglob("*"))
        remount(small_disk, "ro")
        for words in ([*COMMAND, path], [*INDEXER, "compact", "--store", str(the_world.folder)]):
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=200)
            assert done.returncode == 1
            assert "read-only" in done.stderr.lower()
            assert "Traceback" not in done.stderr
        for question in (["query", "registry-totals"], ["verify"]):
            words = [*INDEXER, *question, "--store", str(the_world.folder)]
            done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=200)
            assert done.returncode == 0, done.stderr
        assert sorted(small_disk.rglob("*")) == before
        remount(small_disk, "rw")
        assert the_world.run().row.manifests_fetched == 1


def test_the_second_of_two_runs_says_who_is_first(registry: Registry, tmp_path: Path) -> None:
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.faults.add(Fault("hang", operation="BatchGetImage", seconds=600))
        path = config(the_world)
        with started(path) as first:
            until(lambda: the_world.server.faults.fired["hang"] >= 4, first)
            asked = the_world.server.calls.total()
            second = subprocess.run([*COMMAND, path], capture_output=True, text=True, check=False, timeout=100)
            assert second.returncode == 4
            assert f"process {first.pid}" in second.stderr
            assert "since 20" in second.stderr
            assert the_world.server.calls.total() == asked
            os.kill(first.pid, signal.SIGKILL)
            first.communicate(timeout=100)
        the_rest_comes_later(the_world)
