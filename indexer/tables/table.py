"""What a table and a column are, and how rows become Arrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

Type = Literal["string", "int32", "int64", "bool", "timestamp", "strings", "map", "targets"]


class Column(NamedTuple):
    """One column; `type` is Arrow's, with `strings` a list, `map` text to text, `timestamp` microseconds in UTC."""

    name: str
    type: Type
    nullable: bool
    description: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `per` says what one file of it belongs to, `key` the columns that make a row unique in the store."""

    name: str
    per: Literal["segment", "run"]
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    look_ups: tuple[str, ...] = ()

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema, with the table's and every column's description in its metadata."""
        return _schema(self)


def required(name: str, type_: Type, description: str) -> Column:
    return Column(name, type_, nullable=False, description=description)


def optional(name: str, type_: Type, description: str) -> Column:
    return Column(name, type_, nullable=True, description=description)


def to_arrow(table: Table, rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Return `rows` (tuples in column order) as an Arrow table of `table.schema`.

    Raises pyarrow's ArrowInvalid or OverflowError for a value that does not fit: rows are checked before.
    """
    import pyarrow as pa  # noqa: PLC0415 - a tenth of a second that --help need not pay

    schema = table.schema
    columns: Iterable[Iterable[Any]] = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


@cache
def _schema(table: Table) -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415 - as above

    target = pa.struct([pa.field("registry_id", pa.string()), pa.field("region", pa.string(), nullable=False)])
    types = {
        "string": pa.string(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "bool": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "strings": pa.list_(pa.string()),
        "map": pa.map_(pa.string(), pa.string()),
        "targets": pa.list_(target),
    }
    fields = [
        pa.field(column.name, types[column.type], column.nullable, {"description": column.description})
        for column in table.columns
    ]
    return pa.schema(fields, {"description": table.description})
