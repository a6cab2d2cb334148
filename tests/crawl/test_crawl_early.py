"""Worker processes begin while repositories are still listed: the same tables, and an end as good as any."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from crawl.test_crawl_workers import TABLES, children, estate, fill, linux, started, table, unlocked, wait_for_segments
from support.manifests import image
from support.world import World, world

from indexer.config import FetchConfig
from indexer.crawl import fetching, hands
from indexer.crawl.processes import early
from indexer.errors import IndexerError
from indexer.local_ecr import Fault, Registry, Server
from indexer.local_ecr.server import Response
from indexer.store import Store

LAST = "zz"


class Patient(Server):
    """Holds back the listing of the last repository until so many calls have fetched, or dies then.

    `early` is how many had by then.
    """

    def __init__(self, registry: Registry, *, enough: int = 3, seconds: float = 30.0, dies: bool = False) -> None:
        super().__init__([registry])
        self.early = 0
        self._enough = enough
        self._seconds = seconds
        self._dies = dies
        self._dead = threading.Event()

    def respond(self, target: str, authorization: str, body: bytes) -> Response:
        if target.endswith(".DescribeImages") and b'"zz"' in body:
            deadline = time.monotonic() + self._seconds
            while self.calls["BatchGetImage"] < self._enough and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(0.1)  # what was answered last is taken in
            self.early = max(self.early, self.calls["BatchGetImage"])
        if self._dies and self.calls["BatchGetImage"] >= self._enough:
            self._dead.set()
        return Response(503, b"") if self._dead.is_set() else super().respond(target, authorization, body)


@pytest.mark.parametrize("count", [2, 3])
def test_what_is_listed_is_fetched_while_the_rest_is_listed(tmp_path: Path, count: int) -> None:
    with world(tmp_path / "one", [estate()]) as alone:
        first = alone.run(fetch={"processes": 1, "chunk_size": 7})
    with Patient(estate(), enough=10) as server:
        the_world = World(server, tmp_path / "several")
        summary = the_world.run(fetch={"processes": count, "chunk_size": 7})
        assert server.early >= 10, "all of the first two repositories"
        # Among them is a digest that the first one refuses, and that only the last one gives.
        assert [table(the_world, name) for name in TABLES] == [table(alone, name) for name in TABLES]
        assert summary.row.manifests_fetched == first.row.manifests_fetched
        assert summary.row.failures == first.row.failures == 32
        assert 0 <= summary.row.fetching_ms <= 1000 * summary.seconds - summary.row.listing_ms + 2  # type: ignore[operator]
        again = the_world.run(fetch={"processes": count, "chunk_size": 7})
        assert again.row.manifests_fetched == 0


def test_failures_without_end_are_not_kept_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is given, what failed waits for the listing, and so does what is not asked for yet."""
    monkeypatch.setattr(fetching, "_LATE", 20)
    registry = Registry()
    for name in ("aa", LAST):
        registry.create_repository(name)
        fill(registry, 200, name)
    for digest in list(registry.repositories["aa"].images):
        registry.fail_image("aa", digest, "KmsError", "the key is disabled")
    with Patient(registry, enough=100, seconds=3) as server:
        the_world = World(server, tmp_path / "store")
        summary = the_world.run(fetch={"processes": 2, "chunk_size": 5})
        # As many as it takes to see that they fail, and those that were on their way to the worker.
        assert 20 <= 5 * server.early <= 20 + 4 * 5
        assert summary.row.failures == 200
        assert summary.row.manifests_fetched == 200


def test_pull_times_are_those_of_before_the_fetching(tmp_path: Path) -> None:
    """Of the last repository nothing is fetched before it is listed, though its digests were wanted before."""
    registry = Registry()
    for name in ("aa", LAST):
        registry.create_repository(name)
        fill(registry, 40, name)
    with Patient(registry) as server:
        the_world = World(server, tmp_path / "store")
        the_world.run(fetch={"processes": 2, "chunk_size": 5})
        assert server.early >= 3
        order = [(each.operation, each.repository) for each in server.requested]
        assert order.index(("DescribeImages", LAST)) < order.index(("BatchGetImage", LAST))
        assert {row["last_pulled_at"] for row in the_world.rows("images")} == {None}


