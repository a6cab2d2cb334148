"""The processes that fetch: this one, which hands out the tasks and takes in what came of them, and its workers.

The plan, the report and the run's files stay here; workers know digests and where to ask for them. This process fetches
too, once it has listed all. A worker that dies ends the run: what it had committed stays, and the next run fetches the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from itertools import chain
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Final

from indexer.crawl.fetching import Feed, Supply, Taker, Threads
from indexer.crawl.hands import Told
from indexer.crawl.processes import Process, Reserve
from indexer.crawl.worker import Answer, Done, Down, Last, Setup
from indexer.ecr import Ecr

_GRACE: Final = 20.0
"""Seconds for workers to end by themselves when a run is broken off; then they are killed."""
_LOOK: Final = 0.03
"""Seconds between two looks for what was listed meanwhile."""
_WATCH: Final = 1.0
"""Seconds between two looks whether a registry is down."""


class Workers:
    """A crew of processes, this one among them. `done` has what each worker told of itself, once all have ended well.

    `ecrs` are the targets' of this process, by number: how calls went is put together in their health. `here` does this
    process's part, in a thread of `aside`.
    """

    def __init__(
        self, ready: Sequence[Process], setups: Sequence[Setup], ecrs: Sequence[Ecr], here: Threads, aside: Executor
    ) -> None:
        self.done: list[Done] = []
        self._workers = ready
        self._setups = setups
        self._ecrs = ecrs
        self._here = here
        self._aside = aside
        self._part: Future[None] | None = None
        self._over, self._say_over = Pipe(duplex=False)
        self._number = 0
        self._down: set[int] = set()

    def start(self) -> None:
        """Tell the workers what they work for."""
        for worker, setup in zip(self._workers, self._setups, strict=True):
            worker.send(setup)

    def run(self, supply: Supply, take: Taker) -> None:
        """Do all tasks, all targets at once. `take` is called here and by the threads of this process's part.

        Raises the error of a worker.
        """
        links = {worker.link: worker for worker in self._workers}
        fresh = set(supply.feeds)
        while True:
            grows = supply.grows
            fresh |= supply.refill()
            if not grows and self._is_over() and (self._part is None or _has_work(supply)):
                self._join(supply, take)
                fresh |= set(supply.feeds)  # which may have been held
            # This process's own calls may have found it out.
            fresh |= {target for target in supply.feeds if self._ecrs[target].health.down is not None} - self._down
            for target in fresh:
                self._serve(target, supply, take, self._workers)
            fresh = set()
            if not grows and self._is_over() and not any(worker.busy for worker in self._workers):
                self._part = None
                return
            # One that has nothing to do may end as well.
            for link in wait([*links, self._over], _LOOK if grows else _WATCH):
                if link is self._over:
                    self._over.recv_bytes()
                else:
                    self._take_in(links[link], supply, take)  # type: ignore[index]  # only links were given

    def _take_in(self, worker: Process, supply: Supply, take: Taker) -> None:
        """Take an answer, and give the worker more of that target."""
        answer: Answer = worker.receive()
        task = worker.busy.pop(answer.number)
        target = task.place.target
        take(task, answer.told)
        self._ecrs[target].hear(answer.signs)
        self._serve(target, supply, take, [worker])

    def _join(self, supply: Supply, take: Taker) -> None:
        """Begin this process's part: it has listed all, and takes spans as its workers do."""
        feeds = list(supply.feeds.values())
        for feed in feeds:
            feed.among = len(self._workers) + 1
        self._part = self._aside.submit(self._here.do, feeds, take)
        self._part.add_done_callback(lambda _: self._say_over.send_bytes(b"."))

    def _is_over(self) -> bool:
        """Whether this process's part, if it was begun, is done. Raises its error."""
        if self._part is None:
            return True
        if not self._part.done():
            return False
        self._part.result()
        return True

    def _serve(self, target: int, supply: Supply, take: Taker, workers: Sequence[Process]) -> None:
        """Keep workers busy with a target, unless its registry is down."""
        feed = supply.feeds[target]
        if self._ecrs[target].health.down is not None:
            self._tell_down(target)
            self._drop(target, feed, take)
        elif not (supply.held and supply.grows):
            for worker in workers:
                self._top_up(worker, target, feed)

    def finish(self, flush: Callable[[], None]) -> None:
        """Have all in hand committed, by `flush` what this process has, and the workers ended.

        IndexerError where one cannot.
        """
        for worker in self._workers:
            worker.send(Last(now=False))
        flush()
        for worker in self._workers:
            while not isinstance(message := worker.receive(), Done):
                pass
            self.done.append(message)
        for worker in self._workers:
            worker.process.wait()

    def break_off(self) -> None:
        """End the workers soon: calls on their way are waited for a little, and what is in hand is committed."""
        for worker in self._workers:
            with suppress(OSError):
                worker.link.send(Last(now=True))
        for worker in self._workers:
            _wait_for(worker.link)

    def _tell_down(self, target: int) -> None:
        """Tell all workers, once, of a registry that is down.

        Each of them sees a part of the calls only: that several in a row were given up shows here, and a registry that
        one worker cannot reach for a moment is not given up while another one has its answers.
        """
        reason = self._ecrs[target].health.down
        if reason is not None and target not in self._down:
            self._down.add(target)
            for worker, setup in zip(self._workers, self._setups, strict=True):
                worker.send(Down(setup.places[target].quota, reason))

    def _drop(self, target: int, feed: Feed, take: Taker) -> None:
        """Take what is left for a registry that is down as what it is: nothing is sent for it any more."""
        begun = [worker.spans.pop(target, iter(())) for worker in self._workers]
        for task in chain(*begun, feed):
            batch = self._ecrs[target].batch_get_image(task.place.repository, task.ask.digests)
            take(task, Told(0, 0, list(batch.failures), [], []))

    def _top_up(self, worker: Process, target: int, feed: Feed) -> None:
        """Give a worker what keeps its connections to a target busy: of the span it is at, or else of the next."""
        room = 2 * self._connections(worker, target) - sum(task.place.target == target for task in worker.busy.values())
        for _ in range(room):
            task = next(worker.spans.get(target, iter(())), None)
            if task is None:
                worker.spans[target] = feed.span()
                task = next(worker.spans[target], None)
            if task is None:
                return
            self._number += 1
            worker.busy[self._number] = task
            worker.send((self._number, task.ask))

    def _connections(self, worker: Process, target: int) -> int:
        return self._setups[self._workers.index(worker)].places[target].connections


def _has_work(supply: Supply) -> bool:
    return any(feed.left for feed in supply.feeds.values())


def _wait_for(link: Connection) -> None:
    """Read what a worker that is ending still says, until it is gone."""
    with suppress(EOFError, OSError):
        while link.poll(_GRACE):
            link.recv()


@contextmanager
def workers(ready: Reserve, setups: Sequence[Setup], ecrs: Sequence[Ecr], here: Threads) -> Iterator[Workers]:
    """Give the crew of this process and a reserve's, one for each of `setups`, to be finished in the block.

    Where the block ends with an exception they are broken off.
    """
    ready.renew()
    with here.stop.threads(1, "here") as aside:
        crew = Workers(ready.started, setups, ecrs, here, aside)
        try:
            # A stop is asked for before workers are waited for: threads here may go on.
            with here.stop.on_error():
                crew.start()
                yield crew
        except BaseException:
            crew.break_off()
            raise
