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
from indexer.ecr import in_short

if TYPE_CHECKING:
    from rich.console import RenderableType

    from indexer.cli.voice import Voice
    from indexer.crawl import Progress

Writer: TypeAlias = Callable[[str, dict[str, Any]], None]
"""Takes a line about a run, and the same as fields."""

_EVERY = 10.0
_FIRST = 2.0
"""Seconds after which a phase is told of again: soon enough to see that it goes on."""
_FAILING = 2.0
"""Seconds without any good answer that are worth a word."""
_SILENT = 10.0
"""Seconds in which nothing comes that are: of the calls of worker processes one knows nothing sooner."""
_SAID = 200
_LOOK = 0.1
_RATE_OVER = 10.0
_REFRESH = 8
_BAR = 24
_SLOWEST = 0.1
"""Manifests a second below which nobody can say how long it will take."""


class Meter:
    """What there is to say about a run at this moment; the rate is that of the last seconds.

    `limit` is how many requests a second each target may have.
    """

    def __init__(
        self, progress: Progress, clock: Callable[[], float] = time.monotonic, *, limit: float | None = None
    ) -> None:
        self._progress = progress
        self._clock = clock
        self._limit = limit
        self._samples: deque[tuple[float, int]] = deque()
        self._came: tuple[object, float] = (None, 0.0)

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
        if parts and self._limit is not None and now.is_paced:
            parts.append(f"paced to {self._limit:g} requests a second")
        return f"{now.phase}: {', '.join(parts)}" if parts else now.phase

    def waiting(self) -> str | None:
        """Return what a run waits for that gets no good answer; None where things come."""
        now, at = self._progress, self._clock()
        if now.phase not in {"listing", "fetching"}:
            return None
        long = [(walk, trouble) for walk, trouble in now.troubles if at - trouble.since >= _FAILING]
        if long:
            walk, trouble = long[0]
            several = f" for {walk.target}" if len(now.targets) > 1 else ""
            failed = f"{counted(trouble.attempts, 'call')} failed in {age(timedelta(seconds=at - trouble.since))}"
            return f"waiting{several}: {failed}, to be tried again; {in_short(trouble.error)[:_SAID]}"
        came = (now.phase, now.answers, now.fetched, now.failures)
        if came != self._came[0] or now.is_paced:
            self._came = (came, at)
        silent = at - self._came[1]
        return f"waiting: nothing has come for {age(timedelta(seconds=silent))}" if silent >= _SILENT else None

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
            "waiting": self.waiting(),
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
def watching(progress: Progress, voice: Voice, limit: float | None = None) -> Iterator[None]:
    """Show `progress` while the block runs; `limit` is as in Meter."""
    if voice.quiet:
        yield
    elif sys.stderr.isatty() and not voice.for_machines:
        with _live(Meter(progress, limit=limit)):
            yield
    else:
        with logging(Meter(progress, limit=limit), voice.progress):
            yield


@contextmanager
def logging(meter: Meter, write: Writer, *, every: float = _EVERY, look: float = _LOOK) -> Iterator[None]:
    """Write a line at each change of phase that is seen, soon after it, and every `every` seconds.

    Also at once where calls begin to fail. It is looked every `look` seconds.
    """
    ended = threading.Event()
    watcher = threading.Thread(target=_log, args=(meter, write, every, look, ended), name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _log(meter: Meter, write: Writer, every: float, look: float, ended: threading.Event) -> None:
    phase, due, told = "starting", time.monotonic() + min(_FIRST, every), False
    while True:
        last = ended.wait(look)
        waiting = meter.waiting()
        fresh = meter.phase != phase
        if fresh or time.monotonic() >= due or (waiting is not None and not told):
            phase, due = meter.phase, time.monotonic() + (min(_FIRST, every) if fresh else every)
            told = waiting is not None
            write("; ".join(filter(None, (meter.line(), waiting))), meter.fields())
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
        waiting, found = self._meter.waiting(), self._meter.found()
        if waiting is not None:
            grid.add_row("", Text(waiting, style="yellow"))
        if found is not None:
            grid.add_row("", Text(found, style="dim"))
        return grid
