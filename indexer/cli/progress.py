"""How far a run is, on stderr: a live line in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from indexer.cli import output
from indexer.cli.cells import age, counted

if TYPE_CHECKING:
    from rich.console import RenderableType

    from indexer.cli.voice import Voice
    from indexer.crawl import Progress

Writer: TypeAlias = Callable[[str, dict[str, Any]], None]
"""Takes a line about a run, and the same as fields."""

_EVERY = 10.0
_LOOK = 0.1
_RATE_OVER = 10.0
_REFRESH = 8
_BAR = 24
_SLOWEST = 0.1
"""Manifests a second below which nobody can say how long it will take."""


class Meter:
    """What there is to say about a run at this moment; the rate is that of the last seconds."""

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque()

    @property
    def phase(self) -> str:
        """What the run is doing."""
        return self._progress.phase

    @property
    def done(self) -> float | None:
        """How much of the fetching is done, 0 to 1; None while there is nothing to fetch."""
        wanted = self._progress.wanted
        return min(1.0, self._progress.fetched / wanted) if wanted and self.phase == "fetching" else None

    def line(self) -> str:
        """Return one line about the run."""
        now = self._progress
        parts = {
            "listing": [
                f"{now.repositories_listed:,} of {counted(now.repositories_found, 'repository', 'repositories')}",
                counted(now.images, "image"),
                f"{counted(now.wanted, 'manifest')} to fetch",
                *([f"{now.fetched:,} fetched"] if now.fetched else []),
            ],
            "fetching": [f"{now.fetched:,} of {counted(now.wanted, 'manifest')}", *self._speed()],
        }.get(now.phase, [])
        if now.failures:
            parts.append(counted(now.failures, "failure"))
        return f"{now.phase}: {', '.join(parts)}" if parts else now.phase

    def found(self) -> str | None:
        """Return what the listing has found, for while it is fetched; None before."""
        now = self._progress
        if now.phase != "fetching":
            return None
        return f"{counted(now.repositories_listed, 'repository', 'repositories')}, {counted(now.images, 'image')}"

    def fields(self) -> dict[str, Any]:
        """Return what there is to say, for machines."""
        now, rate = self._progress, self._rate()
        return {
            "phase": now.phase,
            "repositories_found": now.repositories_found,
            "repositories_listed": now.repositories_listed,
            "images": now.images,
            "manifests_to_fetch": now.wanted,
            "manifests_fetched": now.fetched,
            "manifests_per_second": round(rate, 1),
            "seconds_left": self._left(rate),
            "failures": now.failures,
            "bytes": now.bytes,
        }

    def _speed(self) -> list[str]:
        rate = self._rate()
        left = self._left(rate)
        words = [] if left is None else [f"{age(timedelta(seconds=left))} left"]
        return [f"{rate:,.0f} a second", *words]

    def _left(self, rate: float) -> int | None:
        """Seconds that the rest will take at this rate; None where that cannot be said."""
        rest = self._progress.wanted - self._progress.fetched
        return round(rest / rate) if rate >= _SLOWEST and rest > 0 and self.phase == "fetching" else None

    def _rate(self) -> float:
        at = self._clock()
        self._samples.append((at, self._progress.fetched))
        while len(self._samples) > 2 and at - self._samples[0][0] > _RATE_OVER:  # noqa: PLR2004 - two make a rate
            self._samples.popleft()
        began, fetched = self._samples[0]
        return (self._progress.fetched - fetched) / (at - began) if at > began else 0.0


@contextmanager
def watching(progress: Progress, voice: Voice) -> Iterator[None]:
    """Show `progress` while the block runs."""
    if voice.quiet:
        yield
    elif sys.stderr.isatty() and not voice.for_machines:
        with _live(Meter(progress)):
            yield
    else:
        with logging(Meter(progress), voice.progress):
            yield


@contextmanager
def logging(meter: Meter, write: Writer, *, every: float = _EVERY, look: float = _LOOK) -> Iterator[None]:
    """Write a line at each change of phase that is seen, and every `every` seconds; look every `look` seconds."""
    ended = threading.Event()
    watcher = threading.Thread(target=_log, args=(meter, write, every, look, ended), name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _log(meter: Meter, write: Writer, every: float, look: float, ended: threading.Event) -> None:
    phase, due = "starting", time.monotonic() + every
    while True:
        last = ended.wait(look)
        if meter.phase != phase or time.monotonic() >= due:
            phase, due = meter.phase, time.monotonic() + every
            write(meter.line(), meter.fields())
        if last:
            return


@contextmanager
def _live(meter: Meter) -> Iterator[None]:
    from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

    with Live(_Line(meter), console=output.console_for(sys.stderr), refresh_per_second=_REFRESH, transient=True):
        yield


class _Line:
    """The meter as rich draws it, anew each time."""

    def __init__(self, meter: Meter) -> None:
        from rich.spinner import Spinner  # noqa: PLC0415 - as above

        self._meter = meter
        self._spinner = Spinner("dots")

    def __rich__(self) -> RenderableType:
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - as above
        from rich.table import Table  # noqa: PLC0415 - as above
        from rich.text import Text  # noqa: PLC0415 - as above

        grid = Table.grid(padding=(0, 1, 0, 0))
        cells: list[RenderableType] = [self._spinner, Text(self._meter.line(), no_wrap=True, overflow="ellipsis")]
        done = self._meter.done
        if done is not None:
            cells.append(ProgressBar(total=1.0, completed=done, width=_BAR))
        grid.add_row(*cells)
        found = self._meter.found()
        if found is not None:
            grid.add_row("", Text(found, style="dim"))
        return grid
