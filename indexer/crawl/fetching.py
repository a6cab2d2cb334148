"""The second half of a run: fetch what the plan holds, chunk by chunk, by threads here or by worker processes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import as_completed
from typing import NamedTuple, Protocol

from indexer.crawl.hands import Ask, Hands, Told
from indexer.crawl.plan import Plan
from indexer.crawl.queue import Place, Queue, Span
from indexer.crawl.report import Cause, Subject
from indexer.crawl.shared import Shared
from indexer.crawl.stop import windowed
from indexer.crawl.targets import Walk

_SPAN = 20
_LATE = 20_000
"""Failures that are kept until all is listed, in 550 bytes each; fetching waits for the listing with so many."""


class Task(NamedTuple):
    """One call to make, as the plan knows it."""

    place: Place
    wanted: Span

    @property
    def ask(self) -> Ask:
        """The same, as it is done."""
        return Ask(*self.place, self.wanted.digests, self.wanted.orders, self.wanted.pulled)


class Feed:
    """A target's tasks, in spans of neighbours: they share layers, and so should go into one segment.

    Threads may share it. Where so many processes do (`among`), a span is at most half of a fair part of what is left,
    so that all come to their end at the same time.
    """

    def __init__(self, chunk_size: int) -> None:
        self.among = 0
        self._chunk_size = chunk_size
        self._left = 0
        self._queues: deque[tuple[Place, Queue]] = deque()
        self._place: Place
        self._spans: Iterator[Span] = iter(())
        self._cut: deque[Span] = deque()
        self._lock = threading.Lock()

    def add(self, place: Place, queue: Queue) -> None:
        """Add what waits for a repository."""
        with self._lock:
            self._queues.append((place, queue))
            self._left += len(queue)

    @property
    def left(self) -> int:
        """How many digests no span was taken for yet."""
        return self._left

    def span(self) -> Iterator[Task]:
        """Return the tasks of the next span; none where nothing is left."""
        with self._lock:
            wanted = self._cut.popleft() if self._cut else next(self._spans, None)
            while wanted is None and self._queues:
                self._place, queue = self._queues.popleft()
                self._spans = queue.spans(_SPAN * self._chunk_size)
                wanted = next(self._spans, None)
            if wanted is None:
                return iter(())
            if self.among:
                wanted = self._fair(wanted)
            self._left -= len(wanted)
            place = self._place
        return (Task(place, part) for part in wanted.parts(self._chunk_size))

    def _fair(self, wanted: Span) -> Span:
        """Return as much of a span as one process may take now; what follows stays here."""
        chunks = max(1, self._left // (2 * self.among * self._chunk_size))
        first, *rest = wanted.parts(chunks * self._chunk_size)
        self._cut.extendleft(reversed(rest))
        return first

    def __iter__(self) -> Iterator[Task]:
        while task := next(span := self.span(), None):
            yield task
            yield from span


class Supply:
    """What is to be fetched, a feed for each target's number. It grows until `listed` says that all is listed."""

    def __init__(self, plan: Plan, chunk_size: int, listed: Callable[[], bool] = lambda: True) -> None:
        self.feeds: dict[int, Feed] = {}
        self.held = False
        """Whether nothing more is to be given out before all is listed."""
        self._plan = plan
        self._chunk_size = chunk_size
        self._listed = listed

    @property
    def grows(self) -> bool:
        """Whether `refill` may find something later on that it does not find now."""
        return not self._listed()

    def refill(self) -> set[int]:
        """Put what was planned since the last time into the feeds; return the targets that it is for."""
        fresh = set()
        for place, queue in self._plan.take(more=self.grows).items():
            fresh.add(place.target)
            self.feeds.setdefault(place.target, Feed(self._chunk_size)).add(place, queue)
        return fresh


class Taker(Protocol):
    """What is told what became of each task."""

    def __call__(self, task: Task, told: Told, /) -> None:
        """Take it."""


class Crew(Protocol):
    """Whoever does the tasks."""

    def run(self, supply: Supply, take: Taker) -> None:
        """Do all tasks of the targets' feeds and tell `take` of each."""


class Threads:
    """A crew in this process: at most as many threads per target as it has connections. It waits for no supply."""

    def __init__(self, hands: Hands, connections: int, shared: Shared) -> None:
        self._hands = hands
        self._connections = connections
        self.stop = shared.stop
        self._crowd = shared.crowd
        self._crowd.computing = hands.flattening

    def run(self, supply: Supply, take: Taker) -> None:
        """Do all tasks, all targets at once."""
        self.do(supply.feeds.values(), take)

    def do(self, feeds: Collection[Feed], take: Taker) -> None:
        """Do what feeds have, which others may share."""
        with self.stop.threads(max(1, len(feeds)), "target") as targets:
            for done in as_completed([targets.submit(self._run_target, feed, take) for feed in feeds]):
                done.result()

    def _run_target(self, tasks: Iterable[Task], take: Taker) -> None:
        def work(task: Task) -> None:
            with self._crowd.turn():
                if not self.stop.asked:
                    take(task, self._hands.do(task.ask))

        with self.stop.threads(self._connections, "fetch") as pool:
            for _ in windowed(pool, work, tasks, ahead=lambda: 2 * self._connections):
                pass


class Fetcher:
    """Gives a crew what the plan holds, and writes down what came of it. `take` may be called from several threads."""

    def __init__(self, walks: list[Walk], shared: Shared, supply: Supply) -> None:
        self.manifests = 0
        self.bytes = 0
        self._supply = supply
        self._walks = walks
        self._plan: Plan = shared.plan
        self._report = shared.report
        self._progress = shared.progress
        self._lock = shared.lock
        self._stop = shared.stop
        self._late: list[tuple[Task, Told]] = []
        self._late_digests = 0

    def run(self, crew: Crew) -> None:
        """Fetch all that is planned, and what turns up on the way: children of indexes, second sources."""
        while self._supply.refill() or self._supply.grows:
            crew.run(self._supply, self.take)
            late, self._late = self._late, []
            for task, told in late:
                self._explain(task, told)

    def take(self, task: Task, told: Told) -> None:
        """Write down what became of a task."""
        with self._lock:
            self.manifests += told.manifests
            self.bytes += told.bytes
        self._progress.count(fetched=told.manifests, bytes=told.bytes)
        if told.children and self._plan.hides:
            self._progress.count(wanted=self._plan.follow(told.children))
        if self._stop.asked:
            return  # what was not sent any more is no failure, and this run is not committed
        if told.failures and self._supply.grows:
            # A repository that is not listed yet may have what this one did not give.
            self._late.append((task, told))
            self._late_digests += len(told.failures)
            self._supply.held = self._late_digests >= _LATE
        elif told.failures or told.problems:
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
