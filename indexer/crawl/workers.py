"""The worker processes of a run, seen from the one that started them: hand out tasks, take in what came of them.

The plan, the report and the run's files stay here; workers know digests and where to ask for them. A worker that dies
ends the run: what it had committed stays, and the next run fetches the rest.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Final

from indexer import errors
from indexer.crawl.fetching import Feed, Supply, Taker, Task
from indexer.crawl.hands import Told
from indexer.crawl.worker import Answer, Broken, Done, Down, Heir, Last, Setup
from indexer.ecr import Ecr, Turn
from indexer.machine import cores
from indexer.store import Writer

if TYPE_CHECKING:
    from indexer.config import FetchConfig  # pydantic: a worker would load it for nothing

_PROGRAM: Final = """
import sys
sys.path[:] = {path!r}
from indexer.lean import without_pandas
without_pandas()
from indexer.crawl.worker import main
main()
"""
_GRACE: Final = 20.0
"""Seconds for workers to end by themselves when a run is broken off; then they are killed."""
_ENOUGH: Final = 100_000
"""Manifests that are worth a worker: it takes 0.3 s of CPU and 100 MB to start; to fetch them takes 6 s."""
_A_SECOND: Final = 10_000
"""Manifests that one process handles in a second, about; a rate that allows no more needs no second process."""


_LOOK: Final = 0.03
"""Seconds between two looks for what was listed meanwhile."""
_CALLS_A_SECOND: Final = 500
"""Calls that one process can make in a second, about, however little each brings."""


def processes(fetch: FetchConfig, planned: int, quotas: int) -> int:
    """Return how many processes are to fetch `planned` manifests from so many quotas; 1 is this one alone."""
    calls = -(-planned // fetch.chunk_size)
    if not sys.executable:  # a Python inside another program: there is nothing to start
        return 1
    if fetch.processes != "auto":
        # With less than one request a second each, they could not hold the rate together.
        return max(1, min(fetch.processes, fetch.connections, calls, int(fetch.requests_per_second)))
    most = quotas * fetch.requests_per_second * fetch.chunk_size / _A_SECOND
    return max(1, min(cores(), fetch.connections, planned // _ENOUGH, round(most)))


def most(fetch: FetchConfig, quotas: int) -> int:
    """Return how many processes there may be to fetch ever so many manifests."""
    return processes(fetch, sys.maxsize, quotas)


def early(fetch: FetchConfig, quotas: int) -> bool:
    """Whether workers may begin while this process is still listing.

    They share the rate then in equal parts. Where that would hold up any of them, nothing is gained.
    """
    count = most(fetch, quotas)
    return count > 1 and fetch.requests_per_second >= (count + 1) * _CALLS_A_SECOND


class _Worker:
    """One process, the pipe to it, and what it is busy with."""

    def __init__(self, descriptors: Sequence[int]) -> None:
        self.link, theirs = Pipe()
        self.busy: dict[int, Task] = {}
        self.spans: dict[int, Iterator[Task]] = {}
        self.done: Done | None = None
        program = _PROGRAM.format(path=sys.path)
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603 - this very Python
                [sys.executable, "-c", program, *map(str, (theirs.fileno(), *descriptors))],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *descriptors),
                process_group=0,  # the terminal's Ctrl-C comes here alone
            )

    def receive(self) -> Any:
        """Return the next message; raise what it says is broken, or IndexerError where the process is gone."""
        try:
            message = self.link.recv()
        except (EOFError, ConnectionError):
            raise self.died() from None
        if isinstance(message, Broken):
            if message.kind is None:
                raise RuntimeError(f"a worker process failed:\n{message.message}")
            raise getattr(errors, message.kind, errors.IndexerError)(message.message)
        return message

    def died(self) -> errors.IndexerError:
        """Return the error that says how the process ended."""
        code = self.process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return errors.IndexerError(
            f"a worker process {how}, often for want of memory: give fetch.processes a smaller number in config.yaml. "
            "This run is not committed; what it has fetched is kept, run it again for the rest"
        )


class Workers:
    """A crew of processes. `done` has what each told of itself, once all have ended well.

    `ecrs` are the targets' of this process, by number: how calls went is put together in their health.
    """

    def __init__(self, ready: Sequence[_Worker], setups: Sequence[Setup], ecrs: Sequence[Ecr]) -> None:
        self.done: list[Done] = []
        self._workers = ready
        self._setups = setups
        self._ecrs = ecrs
        self._number = 0
        self._down: set[int] = set()
        self._alone = len(setups) == setups[0].turn.of

    def start(self) -> None:
        """Tell the workers what they work for."""
        for worker, setup in zip(self._workers, self._setups, strict=True):
            self._send(worker, setup)

    def run(self, supply: Supply, take: Taker) -> None:
        """Do all tasks, all targets at once, and call `take` in this thread. Raises the error of a worker."""
        links = {worker.link: worker for worker in self._workers}
        fresh = set(supply.feeds)
        while True:
            grows = supply.grows
            fresh |= supply.refill()
            if not grows and self._inherit():
                fresh |= set(supply.feeds)  # which may have been held
            for target in fresh:
                self._serve(target, supply, take, self._workers)
            fresh = set()
            if not grows and not any(worker.busy for worker in self._workers):
                return
            # One that has nothing to do may end as well.
            for link in wait(list(links), _LOOK if grows else None):
                worker = links[link]  # type: ignore[index]  # only links were given
                answer: Answer = worker.receive()
                task = worker.busy.pop(answer.number)
                target = task.place.target
                take(task, answer.told)
                self._ecrs[target].hear(answer.signs)
                self._serve(target, supply, take, [worker])

    def _serve(self, target: int, supply: Supply, take: Taker, workers: Sequence[_Worker]) -> None:
        """Keep workers busy with a target, unless its registry is down."""
        feed = supply.feeds[target]
        if self._ecrs[target].health.down is not None:
            self._tell_down(target)
            self._drop(target, feed, take)
        elif not (supply.held and supply.grows):
            for worker in workers:
                self._top_up(worker, target, feed)

    def finish(self) -> None:
        """Have all in hand committed and the workers ended; IndexerError where one cannot."""
        for worker in self._workers:
            self._send(worker, Last(now=False))
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
                self._send(worker, Down(setup.places[target].quota, reason))

    def _inherit(self) -> bool:
        """Give the workers the turn of this process, which has listed all: it asks next to nothing any more.

        Return whether that is so since now.
        """
        if self._alone:
            return False
        self._alone = True
        left = {place.quota: ecr.pace.recent for place, ecr in zip(self._setups[0].places, self._ecrs, strict=True)}
        for number, worker in enumerate(self._workers):
            self._send(worker, Heir(Turn(number, len(self._workers)), left))
        return True

    def _drop(self, target: int, feed: Feed, take: Taker) -> None:
        """Take what is left for a registry that is down as what it is: nothing is sent for it any more."""
        begun = [worker.spans.pop(target, iter(())) for worker in self._workers]
        for task in chain(*begun, feed):
            batch = self._ecrs[target].batch_get_image(task.place.repository, task.ask.digests)
            take(task, Told(0, 0, list(batch.failures), [], []))

    def _top_up(self, worker: _Worker, target: int, feed: Feed) -> None:
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
            self._send(worker, (self._number, task.ask))

    def _connections(self, worker: _Worker, target: int) -> int:
        return self._setups[self._workers.index(worker)].places[target].connections

    @staticmethod
    def _send(worker: _Worker, message: object) -> None:
        try:
            worker.link.send(message)
        except ConnectionError:
            worker.receive()  # it may have said why
            raise worker.died() from None


def _wait_for(link: Connection) -> None:
    """Read what a worker that is ending still says, until it is gone."""
    with suppress(EOFError, OSError):
        while link.poll(_GRACE):
            link.recv()


class Reserve:
    """Processes that are started while repositories are listed, and wait: to start takes as long as 10,000 manifests.

    `quotas` is how many of ECR's there are. Threads may share it.
    """

    def __init__(self, fetch: FetchConfig, quotas: int, descriptors: Sequence[int]) -> None:
        self.workers: list[_Worker] = []
        self._fetch = fetch
        self._quotas = quotas
        self._descriptors = descriptors
        self._closed = False
        self._lock = threading.Lock()

    def grow(self, planned: int) -> int:
        """Have as many as are to fetch `planned` manifests; return how many that are, 1 for this process alone."""
        count = processes(self._fetch, planned, self._quotas)
        with self._lock:
            while len(self.workers) < count > 1 and not self._closed:
                self.workers.append(_Worker(self._descriptors))
        return count

    def renew(self) -> None:
        """Start another one for each that ended while it waited: nobody has been given work yet, so nothing is lost."""
        for at, worker in enumerate(self.workers):
            if worker.process.poll() is not None:
                worker.link.close()
                self.workers[at] = _Worker(self._descriptors)

    def kill(self) -> None:
        """End what is still there. The lock is theirs too: it is free only when they are gone."""
        with self._lock:
            self._closed = True
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
            worker.process.wait()
            worker.link.close()


@contextmanager
def reserve(fetch: FetchConfig, quotas: int, writer: Writer) -> Iterator[Reserve]:
    """Give a reserve; when the block ends its processes are gone, however it ends.

    The lock of the writer's store is theirs too: they inherit its descriptors.
    """
    ready = Reserve(fetch, quotas, writer.share.descriptors)
    try:
        yield ready
    finally:
        ready.kill()


@contextmanager
def workers(ready: Reserve, setups: Sequence[Setup], ecrs: Sequence[Ecr]) -> Iterator[Workers]:
    """Give the crew of a reserve's processes, one for each of `setups`; when the block ends well all is committed."""
    ready.renew()
    crew = Workers(ready.workers, setups, ecrs)
    try:
        crew.start()
        yield crew
        crew.finish()
    except BaseException:
        crew.break_off()
        raise


def turns(count: int, connections: int, *, beside: bool = False) -> list[tuple[Turn, int]]:
    """Return the turn of each of so many workers, and how many of the connections are its own.

    `beside` says whether this process goes on asking; the first turn is its own then.
    """
    return [
        (Turn(at + beside, count + beside), connections // count + (at < connections % count)) for at in range(count)
    ]
