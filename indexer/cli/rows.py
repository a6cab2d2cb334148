"""Rows of a query on stdout, in the format that was asked for, as they come."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from indexer.catalog import python_columns
from indexer.cli import cells, output
from indexer.cli.columns import Column
from indexer.cli.exact import csv_lines, json_lines
from indexer.cli.options import Format
from indexer.cli.tables import fitted, markdown_lines, plain_lines

if TYPE_CHECKING:
    import pyarrow as pa

Row = Sequence[Any]

_COUNTED = 100_000
"""Rows beyond those printed that are counted, to say how many there are in all."""
_SEEN = 1_000
"""Rows that a table is measured by, and that a terminal is given of it."""


class Batches(Protocol):
    """Rows as record batches: indexer.front.Rows, or a reader of Arrow's."""

    @property
    def schema(self) -> pa.Schema:
        """The columns."""

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...


class Printed(NamedTuple):
    """How many rows were printed, and how many the answer has; it may have `more` than were counted."""

    shown: int
    total: int
    more: bool = False


def print_rows(
    rows: Batches,
    format_: Format,
    *,
    limit: int | None = None,
    empty: str | Callable[[], str] = "no rows",
    totals: Collection[str] = (),
) -> Printed:
    """Print `rows`, at most `limit` of them; where there are none, `empty`, or what it returns, goes to stderr.

    NULL in the columns named `totals` means all of them together, and tables say so.
    """
    names = rows.schema.names
    answer = _Answer(rows, limit)
    values = iter(answer)
    first = next(values, None)
    if first is None and not answer.total:
        output.say(empty if isinstance(empty, str) else empty())
    found = values if first is None else chain([first], values)
    if format_ is Format.JSON:
        _emit(json_lines(found, names))
    elif format_ is Format.CSV:
        _emit(csv_lines(found, names, safe=output.on_terminal()))
    elif format_ is Format.MARKDOWN:
        _emit(markdown_lines([(name, _is_number(rows.schema, name)) for name in names], _texts(found, names, totals)))
    elif names == ["explain_key", "explain_value"]:
        _emit(f"{cells.printable(line)}\n" for row in found for line in str(row[1]).split("\n"))
    elif first is not None:
        _print_table(rows.schema, found, totals)
    return answer.printed()


def say_what_is_missing(printed: Printed, limit: int | None) -> None:
    """Say on stderr how many rows there are, where not all were printed."""
    if printed.shown == printed.total:
        return
    by_limit = printed.shown == limit
    why = f"(--limit {limit})" if by_limit else "(a terminal is shown no more; --format csv gives all)"
    of = "of more than" if printed.more else "of"
    output.note(f"the first {printed.shown:,} {of} {printed.total:,} rows {why}")


def columns_of(schema: pa.Schema, texts: Sequence[Sequence[str]]) -> list[Column]:
    """Return the columns of a table, given its cells row by row."""
    return [
        Column(
            field.name,
            [row[place] for row in texts],
            right=_is_number(schema, field.name),
            squeezes=_is_text(field, texts, place),
        )
        for place, field in enumerate(schema)
    ]


def _print_table(schema: pa.Schema, rows: Iterator[Row], totals: Collection[str]) -> None:
    names = schema.names
    seen = list(_texts(islice(rows, _SEEN), names, totals))
    columns = columns_of(schema, seen)
    width = output.table_width()
    if width is None:
        _emit(plain_lines(columns, _texts(rows, names, totals)))
        return
    if not output.on_terminal():  # whoever reads it has no other way to the rest
        columns = columns_of(schema, [*seen, *_texts(rows, names, totals)])
    for part in fitted(columns, width):
        output.show(part)


class _Answer:
    """The first rows of an answer, one by one; counts all of them."""

    def __init__(self, rows: Batches, limit: int | None) -> None:
        self.total = 0
        self._rows = iter(rows)
        self._left = sys.maxsize if limit is None else min(limit, sys.maxsize)
        self._given = 0

    def __iter__(self) -> Iterator[Row]:
        for batch in self._rows:
            self.total += batch.num_rows
            wanted = batch.slice(0, self._left)
            self._left -= wanted.num_rows
            for row in zip(*python_columns(wanted), strict=True):
                self._given += 1
                yield row
            if not self._left:
                return

    def printed(self) -> Printed:
        """Count what nobody took, unless it is very much: whoever asked for three rows waits for no billion."""
        for batch in self._rows:
            self.total += batch.num_rows
            if self.total > self._given + _COUNTED:
                return Printed(self._given, self.total, more=True)
        return Printed(self._given, self.total)


def _texts(rows: Iterable[Row], names: Sequence[str], totals: Collection[str]) -> Iterator[list[str]]:
    for row in rows:
        yield [
            cells.ALL if value is None and name in totals else cells.cell(name, value)
            for name, value in zip(names, row, strict=True)
        ]


def _emit(lines: Iterable[str]) -> None:
    for line in lines:
        output.emit(line)


def _is_number(schema: pa.Schema, name: str) -> bool:
    type_ = str(schema.field(schema.get_all_field_indices(name)[0]).type)
    return type_.startswith(("int", "uint", "float", "double", "decimal", "halffloat"))


def _is_text(field: pa.Field, texts: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a column's cells may wrap: texts and lists may, if they are no digests."""
    if not str(field.type).startswith(("string", "large_string", "list", "struct", "map")):
        return False
    return cells.may_wrap(field.name, [row[place] for row in texts])
