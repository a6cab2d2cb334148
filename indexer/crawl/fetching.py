"""The second half of a run: fetch what the plan holds, chunk by chunk, by threads here or by worker processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import as_completed
from itertools import islice
from typing import NamedTuple, Protocol

from indexer.crawl.hands import Ask, Hands, Told
from indexer.crawl.plan import Plan
from indexer.crawl.queue import Place, Queue, Span
from indexer.crawl.report import Cause, Subject
from indexer.crawl.shared import Shared
from indexer.crawl.stop import windowed
from indexer.crawl.targets import Walk

_SPAN = 20


class Task(NamedTuple):
    """One call to make, as the plan knows it."""

    place: Place
    wanted: Span

    @property
    def ask(self) -> Ask:
        """The same, as it is done."""
        return Ask(*self.place, self.wanted.digests, self.wanted.orders, self.wanted.pulled)


class Feed:
    """A target's tasks, in spans of neighbours: they share layers, and so should go into one segment."""

    def __init__(self, queues: Mapping[Place, Queue], chunk_size: int) -> None:
        size = _SPAN * chunk_size
        self._spans = ((place, span) for place, queue in queues.items() for span in queue.spans(size))
        self._chunk_size = chunk_size

    def span(self) -> Iterator[Task]:
        """Yield the tasks of the next span; none where nothing is left."""
        for place, wanted in islice(self._spans, 1):
            for part in wanted.parts(self._chunk_size):
                yield Task(place, part)

    def __iter__(self) -> Iterator[Task]:
        while task := next(span := self.span(), None):
            yield task
            yield from span


class Taker(Protocol):
    """What is told what became of each task."""

    def __call__(self, task: Task, told: Told, /) -> None:
        """Take it."""


class Crew(Protocol):
    """Whoever does the tasks."""

    def run(self, feeds: Mapping[int, Feed], take: Taker) -> None:
        """Do all tasks of the targets' feeds and tell `take` of each."""


class Threads:
    """A crew in this process: at most as many threads per target as it has connections."""

    def __init__(self, hands: Hands, connections: int, shared: Shared) -> None:
        self._hands = hands
        self._connections = connections
        self._stop = shared.stop
        self._crowd = shared.crowd
        self._crowd.computing = hands.flattening

    def run(self, feeds: Mapping[int, Feed], take: Taker) -> None:
        """Do all tasks, all targets at once."""
        with self._stop.threads(max(1, len(feeds)), "target") as targets:
            for done in as_completed([targets.submit(self._run_target, feed, take) for feed in feeds.values()]):
                done.result()

    def _run_target(self, tasks: Iterable[Task], take: Taker) -> None:
        def work(task: Task) -> None:
            with self._crowd.turn():
                if not self._stop.asked:
                    take(task, self._hands.do(task.ask))

        with self._stop.threads(self._connections, "fetch") as pool:
            for _ in windowed(pool, work, tasks, ahead=2 * self._connections):
                pass


class Fetcher:
    """Gives a crew what the plan holds, and writes down what came of it. `take` may be called from several threads."""

    def __init__(self, walks: list[Walk], shared: Shared) -> None:
        self.manifests = 0
        self.bytes = 0
        self._walks = walks
        self._plan: Plan = shared.plan
        self._report = shared.report
        self._progress = shared.progress
        self._lock = shared.lock

    def run(self, crew: Crew, chunk_size: int) -> None:
        """Fetch all that is planned, and what turns up on the way: children of indexes, second sources."""
        while queues := self._plan.take():
            targets: dict[int, dict[Place, Queue]] = {}
            for place, queue in queues.items():
                targets.setdefault(place.target, {})[place] = queue
            crew.run({number: Feed(its, chunk_size) for number, its in targets.items()}, self.take)

    def take(self, task: Task, told: Told) -> None:
        """Write down what became of a task."""
        with self._lock:
            self.manifests += told.manifests
            self.bytes += told.bytes
        self._progress.count(fetched=told.manifests, bytes=told.bytes)
        if told.children and self._plan.hides:
            self._progress.count(wanted=self._plan.follow(told.children))
        if told.failures or told.problems:
            self._explain(task, told)

    def _explain(self, task: Task, told: Told) -> None:
        walk, repository = self._walks[task.place.target], task.place.repository
        wanted = {each.digest: each for each in task.wanted}
        for digest, problem in told.problems:
            subject = Subject(repository, digest, wanted[digest].tag)
            self._report.fail(walk, subject, Cause.document(problem))
        for failure in told.failures:
            each = wanted[failure.digest]
            # The next repository that lists the digest is asked; where none is left, what each said is told.
            for place, tag, why in self._plan.elsewhere(each, task.place, failure):
                cause = Cause("BatchGetImage", why.code, why.reason)
                self._report.fail(self._walks[place.target], Subject(place.repository, each.digest, tag), cause)
