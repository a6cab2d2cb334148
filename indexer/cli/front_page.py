"""`indexer`, `indexer --help` and `indexer --version`, answered without typer.

To load typer takes five times as long as Python does to start, and a shell that asks what a command is called should
not wait. So the page is made of the table that the commands are registered from, and typer shows this page, too, where
something else than these words leads to it.
"""

from __future__ import annotations

import os
import sys

import indexer
from indexer.cli.commands import ABOUT, COMMANDS, EXAMPLES, OPTIONS
from indexer.cli.screen import is_bold, width

TYPE_CHECKING = False  # that of typing takes 5 ms
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_DONE, _FAILED, _USAGE, _INTERRUPTED = 0, 1, 2, 130
"""As in indexer.errors, which takes what this does without; a test compares them."""
_WIDEST = 100
_HELP = frozenset({"-h", "--help"})
_WORDS = frozenset({*_HELP, "--version", "--debug"})


def answered(words: Sequence[str]) -> int | None:
    """Print what `words` ask for and return the exit code; None where they want a command, or more than this knows."""
    if not _WORDS.issuperset(words) or "_INDEXER_COMPLETE" in os.environ:  # the shell's completion gives no words
        return None
    asked = next((word for word in words if word != "--debug"), None)
    try:
        if sys.stdout is not None:
            sys.stdout.write(f"{version()}\n" if asked == "--version" else page())
            sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter's own flush must not complain
        if isinstance(error, BrokenPipeError):  # whoever read it has had enough
            return _DONE
        os.write(2, f"error: stdout cannot be written: {error.strerror}\n".encode())
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return _USAGE if asked is None else _DONE


def version() -> str:
    """Return the program's name and version."""
    return f"manifest-indexer {indexer.__version__}"


def page() -> str:
    """Return the help of `indexer` itself, as wide as the terminal."""
    columns = min(width(), _WIDEST)
    bold, plain = ("\x1b[1m", "\x1b[0m") if is_bold() else ("", "")
    lines = ["Usage: indexer [OPTIONS] COMMAND [ARGS]...", "", *_wrapped(ABOUT, columns)]
    for heading, items in {**COMMANDS, "Options": OPTIONS}.items():
        lines += ["", f"{bold}{heading}{plain}", *_listed(items, columns)]
    lines += ["", f"{bold}Examples{plain}", *(f"  {example}" for example in EXAMPLES)]
    lines += ["", *_wrapped("indexer COMMAND --help shows what a command takes.", columns)]
    return "\n".join(lines) + "\n"


def _listed(items: Mapping[str, str], columns: int) -> Iterator[str]:
    """Each name with what it is beside it; below it where there is no room."""
    indent = 2 + max(len(name) for options in (*COMMANDS.values(), OPTIONS) for name in options) + 2
    beside = columns >= 2 * indent
    margin = " " * (indent if beside else 6)
    for name, text in items.items():
        first, *more = _wrapped(text, columns - len(margin))
        if beside:
            yield f"  {name:<{indent - 2}}{first}"
        else:
            yield f"  {name}"
            yield margin + first
        yield from (margin + line for line in more)


def _wrapped(text: str, columns: int) -> Iterable[str]:
    """Fill lines with words; textwrap would be most of what the page takes."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= columns:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