@pytest.mark.parametrize(
    ("fetch", "images"),
    [({"requests_per_second": 999}, {}), ({}, {"tag_status": "tagged"})],
    ids=["a rate that would hold them up", "a filter"],
)
def test_else_they_wait(tmp_path: Path, fetch: dict[str, float], images: dict[str, str]) -> None:
    with Patient(estate(), seconds=0.5) as server:
        the_world = World(server, tmp_path / "store")
        the_world.run(fetch={"processes": 2, "chunk_size": 7} | fetch, images=images)
        assert server.early == 0
        assert len(the_world.rows("manifests")) > 90


def test_when_they_may_begin() -> None:
    def may(**fetch: object) -> bool:
        return early(FetchConfig.model_validate(fetch), 1)

    assert may(requests_per_second=1000, processes=2)
    assert not may(requests_per_second=999, processes=2)
    assert not may(requests_per_second=1999, processes=4)
    assert not may(requests_per_second=2000, processes=1)
    assert not may(processes=2), "with the default rate"


@pytest.mark.parametrize("count", [2, 3])
def test_each_process_fetches_a_part(tmp_path: Path, count: int) -> None:
    """The one that lists fetches too, when it has listed all. The numbers of their segments tell who wrote them."""
    registry = Registry()
    registry.create_repository("aa")
    fill(registry, 600, "aa")
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.latency = 0.05
        the_world.run(fetch={"processes": count, "chunk_size": 1, "connections": 2 * count})
        numbers = [int(name[-5:]) for name in Store.open(the_world.folder).files().segments]
        assert {(number - 1) % count for number in numbers} == set(range(count))
        digests = [row["manifest_digest"] for row in the_world.rows("manifests")]
        assert len(set(digests)) == len(digests) == 600


@linux
def test_a_part_that_fails_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong in this process's part is told as it is, and its workers end."""
    registry = Registry()
    registry.create_repository("aa")
    fill(registry, 200, "aa")

    def broken(*_: object) -> None:
        raise ZeroDivisionError("nobody expected this")

    with world(tmp_path / "store", [registry]) as the_world:
        before = set(children(os.getpid()))
        with monkeypatch.context() as patched:
            patched.setattr(hands, "flatten_all", broken)  # here only: a worker is another Python
            with pytest.raises(ZeroDivisionError):
                the_world.run(fetch={"processes": 2, "chunk_size": 5})
        assert set(children(os.getpid())) <= before
        assert the_world.rows("runs") == []
        kept = len(the_world.rows("manifests"))
        assert the_world.run(fetch={"processes": 2, "chunk_size": 5}).row.manifests_fetched == 200 - kept


@pytest.mark.parametrize("rate", [2000, 100])
def test_a_registry_that_dies_ends_the_run(tmp_path: Path, rate: int) -> None:
    registry = estate()
    for number in range(200):
        registry.put_image("aa", image(f"more {number}", {f"more layer {number}": 1}))
    with Patient(registry, dies=True, seconds=0.3 if rate < 1000 else 30) as server:
        the_world = World(server, tmp_path / "store")
        fetch = {"processes": 2, "chunk_size": 5, "max_attempts": 1, "requests_per_second": rate}
        with pytest.raises(IndexerError, match="no registry answers any more"):
            the_world.run(fetch=fetch)
        assert the_world.rows("runs") == []
        digests = [row["manifest_digest"] for row in the_world.rows("manifests")]
        assert len(set(digests)) == len(digests)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("whom", ["run", "worker"])
def test_an_end_does_not_wait_for_the_listing(tmp_path: Path, whom: str) -> None:
    registry = Registry()
    for name in ("aa", LAST):
        registry.create_repository(name)
    fill(registry, 1_200, "aa")
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.server.faults.add(Fault("hang", operation="DescribeImages", repository=LAST, seconds=120))
        with started(the_world) as process:
            wait_for_segments(the_world.folder, process, 1)
            workers = children(process.pid)
            if whom == "run":
                process.send_signal(signal.SIGINT)
            else:
                os.kill(workers[0], signal.SIGKILL)
            _, said = process.communicate(timeout=60)
        assert process.returncode != 0
        assert whom == "run" or "a worker process was ended by SIGKILL" in said.decode()
        unlocked(the_world.folder)
        kept = {row["manifest_digest"] for row in the_world.rows("manifests")}
        assert kept
        the_world.server.faults.clear()
        summary = the_world.run(fetch={"processes": 1})
        assert summary.complete
        assert summary.row.manifests_fetched == 1_200 - len(kept)
