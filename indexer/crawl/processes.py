"""How many processes fetch, and those that are started to do it beside this one.

Each is a new Python, not a fork: this process has threads by then.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any, Final

from indexer import errors
from indexer.crawl.fetching import Task
from indexer.crawl.worker import Broken, Done
from indexer.ecr import Turn
from indexer.machine import cores
from indexer.store import Writer

if TYPE_CHECKING:
    from indexer.config import FetchConfig  # pydantic: a worker would load it for nothing

_PROGRAM: Final = """
import sys
sys.path[:] = {path!r}
from indexer.lean import collect_rarely, without_pandas
collect_rarely()
without_pandas()
from indexer.crawl.worker import main
main()
"""
_ENOUGH: Final = 100_000
"""Manifests that are worth a worker: it takes 0.3 s of CPU and 100 MB to start; to fetch them takes 6 s."""
_A_SECOND: Final = 10_000
"""Manifests that one process handles in a second, about; a rate that allows no more needs no second process."""
_CALLS_A_SECOND: Final = 500
"""Calls that one process can make in a second, about, however little each brings."""


def how_many(fetch: FetchConfig, planned: int, quotas: int) -> int:
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
    return how_many(fetch, sys.maxsize, quotas)


def early(fetch: FetchConfig, quotas: int) -> bool:
    """Whether workers may begin while this process is still listing.

    All share the rate in equal parts. Where that would hold up any of them, nothing is gained.
    """
    count = most(fetch, quotas)
    return count > 1 and fetch.requests_per_second >= count * _CALLS_A_SECOND


def turns(count: int, connections: int) -> list[tuple[Turn, int]]:
    """Return the turn of each of so many processes, this one's first, and how many of the connections are its own."""
    return [(Turn(at, count), connections // count + (at < connections % count)) for at in range(count)]


class Process:
    """A worker: its process, the pipe to it, and what it is busy with."""

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

    def send(self, message: object) -> None:
        """Say something; raise what the worker says is broken, or IndexerError where the process is gone."""
        try:
            self.link.send(message)
        except ConnectionError:
            self.receive()  # it may have said why
            raise self.died() from None

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


class Reserve:
    """Processes that are started while repositories are listed, and wait: to start takes as long as 10,000 manifests.

    `quotas` is how many of ECR's there are. Threads may share it.
    """

    def __init__(self, fetch: FetchConfig, quotas: int, descriptors: Sequence[int]) -> None:
        self.started: list[Process] = []
        self._fetch = fetch
        self._quotas = quotas
        self._descriptors = descriptors
        self._closed = False
        self._lock = threading.Lock()

    def grow(self, planned: int) -> int:
        """Have as many as are to fetch `planned` manifests beside this process; return how many that are with it."""
        count = how_many(self._fetch, planned, self._quotas)
        with self._lock:
            while len(self.started) < count - 1 and not self._closed:
                self.started.append(Process(self._descriptors))
        return count

    def renew(self) -> None:
        """Start another one for each that ended while it waited: nobody has been given work yet, so nothing is lost."""
        for at, worker in enumerate(self.started):
            if worker.process.poll() is not None:
                worker.link.close()
                self.started[at] = Process(self._descriptors)

    def kill(self) -> None:
        """End what is still there. The lock is theirs too: it is free only when they are gone."""
        with self._lock:
            self._closed = True
        for worker in self.started:
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
