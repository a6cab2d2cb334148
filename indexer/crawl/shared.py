"""What all threads of a run share, and how they are stopped."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from indexer.crawl.plan import Plan
from indexer.crawl.progress import Progress
from indexer.crawl.report import Report

T = TypeVar("T")
R = TypeVar("R")


class Stop:
    """A request to all threads to start nothing new: something failed, or the user pressed Ctrl-C."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def asked(self) -> bool:
        """Whether threads should start nothing new."""
        return self._event.is_set()

    @contextmanager
    def on_error(self) -> Iterator[None]:
        """Ask for a stop where the block ends with an exception; executors then end soon instead of at the end."""
        try:
            yield
        except BaseException:
            self._event.set()
            raise


@dataclass(frozen=True, slots=True)
class Shared:
    """The run's plan, its report and its clock."""

    plan: Plan
    report: Report
    progress: Progress
    now: Callable[[], datetime]
    stop: Stop = field(default_factory=Stop)
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cyclic garbage rarely while the block runs.

    A run makes tuples by the million and next to no cycles; with Python's own thresholds looking for them takes a
    quarter to a third of the CPU of a run.
    """
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def windowed(pool: Executor, work: Callable[[T], R], items: Iterable[T], *, ahead: int) -> Iterator[R]:
    """Yield `work(item)` for each item, in order, with at most `ahead` of them running or waiting to be taken."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
