"""A run that is killed or interrupted half-way: what was committed stays, and the next run fetches only the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from support.manifests import image
from support.world import World, world

from indexer.local_ecr import Registry
from indexer.store import Store

pytestmark = pytest.mark.slow

IMAGES = 3_000
PROGRAM = """
    import sys
    from indexer.config import Config
    from indexer.crawl import crawl
    from indexer.store import Store
    store, url = sys.argv[1:]
    registry = {"regions": ("eu-west-1",), "endpoint_url": url}
    fetch = {"requests_per_second": 2000, "connections": 2, "chunk_size": 20}
    config = Config.model_validate({"store": store, "registries": (registry,), "fetch": fetch})
    crawl(config, Store.create_or_open(store))
"""


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    for number in range(IMAGES):
        registry.put_image("team/app", image(f"config {number}", {"base": 1000, f"layer {number}": number + 1}))
    return registry


def started(the_world: World) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(the_world.folder), the_world.server.url]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def wait_for_segments(folder: Path, process: subprocess.Popen[bytes], count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the run ended before it could be stopped"
        if (folder / "manifests").is_dir() and len(list((folder / "manifests").glob("*.parquet"))) >= count:
            return
        time.sleep(0.01)
    raise AssertionError("no segment was committed in a minute")


def stored(folder: Path) -> int:
    return len(Store.open(folder).known())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_half_a_run_is_kept(registry: Registry, tmp_path: Path, number: signal.Signals) -> None:
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.latency = 0.02
        with started(the_world) as process:
            wait_for_segments(the_world.folder, process, 1)
            os.kill(process.pid, number)
            assert process.wait(timeout=30) != 0
        kept = stored(the_world.folder)
        assert 0 < kept < IMAGES
        assert the_world.rows("runs") == [], "the run itself was not committed"
        assert len(the_world.rows("manifests")) == kept
        assert {each["manifest_digest"] for each in the_world.rows("layers")} == {
            each["manifest_digest"] for each in the_world.rows("manifests")
        }
        the_world.server.latency = 0.0
        summary = the_world.run()
        assert summary.complete
        assert summary.row.manifests_fetched == len(the_world.asked()) == IMAGES - kept
        digests = [each["manifest_digest"] for each in the_world.rows("manifests")]
        assert len(digests) == len(set(digests)) == IMAGES
        assert len(the_world.rows("layers")) == 2 * IMAGES


def test_an_interrupt_keeps_what_is_in_hand(registry: Registry, tmp_path: Path) -> None:
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.latency = 0.02
        with started(the_world) as process:
            wait_for_segments(the_world.folder, process, 1)
            fetched = len(the_world.asked())
            os.kill(process.pid, signal.SIGINT)
            process.wait(timeout=30)
        assert stored(the_world.folder) >= fetched - 4 * 20, "all but the calls that were on their way"
