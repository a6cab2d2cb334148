"""Rows of a query on stdout, in the format that was asked for, as they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from indexer.cli import cells, output
from indexer.cli.exact import csv_lines, json_lines
from indexer.cli.options import Format
from indexer.cli.tables import Column, fitted, markdown_lines, plain_lines

if TYPE_CHECKING:
    import pyarrow as pa

    from indexer.front import Rows

Row = Sequence[Any]

_SEEN = 1_000
"""Rows that a table is measured by, and that a terminal is given of it."""


def print_rows(
    rows: Rows, format_: Format, *, limit: int | None = None, empty: str | Callable[[], str] = "no rows"
) -> None:
    """Print `rows`, at most `limit` of them; where there are none, `empty`, or what it returns, goes to stderr."""
    names = rows.schema.names
    values = islice(_values(rows), limit)
    first = next(values, None)
    if first is None:
        output.say(empty if isinstance(empty, str) else empty())
    found = values if first is None else chain([first], values)
    if format_ is Format.JSON:
        _emit(json_lines(found, names))
    elif format_ is Format.CSV:
        _emit(csv_lines(found, names, safe=output.on_terminal()))
    elif format_ is Format.MARKDOWN:
        _emit(markdown_lines([(name, _is_number(rows.schema, name)) for name in names], _texts(found, names)))
    elif names == ["explain_key", "explain_value"]:
        _emit(f"{cells.printable(line)}\n" for row in found for line in str(row[1]).split("\n"))
    elif first is not None:
        _print_table(rows.schema, found)


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


def _print_table(schema: pa.Schema, rows: Iterator[Row]) -> None:
    names = schema.names
    seen = list(_texts(islice(rows, _SEEN), names))
    columns = columns_of(schema, seen)
    if not output.on_terminal():
        _emit(plain_lines(columns, _texts(rows, names)))
        return
    for part in fitted(columns, output.width()):
        output.show(part)
    if next(rows, None) is not None:
        output.say(f"only the first {_SEEN:,} rows are shown; --format csv gives all of them")


def _values(rows: Rows) -> Iterator[Row]:
    for batch in rows:
        columns = [column.to_pylist(maps_as_pydicts="lossy") for column in batch.columns]
        yield from zip(*columns, strict=True)


def _texts(rows: Iterable[Row], names: Sequence[str]) -> Iterator[list[str]]:
    for row in rows:
        yield [cells.cell(name, value) for name, value in zip(names, row, strict=True)]


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
