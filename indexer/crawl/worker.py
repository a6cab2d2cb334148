"""A worker process: does what it is asked over a pipe, and writes segments of its own.

Started by `indexer.crawl.processes`, as a new Python and not as a fork. It holds the store's lock through the
descriptor it inherited, and ends at once, without publishing anything more, when the process that started it is gone:
so the lock is free only when nobody is left who could write.

    parent ─▶ Setup, then (number, Ask)… with Down between, then Last
    worker ─▶ Answer…, Done at the end, or Broken
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from indexer.crawl.crowd import Crowd
from indexer.crawl.hands import Ask, Hands, Told
from indexer.crawl.memory import frugal
from indexer.crawl.shared import rare_collections
from indexer.crawl.spent import Spent
from indexer.crawl.stop import LAST_CALLS, Stop
from indexer.ecr import Before, Ecr, Pace, Pulse, Signs, Target, Turn, reach
from indexer.errors import IndexerError
from indexer.store import Share, segments_of


class Place(NamedTuple):
    """A target as a worker needs it. Targets with the same `quota` share one pace, and `per_second` with it.

    `before` is what was asked of the quota before there were workers.
    """

    target: Target
    account: str
    quota: int
    per_second: float
    before: Before
    connections: int
    max_attempts: int


class Setup(NamedTuple):
    """The first message: what the worker works for. `ahead` is how far the run's clock is ahead of the system's."""

    share: Share
    run_id: str
    turn: Turn
    parent: int
    ahead: timedelta
    follow: bool
    places: Sequence[Place]


class Down(NamedTuple):
    """A registry is not to be asked any more, and why: all processes together have found it down."""

    quota: int
    reason: str


class Last(NamedTuple):
    """The last message: `now` says whether calls that have not begun are to be dropped."""

    now: bool


class Answer(NamedTuple):
    """What became of the ask with that number, and how the calls for its quota went since the last answer about it."""

    number: int
    told: Told
    signs: Signs


class Done(NamedTuple):
    """The worker's last answer: all it was given is committed. Seconds and requests are those of its whole life."""

    requests: int
    spent: Spent


class Broken(NamedTuple):
    """The worker cannot go on. `kind` is the name of an error of this package, or None for what nobody expected."""

    kind: str | None
    message: str


def main() -> None:
    """Run as a worker; the arguments are the descriptors of the pipe and of what else was inherited."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which says what is to be done
    descriptors = [int(each) for each in sys.argv[1:]]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    frugal()
    link = Connection(descriptors[0])
    try:
        setup = link.recv()
        # The run may be broken off before there is any work.
        code = Worker(link, setup).run() if isinstance(setup, Setup) else 0
    except (EOFError, ConnectionError):
        code = 1
    # Not through the end of main: a thread that still waits for an answer would keep the process, and the lock.
    os._exit(code)


class Worker:
    """One worker. The thread that runs it reads the pipe, and so sees at once when the parent is gone."""

    def __init__(self, link: Connection, setup: Setup) -> None:
        self._link = link
        self._sending = threading.Lock()
        self._parent = setup.parent
        self._segments = segments_of(
            setup.share, setup.run_id, number=setup.turn.number, processes=setup.turn.of, check=self._check_parent
        )
        self._setup = setup
        self._quotas: dict[int, tuple[Pace, Pulse]] = {}
        self._stop = Stop()
        self._crowd = Crowd(sum(place.connections for place in setup.places))
        self._ecrs: list[Ecr] = []
        self._running: set[Future[None]] = set()

    def run(self) -> int:
        """Work until the last message; return the exit code. EOFError where the parent is gone."""
        with rare_collections():
            return self._run()

    def _run(self) -> int:
        try:
            hands, pools = self._prepare()
        except IndexerError as error:
            self._send(Broken(type(error).__name__, str(error)))
            return 1
        while not isinstance(message := self._link.recv(), Last):
            if isinstance(message, Down):
                self._quotas[message.quota][1].trip(message.reason)
                continue
            number, ask = message
            future = pools[ask.target].submit(self._do, hands, number, ask)
            self._running.add(future)
            future.add_done_callback(self._running.discard)
        return self._end(hands, pools, message)

    def _prepare(self) -> tuple[Hands, list[ThreadPoolExecutor]]:
        for place in self._setup.places:
            new = (Pace(place.per_second, self._setup.turn, before=place.before, sleep=self._stop.sleep), Pulse())
            pace, pulse = self._quotas.setdefault(place.quota, new)
            ecr = reach(
                place.target,
                pace,
                pulse,
                connections=place.connections,
                max_attempts=place.max_attempts,
                sleep=self._stop.sleep,
                stopped=lambda: self._stop.asked,
            )
            self._ecrs.append(ecr)
        accounts = [place.account for place in self._setup.places]
        hands = Hands(self._ecrs, accounts, self._segments, now=self._now, follow=self._setup.follow)
        self._crowd.computing = hands.flattening
        return hands, [ThreadPoolExecutor(place.connections) for place in self._setup.places]

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._setup.ahead

    def _do(self, hands: Hands, number: int, ask: Ask) -> None:
        _, pulse = self._quotas[self._setup.places[ask.target].quota]

        def work() -> None:
            with self._crowd.turn():
                told = hands.do(ask)
            self._send(Answer(number, told, pulse.signs()))

        self._guarded(work)

    def _end(self, hands: Hands, pools: list[ThreadPoolExecutor], message: Last) -> int:
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=message.now)
        if message.now:
            self._stop.ask()
        wait(list(self._running), timeout=LAST_CALLS if message.now else None)
        return self._guarded(lambda: self._flush(hands))

    def _flush(self, hands: Hands) -> None:
        with hands.writing.measured():
            self._segments.flush()
        requests = sum(ecr.requests for ecr in self._ecrs)
        waited = sum(pace.waited for pace, _ in self._quotas.values())
        self._send(Done(requests, Spent(hands.flattening.seconds, hands.writing.seconds, waited)))

    def _guarded(self, work: Callable[[], None]) -> int:
        """Do some work; what goes wrong is told to the parent, who ends the run."""
        try:
            work()
        except ConnectionError:
            os._exit(1)  # the parent is gone
        except IndexerError as error:
            self._send(Broken(type(error).__name__, str(error)))
            return 1
        except BaseException:  # noqa: BLE001 - it is not lost: the parent raises it
            self._send(Broken(None, traceback.format_exc()))
            return 1
        return 0

    def _send(self, message: Any) -> None:
        with self._sending:
            self._link.send(message)

    def _check_parent(self) -> None:
        """End where the parent is gone, also if the thread that would notice had no turn yet."""
        if os.getppid() != self._parent:
            os._exit(1)
