"""Where a run's time went."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds: of CPU for `flattening` and `writing`, and the sum of what requests were `waiting` for the pace."""

    flattening: float = 0.0
    writing: float = 0.0
    waiting: float = 0.0

    def __add__(self, other: object) -> Spent:
        """Return the sum of each; for two of these."""
        if not isinstance(other, Spent):
            return NotImplemented
        return Spent(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


class Work:
    """Adds up the CPU of work that several threads do, and the time that it took them."""

    def __init__(self) -> None:
        self.seconds = self.elapsed = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Add the CPU that this thread uses while the block lasts, and how long it lasts."""
        began, at = time.thread_time(), time.monotonic()
        try:
            yield
        finally:
            used, elapsed = time.thread_time() - began, time.monotonic() - at
            with self._lock:
                self.seconds += used
                self.elapsed += elapsed


def cpu_seconds() -> float:
    """Return the CPU of this process so far, and of those it started and waited for."""
    return sum(os.times()[:4])
