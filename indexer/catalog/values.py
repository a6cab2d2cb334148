"""Python values of an answer's rows, and which types have to become text before.

pyarrow's own way, `to_pylist`, imports pandas, where it is installed, for the first time with a zone, to ask for its
version: half a second to one and a half, for every command of whoever has it for notebooks.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES: Final = "timestamp[us, tz="
"""How Arrow's types begin that DuckDB's times with a zone have."""
_MOMENTS: Final = frozenset({"TIMESTAMP", "TIMESTAMP WITH TIME ZONE"})

_AS_TEXT: Final = re.compile(
    r"""("(?:[^"]|"")*"|'(?:[^']|'')*')|\b(?:TIME WITH TIME ZONE|TIME_NS|TIMESTAMP_NS|BIT|BIGNUM|VARINT)\b"""
)
"""Names of fields, and types that Arrow has not: it gives a zone less, bytes for bits, and nothing for nanoseconds."""


def readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return `relation` with what Arrow would give wrongly as DuckDB's own text for it, also in lists and structs."""
    types = [str(each) for each in relation.types]
    texts = [_AS_TEXT.sub(lambda found: found[1] or "VARCHAR", each) for each in types]
    if types == texts:
        return relation
    names = [name.replace('"', '""') for name in relation.columns]
    # By their places: two columns may have the same name.
    columns = enumerate(zip(names, types, texts, strict=True), start=1)
    return relation.project(
        ", ".join(f'#{at}{"" if type_ == text else f"::{text}"} as "{name}"' for at, (name, type_, text) in columns)
    )


def python_columns(batch: pa.RecordBatch | pa.Table) -> list[list[Any]]:
    """Return each column of `batch` as a list of Python values: times with a zone in UTC, maps as dicts."""
    return [_values(column) for column in batch.columns]


def python_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows of `table` as dicts of Python values."""
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*python_columns(table), strict=True)]


def rows_of(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the rows of what `connection` has run, as dicts of the Python values that DuckDB makes.

    A column's times are in UTC, those without a zone too; in lists they are as DuckDB has them. It makes a time with a
    zone by way of pytz, in 5 microseconds, and 20 ms for the first; one without takes none of that, so statements that
    are asked often give their times so (`pushed_at::timestamp`).
    """
    names, types = zip(*((each[0], str(each[1])) for each in connection.description or ()), strict=True)
    rows = [dict(zip(names, row, strict=True)) for row in connection.fetchall()]
    for name, type_ in zip(names, types, strict=True):
        if type_ in _MOMENTS:
            for row in rows:
                if isinstance(row[name], datetime):  # beyond Python's years it is text
                    row[name] = row[name].replace(tzinfo=UTC)
    return rows


def _values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    if not str(column.type).startswith(_TIMES):
        values: list[Any] = column.to_pylist(maps_as_pydicts="lossy")
        return values
    # A view and no cast: that would load pyarrow.compute, 50 ms.
    since = [each for chunk in getattr(column, "chunks", [column]) for each in chunk.view("int64").to_pylist()]
    return [None if each is None else _EPOCH + timedelta(microseconds=each) for each in since]
