"""The job with worker processes: the same tables as without, nothing lost or twice however a process ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import pytest
from support.manifests import document, image, index
from support.world import World, world

from indexer.config import FetchConfig
from indexer.crawl.processes import Reserve, how_many, turns
from indexer.crawl.worker import Last
from indexer.errors import IndexerError, StoreLocked
from indexer.local_ecr import Fault, Registry
from indexer.store import Store

IMAGES = 2_000
TABLES = ("manifests", "layers", "configs", "index_entries", "failures")


def fill(registry: Registry, count: int, repository: str = "team/app") -> list[str]:
    documents = [image(f"{repository} {n}", {"base": 1000, f"{repository} layer {n}": n + 1}) for n in range(count)]
    return [registry.put_image(repository, each, tags=[f"v{n}"]) for n, each in enumerate(documents)]


def estate() -> Registry:
    """Repositories with all that takes another way than most: bad documents, failures, second sources, indexes."""
    registry = Registry()
    for name in ("aa", "bb", "denied", "zz"):
        registry.create_repository(name)
        fill(registry, 30, name)
    twice = image("twice", {"l": 1})
    for name in ("aa", "zz"):
        digest = registry.put_image(name, twice, tags=["twice"])
    registry.fail_image("aa", digest, "KmsError", "the key is disabled")
    lost = registry.put_image("bb", image("lost", {"l": 1}), tags=["lost"])
    registry.fail_image("bb", lost, "KmsError", "the key is disabled")
    registry.put_image("bb", document({"schemaVersion": 2, "layers": "none"}), tags=["bad"])
    child = image("child", {"l": 5})
    registry.put_image("zz", child)
    registry.put_image("zz", index(child), tags=["multi"])
    registry.deny("BatchGetImage", "denied")
    return registry


def table(the_world: World, name: str) -> list[dict[str, object]]:
    """A table without what differs from run to run, and in an order of its own."""
    times = {"run_id", "fetched_at"}
    rows = [{key: value for key, value in row.items() if key not in times} for row in the_world.rows(name)]
    return sorted(rows, key=repr)


@pytest.mark.parametrize("images", [{}, {"tag_status": "tagged"}], ids=["all", "tagged"])
def test_tables_are_those_of_a_run_without_workers(tmp_path: Path, images: dict[str, str]) -> None:
    found = []
    for count in (1, 3):
        with world(tmp_path / str(count), [estate()]) as the_world:
            summary = the_world.run(fetch={"processes": count, "chunk_size": 7}, images=images)
            counts = summary.row.manifests_fetched, summary.row.failures, summary.row.bytes, summary.row.repositories
            found.append((counts, {name: table(the_world, name) for name in TABLES}))
            assert summary.row.requests == sum(
                1 for each in the_world.server.requested if each.operation != "CreateRepository"
            )
            segments = Store.open(the_world.folder).files().segments
            assert (count > 1) == (len(set(segments)) > 1)
    assert found[0] == found[1]
    assert found[0][0][1] == 32, "30 denied, one lost, one bad"


def test_times_are_those_of_the_runs_clock(tmp_path: Path) -> None:
    with world(tmp_path / "store", [estate()]) as the_world:
        the_world.run(fetch={"processes": 2, "chunk_size": 10})
        days = {abs((row["fetched_at"] - the_world.at).total_seconds()) < 3600 for row in the_world.rows("manifests")}
        assert days == {True}


@pytest.mark.parametrize("count", [1, 2])
def test_a_run_says_where_its_time_went(tmp_path: Path, count: int) -> None:
    with world(tmp_path / "store", [estate()]) as the_world:
        the_world.server.latency = 0.02
        summary = the_world.run(fetch={"processes": count, "chunk_size": 10, "requests_per_second": 40})
        (row,) = the_world.rows("runs")
    work = [row[name] for name in ("cpu_ms", "flattening_ms", "writing_ms")]
    assert all(milliseconds >= 0 for milliseconds in work)
    assert row["cpu_ms"] >= max(row["flattening_ms"], row["writing_ms"]) > 0
    assert row["waiting_ms"] == round(1000 * summary.waited) > 0, "the limit made them wait"
    # Each answer takes 20 ms, and neither half of a run is done without one.
    assert row["listing_ms"] >= 20
    assert row["fetching_ms"] >= 20
    assert row["listing_ms"] + row["fetching_ms"] <= round(1000 * summary.seconds) + 2


def test_two_targets_and_faults(tmp_path: Path) -> None:
    here, there = Registry(), Registry(registry_id="210987654321", region="us-east-1")
    for registry, name in ((here, "aa"), (there, "bb")):
        registry.create_repository(name)
        fill(registry, 60, name)
    with world(tmp_path / "store", [here, there]) as the_world:
        for kind in ("throttle", "error", "truncate", "omit", "corrupt"):
            the_world.server.faults.add(Fault(kind, rate=0.05, seed=7))
        summary = the_world.run(fetch={"processes": 2, "chunk_size": 5, "max_attempts": 20})
        assert summary.complete
        assert summary.row.manifests_fetched == 120
        assert {(row["registry_id"], row["repository"]) for row in the_world.rows("manifests")} == {
            ("123456789012", "aa"),
            ("210987654321", "bb"),
        }


def test_a_store_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    with world(tmp_path / "store", [estate()]) as the_world:
        the_world.run(fetch={"processes": 1})
        more = [image(f"more {n}", {f"more layer {n}": 1}) for n in range(60)]
        for each in more:
            the_world.server.registries[0].put_image("aa", each)
        # A file where the folder should be: workers meet it when they commit.
        layers = the_world.folder / "layers"
        moved = layers.rename(the_world.folder.parent / "layers")
        layers.write_text("in the way")
        with pytest.raises(IndexerError) as caught:
            the_world.run(fetch={"processes": 2, "chunk_size": 10})
        assert "layers" in str(caught.value)
        layers.unlink()
        moved.rename(layers)
        assert the_world.run(fetch={"processes": 2, "chunk_size": 10}).row.manifests_fetched == 60


PROGRAM = """
    import sys
    from indexer.config import Config
    from indexer.crawl import crawl
    from indexer.store import Store
    store, url = sys.argv[1:]
    registry = {"regions": ("eu-west-1",), "endpoint_url": url}
    fetch = {"requests_per_second": 2000, "connections": 4, "chunk_size": 20, "processes": 2}
    config = Config.model_validate({"store": store, "registries": (registry,), "fetch": fetch})
    crawl(config, Store.create_or_open(store))
