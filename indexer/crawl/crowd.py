"""How many of a process's threads work at a time: as many as it takes to keep it busy, and no more.

Python computes in one thread at a time. Threads that wait for answers cost nothing, but those that have theirs take the
lock from each other: with 32 threads, where answers come at once, a manifest cost a fifth more CPU than with one, and
took no less time. Where answers take long, one thread has nothing to do, and it takes all of them.

That a process leaves CPU unused can have another reason: it does not get it, because other programs have it. How much
it gets shows where nothing is waited for, in flattening. More threads get no more; on a busy machine they cost a fifth
of a run's CPU and of its time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from indexer.crawl.spent import Work

_LOOK: Final = 0.02
"""Seconds between two looks at how busy the process is."""
_WATCH: Final = 0.25
"""Seconds after which another one of those who wait looks, should the one that did have got in."""
_IDLE: Final = 0.8
_BUSY: Final = 0.95
"""Of the CPU there is to have: below the one there is room for more threads, above the other no use for so many."""
_LEAST: Final = 0.2
"""What a process gets at least, however little it seems: threads that wait for each other seem to get little, too."""
_LONG: Final = 0.5
"""Seconds of being busy before fewer are let in: answers come in bursts."""


class Crowd:
    """Lets threads in, one after the other, up to a number between 1 and `most` that follows what they leave unused.

    `clock` gives the time and `cpu` the process's CPU until then, in seconds.
    """

    def __init__(
        self,
        most: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self.limit = 1
        self.computing = Work()
        """Work that waits for nothing; whoever lets threads in may put their own here."""
        self._most = most
        self._clock = clock
        self._cpu = cpu
        self._inside = 0
        self._watched = False
        self._changed = threading.Condition()
        self._seen = clock(), cpu()
        self._share = 1.0
        self._counted = 0.0, 0.0
        self._idle_at = clock()
        self._busy = False

    @property
    def one_is_enough(self) -> bool:
        """Whether one thread keeps the process busy, as far as was seen."""
        return self.limit == 1 and self._busy

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and hold it while the block lasts."""
        with self._changed:
            while self._inside >= self.limit:
                self._wait()
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._look()
                self._changed.notify(max(1, self.limit - self._inside))

    def _wait(self) -> None:
        """Wait until something changes. One of those who wait looks now and then: all inside may wait for long."""
        watching, self._watched = not self._watched, True
        self._changed.wait(_LOOK if watching else _WATCH)
        if watching:
            self._watched = False
            self._look()
            self._changed.notify(max(1, self.limit - self._inside))

    def _look(self) -> None:
        now, cpu = self._clock(), self._cpu()
        before, cpu_before = self._seen
        if now - before < _LOOK:
            return
        self._seen = now, cpu
        used = (cpu - cpu_before) / (now - before) / self._given()
        self._busy = used >= _IDLE
        if used < _BUSY:
            self._idle_at = now
        if used < _IDLE:
            self.limit = min(self._most, 2 * self.limit)  # to 32 in five looks
        elif now - self._idle_at >= _LONG:
            self.limit, self._idle_at = max(1, self.limit // 2), now

    def _given(self) -> float:
        """Return how much of the CPU that it can use the process gets, as far as is known."""
        (cpu, elapsed), (seconds, lasted) = self._counted, (self.computing.seconds, self.computing.elapsed)
        if lasted > elapsed:
            self._share = min(1.0, max(_LEAST, (seconds - cpu) / (lasted - elapsed)))
            self._counted = seconds, lasted
        return self._share
