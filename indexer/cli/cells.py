"""One value as a person reads it in a table: bytes in KiB to TiB, short digests, local times, no control characters.

What goes to programs (JSON, CSV) is exact instead, and not of this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import singledispatch
from typing import Any

from indexer.cli.spans import Span

NULL = "–"  # noqa: RUF001 - a dash that is no minus sign: there is no number here
ALL = "(all)"
"""In place of NULL in the row of a total; no account, region or repository can be named so."""
_SHORT_HEX = 12
_DIGEST = re.compile(r"([a-z0-9+._-]+):([0-9a-f]{32,})")
_SHORT_DIGEST = re.compile(rf"[a-z0-9+._-]+:[0-9a-f]{{{_SHORT_HEX}}}")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_STEP = 1024
_SIZES = frozenset({"size", "image_size", "config_size", "layer_size", "manifest_size"})
_THREE_DIGITS = (10, 100)
_SMALL = 0.1


def is_bytes(column: str) -> bool:
    """Whether a column of numbers holds bytes, by its name; `blobs_unknown_size` and the like are counts."""
    words = column.lower().split("_")
    return column.lower() in _SIZES or ("bytes" in words and "unknown" not in words)


def cell(column: str, value: Any) -> str:
    """Return `value` of the column named `column` as one line of text."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool) and is_bytes(column):
        return human_bytes(value)
    return shown(value)


@singledispatch
def shown(value: object) -> str:
    """Return a value of any type that SQL knows as text; numbers are taken for counts."""
    return printable(str(value))


@shown.register
def _nothing(_value: None) -> str:
    return NULL


@shown.register
def _truth(value: bool) -> str:
    return "yes" if value else "no"


@shown.register
def _text(value: str) -> str:
    return short(printable(value))


@shown.register
def _blob(value: bytes) -> str:
    return value.hex()


@shown.register
def _map(value: Mapping) -> str:  # type: ignore[type-arg]  # singledispatch takes plain classes only
    return ", ".join(f"{printable(str(key))}={shown(item)}" for key, item in value.items())


@shown.register
def _list(value: list) -> str:  # type: ignore[type-arg]  # as above
    return ", ".join(shown(item) for item in value)


@shown.register(tuple)
@shown.register(timedelta)
def _span(value: Any) -> str:
    span = Span.of(value)  # Arrow's is a tuple
    return shown(list(value)) if span is None else span.text


def printable(text: str) -> str:
    """Return `text` with everything written out as an escape that could move a cursor or hide other text.

    Tags, media types and annotations come from whoever may push: they must not drive the terminal.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def short(text: str) -> str:
    """Return a digest with its first twelve characters, any other text as it is."""
    match = _DIGEST.fullmatch(text)
    return f"{match[1]}:{match[2][:_SHORT_HEX]}" if match else text


def may_wrap(column: str, texts: Iterable[str]) -> bool:
    """Whether the cells of a column of texts are still of use when broken: digests and ids are not."""
    return not column.endswith("_id") and any(text != NULL and not _SHORT_DIGEST.fullmatch(text) for text in texts)


def human_bytes(value: float | Decimal) -> str:
    """Return a number of bytes with three digits or so: `512 B`, `1.50 KiB`, `23.4 MiB`, `141 GiB`."""
    size, unit = float(value), 0
    while abs(size) >= _STEP - 0.5 and unit < len(_UNITS) - 1:
        size, unit = size / _STEP, unit + 1
    if unit == 0:
        return f"{size:.0f} B"
    decimals = 2 if abs(size) < _THREE_DIGITS[0] else 1 if abs(size) < _THREE_DIGITS[1] else 0
    return f"{size:,.{decimals}f} {_UNITS[unit]}"


@shown.register(int)
@shown.register(float)
@shown.register(Decimal)
def number(value: float | Decimal) -> str:
    """Return a count with thousands separators, and what is no whole number with two decimals or three digits."""
    if isinstance(value, int) or (isinstance(value, Decimal) and value == value.to_integral_value()):
        return f"{int(value):,}"
    size = float(value)
    return f"{size:,.2f}" if size == 0 or abs(size) >= _SMALL else f"{size:.3g}"


@shown.register
def local_time(moment: datetime) -> str:
    """Return a time in the machine's zone, to the second; one without a zone is shown as it is."""
    here = moment if moment.tzinfo is None else moment.astimezone()
    return f"{here:%Y-%m-%d %H:%M:%S}"


def age(span: timedelta) -> str:
    """Return how long something took or is ago, in one unit: `40 seconds`, `3 hours`, `12 days`."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length, most in (("second", 1, 120), ("minute", 60, 7_200), ("hour", 3_600, 172_800)):
        if seconds < most:
            return counted(seconds // length, unit)
    return counted(seconds // 86_400, "day")


def counted(count: int, unit: str, units: str | None = None) -> str:
    """Return a number of things in words: `1 run`, `2 runs`; `units` where the plural is not an s more."""
    return f"{count:,} {unit}" if count == 1 else f"{count:,} {units or unit + 's'}"
