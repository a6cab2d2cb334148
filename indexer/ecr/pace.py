"""How many requests a second leave for one account and region.

Production pulls draw on the same quota, so the configured rate is a ceiling that holds for every second: requests are
spaced evenly, time that was not used is not saved up for a burst, and a request that its thread brings late counts when
it really leaves: those behind it wait until fewer than the limit left in the second before. Where the registry
throttles all the same, the pace falls by itself and recovers slowly (additive increase, multiplicative decrease, as TCP
does it).
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

_SLOWER = 0.7
_RECOVERY = 0.05  # of the full rate, gained per second without a throttle
_SETTLE = 1.0  # seconds in which several throttles count as one: they answer requests sent at the old pace
_HAIR = 1e-6
_SLOWEST = 0.02  # of the full rate
_MARGIN = 1.05
"""Seconds that hold no more than a second may: between leaving here and the wire, a thread can lose its turn."""


class Turn(NamedTuple):
    """Which of `of` processes this is, from 0: they share a rate."""

    number: int = 0
    of: int = 1


class Before(NamedTuple):
    """What a process did that asked before others joined it.

    When its requests left lately, by `time.monotonic`, and at what part of the rate: less than 1 for a while after the
    registry throttled.
    """

    left: Sequence[float] = ()
    share: float = 1.0


class Pace:
    """Hands out the moments at which requests may leave; shared by all threads that call one target.

    Several processes share a rate without a word between them: each has an equal part of it for every second. Requests
    that come faster than that leave in turns: the machine's clock is cut into slots, one request long, and process i of
    n sends in every n-th slot only, from the i-th on. So the rate holds for all together, in every second, also where
    they begin and end at different times. `before` is what a process did that asked before them:
    each counts some of its requests as its own, and goes on at its pace. A `sleep` that gives true says that
    nothing is to leave any more.
    """

    def __init__(
        self,
        per_second: float,
        turn: Turn = Turn(),  # noqa: B008 - a tuple, which nobody can change
        *,
        before: Before = Before(),  # noqa: B008 - as above
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._limit = per_second
        self._take_turn(turn, before.left[turn.number :: turn.of])
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = clock()
        self._share = before.share
        self._throttled_at = float("-inf")
        self._adjusted_at = clock()
        self.waited = 0.0
        """Seconds that callers spent waiting here, summed over all threads."""

    def _take_turn(self, turn: Turn, left: Iterable[float]) -> None:
        share = self._limit / turn.of
        self.per_second = share / _MARGIN
        """The rate that is aimed at: so much below the limit that the limit holds however late threads wake up."""
        self._window = _MARGIN * max(1.0, 1.0 / share)
        self._left = deque(left, maxlen=max(1, math.floor(share)))
        self._turn = turn

    def divide(self, of: int) -> Before:
        """Keep the first of so many turns for this process; return `before` for the paces that have the others."""
        with self._lock:
            left, share = list(self._left), self._current(self._clock()) / self.per_second
            self._take_turn(Turn(0, of), left[::of])
            return Before(left, share)

    def wait(self) -> None:
        """Return when the next request may leave, or at once where none is to leave any more."""
        with self._lock:
            now = self._clock()
            due = max(now, self._next)
            self._next = due + 1.0 / self._current(now)
            # At once where no request left lately: what may leave in a second is counted by each process (`_leave`).
            delay = self._slot(due) - now if due > now else 0.0
            self.waited += delay
        if delay > 0 and self._sleep(delay):
            return
        while (late := self._leave()) > 0:
            if self._sleep(late):
                return

    def _leave(self) -> float:
        """Note that a request leaves now and return 0, or return how long it must wait for those before it."""
        with self._lock:
            now = self._clock()
            delay = self._left[0] + self._window - now if len(self._left) == self._left.maxlen else 0.0
            if delay > _HAIR:
                self.waited += delay
                return delay
            self._left.append(now)
            return 0.0

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
