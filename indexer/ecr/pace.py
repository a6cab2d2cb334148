"""How many requests a second leave for one account and region.

Production pulls draw on the same quota, so the configured rate is a ceiling that holds for every second: requests are
spaced evenly and time that was not used is not saved up for a burst. Where the registry throttles all the same, the
pace falls by itself and recovers slowly (additive increase, multiplicative decrease, as TCP does it).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

_SLOWER = 0.7
_RECOVERY = 0.05  # of the full rate, gained per second without a throttle
_SETTLE = 1.0  # seconds in which several throttles count as one: they answer requests sent at the old pace
_HAIR = 1e-6
_SLOWEST = 0.02  # of the full rate


class Turn(NamedTuple):
    """Which of `of` processes this is, from 0: they share a rate."""

    number: int = 0
    of: int = 1


class Pace:
    """Hands out the moments at which requests may leave; shared by all threads that call one target.

    Several processes share a rate without a word between them: the machine's clock is cut into slots, one request
    long, and process i of n sends in every n-th slot only, from the i-th on. So the rate holds for all together, in
    every second, also where they begin and end at different times.
    """

    def __init__(
        self,
        per_second: float,
        turn: Turn = Turn(),  # noqa: B008 - a tuple, which nobody can change
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_second = per_second / turn.of
        self._turn = turn
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = clock()
        self._share = 1.0
        self._throttled_at = float("-inf")
        self._adjusted_at = float("-inf")
        self.waited = 0.0
        """Seconds that callers spent waiting here, summed over all threads."""

    def wait(self) -> None:
        """Return when the next request may leave."""
        with self._lock:
            now = self._clock()
            due = max(now, self._next)
            self._next = due + 1.0 / self._current(now)
            delay = self._slot(due) - now
            self.waited += delay
        if delay > 0:
            self._sleep(delay)

    def _slot(self, due: float) -> float:
        """Return the first moment from `due` on that is this process's turn."""
        if self._turn.of == 1:
            return due
        share = self._turn.number / self._turn.of
        # A little less, so that a slot that rounding puts a hair before `due` is not passed over.
        number = math.ceil(due * self.per_second - share - _HAIR)
        return max(due, (number + share) / self.per_second)

    def throttled(self) -> None:
        """Tell that the registry refused a request for coming too fast."""
        with self._lock:
            now = self._clock()
            if now - self._throttled_at >= _SETTLE:
                self._share = max(_SLOWEST, self._current(now) / self.per_second * _SLOWER)
                self._throttled_at = self._adjusted_at = now

    def _current(self, now: float) -> float:
        """The rate in force, in requests per second."""
        if self._share < 1.0:
            self._share = min(1.0, self._share + (now - self._adjusted_at) * _RECOVERY)
            self._adjusted_at = now
        return self.per_second * self._share
