"""The threads of a run, and how they are stopped: soon, and without a call that hangs holding up the rest."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

LAST_CALLS = 5.0
"""Seconds that calls on their way have left when a run is broken off."""


class Stop:
    """A request to all threads to start nothing new: something failed, or the user pressed Ctrl-C."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def asked(self) -> bool:
        """Whether threads should start nothing new."""
        return self._event.is_set()

    def ask(self) -> None:
        """Ask for it."""
        self._event.set()

    def sleep(self, seconds: float) -> bool:
        """Wait so long, or until a stop is asked for; return whether it is."""
        return self._event.wait(seconds)

    @contextmanager
    def on_error(self) -> Iterator[None]:
        """Ask for a stop where the block ends with an exception; threads then end soon instead of at the end."""
        try:
            yield
        except BaseException:
            self._event.set()
            raise

    @contextmanager
    def threads(self, count: int, name: str) -> Iterator[ThreadPoolExecutor]:
        """Give a pool. When the block ends with an exception, ask for a stop and wait only a little for what runs.

        A call to a registry that hangs would hold up the commit of what is in hand until it times out.
        """
        pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        try:
            with self.on_error():
                yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            waiting = threading.Thread(target=pool.shutdown, name="waiting", daemon=True)
            waiting.start()
            waiting.join(LAST_CALLS)
            raise
        pool.shutdown()


def windowed(pool: Executor, work: Callable[[T], R], items: Iterable[T], *, ahead: Callable[[], int]) -> Iterator[R]:
    """Yield `work(item)` for each item, in order, with at most `ahead()` of them running or waiting to be taken.

    While that is 0 the work is done in this very thread.
    """
    waiting: deque[Future[R]] = deque()
    for item in items:
        while waiting and len(waiting) >= ahead():
            yield waiting.popleft().result()
        if ahead():
            waiting.append(pool.submit(work, item))
        else:
            yield from [future.result() for future in waiting]
            waiting.clear()
            yield work(item)
    while waiting:
        yield waiting.popleft().result()
