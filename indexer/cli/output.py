"""Where text goes: data to stdout, everything else to stderr; and what the terminal can show.

All output of the commands goes through here, so that a reader that went away (`| head`) ends a command in silence.
"""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

from indexer.cli import screen
from indexer.cli.cells import printable

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


class ReaderGone(Exception):  # noqa: N818 - no error: whoever read our output has had enough
    """The other end of stdout was closed."""


def emit(text: str, *, now: bool = False) -> None:
    """Write `text` to stdout as it is; `now` for what somebody is waiting for."""
    try:
        sys.stdout.write(text)
        if now:
            sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def show(renderable: RenderableType) -> None:
    """Write something of rich's to stdout, in colour where stdout is a terminal that takes it."""
    console = console_for(sys.stdout)
    with console.capture() as capture:
        console.print(renderable)
    emit(capture.get())


def say(text: str = "") -> None:
    """Write a line for people to stderr; the lines of `text` are made printable, one by one."""
    lines = "\n".join(printable(line) for line in text.split("\n"))
    if sys.stderr is None:  # closed before the command began
        return
    try:
        sys.stderr.write(lines + "\n")
        sys.stderr.flush()
    except OSError:
        # Nobody listens, or the disk is full: what the command does, and its exit code, must not change by it.
        _forget(sys.stderr)


def note(text: str) -> None:
    """Write a remark for people to stderr, in lines that fit where stderr is a terminal."""
    if sys.stderr is not None and sys.stderr.isatty():
        text = textwrap.fill(text, screen.width())
    say(text)


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def table_width() -> int | None:
    """The width that a table is to fit: the terminal's, or what COLUMNS says; None where it may be of any.

    Where stdout is read by `watch` or a pager, COLUMNS is how one says what they show.
    """
    return screen.width() if on_terminal() or os.environ.get("COLUMNS", "").isdecimal() else None


def console_for(stream: object) -> Console:
    """Return a rich console on `stream`, which takes markup and emoji codes for what they are: text.

    rich itself looks at NO_COLOR, TERM and COLUMNS.
    """
    from rich.console import Console  # noqa: PLC0415 - a tenth of a second that only tables need

    class Ours(Console):
        def on_broken_pipe(self) -> None:
            raise ReaderGone  # rich itself ends the process with 1, without a word

    return Ours(file=stream, markup=False, emoji=False, highlight=False, soft_wrap=False)  # type: ignore[arg-type]  # TextIO by name


def forget_stdout() -> None:
    """Point stdout at nothing, so that the interpreter's own flush at exit does not complain again."""
    _forget(sys.stdout)


def _forget(stream: TextIO) -> None:
    """Point a stream at nothing, with what it still holds: else the flush at exit fails, and the code is 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
