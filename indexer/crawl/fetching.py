"""The second half of a run: fetch what the plan holds, chunk by chunk, and hand the rows to the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import NamedTuple, Protocol

from indexer.crawl.plan import Place, Wanted, chunks
from indexer.crawl.report import Cause, Subject
from indexer.crawl.shared import Shared, windowed
from indexer.crawl.targets import Walk
from indexer.ecr import Batch, FetchFailure
from indexer.flatten import Flattened, Source, flatten
from indexer.model import Digest

_OF_THE_REPOSITORY = frozenset({"AccessDeniedException", "RepositoryNotFoundException"})
"""Refusals that every further call for the repository would meet as well."""


class RowSink(Protocol):
    """The part of the store's writer that takes facts about manifests; safe for threads."""

    def add(self, flattened: Flattened, order: int, /) -> bool:
        """Add the rows of one manifest; False where the store has it already."""


class Task(NamedTuple):
    """One call to make."""

    walk: Walk
    repository: str
    wanted: list[Wanted]


class Fetcher:
    """Fetches with as many threads per target as it has connections, until the plan is empty."""

    def __init__(self, walks: list[Walk], sink: RowSink, shared: Shared) -> None:
        self.manifests = 0
        self.bytes = 0
        self._walks = walks
        self._sink = sink
        self._plan = shared.plan
        self._report = shared.report
        self._progress = shared.progress
        self._stop = shared.stop
        self._now = shared.now
        self._lock = threading.Lock()
        self._refused: dict[Place, Cause] = {}
        self._accounts = {walk.number: shared.report.account(walk) or "" for walk in walks}

    def run(self, chunk_size: int, connections: int) -> None:
        """Fetch all that is planned, and what turns up on the way: children of indexes, second sources."""
        while queues := self._plan.take():
            tasks = {walk.number: list[Task]() for walk in self._walks}
            for place, queue in queues.items():
                walk = self._walks[place.target]
                tasks[place.target] += (Task(walk, place.repository, part) for part in chunks(queue, chunk_size))
            self._run_all([each for each in tasks.values() if each], connections)

    def _run_all(self, tasks: list[list[Task]], connections: int) -> None:
        """Run each target's tasks on its own threads, all targets at once."""
        with ThreadPoolExecutor(max(1, len(tasks)), thread_name_prefix="target") as targets, self._stop.on_error():
            running = [targets.submit(self._run_target, each, connections) for each in tasks]
            for done in as_completed(running):
                done.result()

    def _run_target(self, tasks: list[Task], connections: int) -> None:
        with ThreadPoolExecutor(connections, thread_name_prefix="fetch") as pool, self._stop.on_error():
            for _ in windowed(pool, self._run_task, tasks, ahead=2 * connections):
                pass

    def _run_task(self, task: Task) -> None:
        if self._stop.asked:
            return
        place = Place(task.walk.number, task.repository)
        refused = self._refused.get(place)
        if refused is not None:
            batch = Batch((), tuple(FetchFailure(each.digest, refused.code, refused.reason) for each in task.wanted))
        else:
            batch = task.walk.ecr.batch_get_image(task.repository, [each.digest for each in task.wanted])
            self._learn(place, batch)
        wanted = {each.digest: each for each in task.wanted}
        self._store(task, batch, wanted)
        for failure in batch.failures:
            self._failed(task, wanted[failure.digest], failure)

    def _store(self, task: Task, batch: Batch, wanted: Mapping[Digest, Wanted]) -> None:
        source = Source(self._accounts[task.walk.number], task.walk.target.region, task.repository, self._now())
        size = 0
        for manifest in batch.manifests:
            flattened = flatten(manifest.digest, manifest.raw, source, verified=manifest.verified)
            self._sink.add(flattened, wanted[manifest.digest].order)
            size += len(manifest.raw)
            if flattened.manifest.problem is not None:
                each = wanted[manifest.digest]
                subject = Subject(task.repository, each.digest, each.tag)
                self._report.fail(task.walk, subject, Cause.document(flattened.manifest.problem))
            if flattened.index_entries and self._plan.hides:
                children = (entry.manifest_digest for entry in flattened.index_entries)
                self._progress.count(wanted=self._plan.follow(children))
        with self._lock:
            self.manifests += len(batch.manifests)
            self.bytes += size
        self._progress.count(fetched=len(batch.manifests), bytes=size)

    def _failed(self, task: Task, wanted: Wanted, failure: FetchFailure) -> None:
        """Ask the next repository that lists the digest, or note that none gave it."""
        if not self._plan.elsewhere(wanted):
            cause = Cause("BatchGetImage", failure.code, failure.reason)
            self._report.fail(task.walk, Subject(task.repository, wanted.digest, wanted.tag), cause)

    def _learn(self, place: Place, batch: Batch) -> None:
        """Remember a repository that refuses everything: the rest of it is not asked for."""
        refusal = next((failure for failure in batch.failures if failure.code in _OF_THE_REPOSITORY), None)
        if refusal is not None and not batch.manifests:
            self._refused[place] = Cause("BatchGetImage", refusal.code, refusal.reason)
