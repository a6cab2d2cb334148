"""What the terminal can show. Imports nothing that a bare Python has not."""

from __future__ import annotations

import os
import sys

_NARROWEST = 20
_USUAL = 80


def width() -> int:
    """The terminal's columns; COLUMNS overrules, as everywhere."""
    said = os.environ.get("COLUMNS", "")
    columns = int(said) if said.isdecimal() else 0
    if columns <= 0:
        try:
            columns = os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr]  # as below
        except (AttributeError, ValueError, OSError):  # closed before the command began, or no terminal
            columns = 0
    return max(_NARROWEST, columns or _USUAL)


def is_bold() -> bool:
    """Whether stdout is a terminal that headings may be bold on."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return not plain and sys.stdout is not None and sys.stdout.isatty()
