"""Rows for programs: JSON and CSV, exact and streamed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import singledispatch
from math import isfinite
from typing import Any

from indexer.cli.cells import printable
from indexer.cli.spans import Span


def json_lines(rows: Iterable[Sequence[Any]], columns: Sequence[str]) -> Iterator[str]:
    """Yield the text of a JSON list with one object per row, a row per line."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(dict(zip(columns, map(plain, row), strict=True)))
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def csv_lines(rows: Iterable[Sequence[Any]], columns: Sequence[str], *, safe: bool) -> Iterator[str]:
    """Yield CSV as RFC 4180 has it: a header, lines that end in CR LF, NULL as nothing, lists and maps as JSON.

    `safe` leaves no control characters in, for a terminal.
    """
    yield _csv_line(columns, safe=safe)
    for row in rows:
        yield _csv_line(row, safe=safe)


@singledispatch
def plain(value: object) -> Any:
    """Return `value` as JSON has it: times (in UTC) and spans as ISO 8601, whole numbers whole, null for not finite."""
    return str(value)


@plain.register(bool)
@plain.register(int)
@plain.register(str)
@plain.register(type(None))
def _same(value: object) -> object:
    return value


@plain.register
def _float(value: float) -> float | None:
    return value if isfinite(value) else None


@plain.register
def _decimal(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


@plain.register
def iso(moment: datetime) -> str:
    """Return a time as `2026-01-12T02:00:00Z`, with microseconds where it has any."""
    return moment.isoformat().replace("+00:00", "Z")


@plain.register(date)
@plain.register(time)
def _part_of_time(value: date | time) -> str:
    return value.isoformat()


@plain.register
def _bytes(value: bytes) -> str:
    return value.hex()


@plain.register(dict)
def _map(value: dict[object, object]) -> dict[str, Any]:
    return {str(key): plain(item) for key, item in value.items()}


@plain.register(tuple)
@plain.register(timedelta)
def _span(value: Any) -> Any:
    span = Span.of(value)  # Arrow's is a tuple
    return plain(list(value)) if span is None else span.iso


@plain.register(list)
def _list(value: list[object]) -> list[Any]:
    return [plain(item) for item in value]


def _csv_line(row: Sequence[Any], *, safe: bool) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([_csv_cell(value, safe=safe) for value in row])
    return line.getvalue()


def _csv_cell(value: Any, *, safe: bool) -> Any:
    value = plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return printable(value) if safe and isinstance(value, str) else value