"""


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


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found: list[int] = []
    for task in tasks:
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since
            found += map(int, (task / "children").read_text().split())
    return found


def alive(pid: int) -> bool:
    """Whether a process is there and more than an entry that nobody has collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def unlocked(folder: Path) -> None:
    """Return when a writer can have the store: nobody is left who writes to it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with Store.create_or_open(folder).writer(now=lambda: _NOW, version="0"):
                return
        except StoreLocked:
            time.sleep(0.01)
    raise AssertionError("the store was still locked after a minute")


_NOW = World(None, Path()).at  # type: ignore[arg-type]  # only its clock is wanted
linux = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds worker processes in Linux's /proc")


def check_the_rest(the_world: World) -> None:
    """The store is whole, and the next run fetches exactly what is missing."""
    kept = len(Store.open(the_world.folder).known())
    assert 0 < kept < IMAGES
    assert the_world.rows("runs") == []
    assert len(the_world.rows("layers")) == 2 * kept
    the_world.server.latency = 0.0
    summary = the_world.run(fetch={"processes": 2})
    assert summary.complete
    assert summary.row.manifests_fetched == len(the_world.asked()) == IMAGES - kept
    digests = [each["manifest_digest"] for each in the_world.rows("manifests")]
    assert len(digests) == len(set(digests)) == IMAGES


@pytest.fixture
def large() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    fill(registry, IMAGES)
    return registry


@linux
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_leaves_whole_segments_and_no_process(
    large: Registry, tmp_path: Path, number: signal.Signals
) -> None:
    with world(tmp_path / "store", [large]) as the_world:
        the_world.server.latency = 0.08
        with started(the_world) as process:
            wait_for_segments(the_world.folder, process, 1)
            workers = children(process.pid)
            os.kill(process.pid, number)
            assert process.wait(timeout=60) != 0
        unlocked(the_world.folder)
        assert not [pid for pid in workers if alive(pid)]
        check_the_rest(the_world)


@linux
@pytest.mark.slow
def test_an_interrupt_keeps_what_the_workers_have_in_hand(large: Registry, tmp_path: Path) -> None:
    with world(tmp_path / "store", [large]) as the_world:
        the_world.server.latency = 0.08
        with started(the_world) as process:
            wait_for_segments(the_world.folder, process, 1)
            fetched = len(the_world.asked())
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert said.decode().count("Traceback") == 1, "the interrupted process's own, none of a worker"
        assert len(Store.open(the_world.folder).known()) >= fetched - 4 * 20


@linux
@pytest.mark.slow
def test_a_worker_that_is_killed_ends_the_run_and_loses_nothing(large: Registry, tmp_path: Path) -> None:
    with world(tmp_path / "store", [large]) as the_world:
        the_world.server.latency = 0.08
        with started(the_world) as process:
            wait_for_segments(the_world.folder, process, 1)
            os.kill(children(process.pid)[0], signal.SIGKILL)
            _, said = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "a worker process was ended by SIGKILL" in said.decode()
        check_the_rest(the_world)


@linux
def test_a_worker_that_ends_while_it_waits_is_replaced() -> None:
    ready = Reserve(FetchConfig.model_validate({"processes": 3}), 1, ())
    try:
        assert ready.grow(100) == 1
        assert ready.started == [], "one process is this one alone"
        assert ready.grow(1_000) == 3
        first, second = [worker.process.pid for worker in ready.started]
        os.kill(first, signal.SIGKILL)
        ready.started[0].process.wait()
        ready.renew()
        assert [alive(worker.process.pid) for worker in ready.started] == [True, True]
        assert ready.started[1].process.pid == second
    finally:
        ready.kill()
    started = [worker.process.pid for worker in ready.started]
    assert not any(map(alive, started))
    ready.grow(1_000_000)
    assert [worker.process.pid for worker in ready.started] == started, "after the end none is started any more"


@linux
def test_a_run_that_is_broken_off_before_there_is_work_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    ready = Reserve(FetchConfig.model_validate({"processes": 3}), 1, ())
    try:
        ready.grow(1_000)
        for worker in ready.started:
            worker.link.send(Last(now=True))
        assert [worker.process.wait(timeout=60) for worker in ready.started] == [0, 0]
    finally:
        ready.kill()
    assert capfd.readouterr().err == ""


def test_the_number_of_processes() -> None:
    def count(planned: int, quotas: int = 1, **fetch: object) -> int:
        return how_many(FetchConfig.model_validate(fetch), planned, quotas)

    assert count(1_000_000, processes=1) == 1
    assert count(1_000_000, processes=3) == 3
    assert count(1_000_000, processes=64, connections=8) == 8, "a process needs a connection"
    assert count(150, processes=3) == 2, "and a chunk"
    assert count(0) == count(50) == count(19_999) == 1, "starting a process takes longer than so few manifests"
    assert count(10_000_000, requests_per_second=10) == 1, "the rate lets one process do it all"
    assert 1 <= count(10_000_000, requests_per_second=2000) <= (os.cpu_count() or 1)


def test_connections_are_shared_out() -> None:
    for connections in range(1, 20):
        for count in range(1, connections + 1):
            shares = turns(count, connections)
            assert sum(share for _, share in shares) == connections
            assert max(share for _, share in shares) - min(share for _, share in shares) <= 1
            assert [turn for turn, _ in shares] == [(at, count) for at in range(count)]


def test_a_worker_does_not_load_what_reads_the_configuration() -> None:
    """Pydantic and the models would take a fifth of a second of each worker's CPU."""
    code = "import indexer.crawl.worker, sys; print({'indexer.crawl.worker', 'pydantic', 'yaml'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'indexer.crawl.worker'}"
