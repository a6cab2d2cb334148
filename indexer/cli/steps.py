"""How far a command is that takes a store part by part: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from indexer.cli import output

_EVERY: Final = 10.0


@contextmanager
def steps(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give what is to be told how many parts are done, of how many; show it on stderr while the block runs."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield _Log(what)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=output.console_for(sys.stderr), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


class _Log:
    """Writes a line every ten seconds."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._due = time.monotonic() + _EVERY

    def __call__(self, done: int, of: int) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + _EVERY
            output.say(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {self._what}: {done:,} of {of:,}")
