"""Rows of a relation, a batch at a time, so that a large answer needs no large memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from indexer.catalog import readable
from indexer.catalog.errors import plain, query_errors
from indexer.errors import QueryError, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1_000
_DIRECTIONS: Final = {"asc": "asc", "desc": "desc", "": "asc"}


class Rows:
    """The rows of a DuckDB relation: their Arrow `schema`, and record batches of at most `size` rows.

    The relation runs when this is made. Raises QueryError where the query fails, then or on the way.
    """

    def __init__(self, relation: Any, size: int = _ROWS) -> None:
        with query_errors(()):
            self._reader = readable(relation).to_arrow_reader(size)
        self.schema: pa.Schema = self._reader.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                return
            except OSError as error:  # Arrow's stream has one error for all that DuckDB meets on the way
                raise QueryError(plain(str(error), ())) from error
            yield batch

    def close(self) -> None:
        """Give up the rows that were not taken; until then the connection answers nothing else."""
        self._reader.close()


def ordered(relation: Any, keys: Sequence[str]) -> Any:
    """Return `relation` with its rows in the order of `keys`, each `COLUMN`, `COLUMN:asc` or `COLUMN:desc`.

    Numbers, texts and times are in their own order, and what is unknown (NULL) comes last either way. Raises QueryError
    for a column that is not there, naming those that are.
    """
    return relation.order(", ".join(_term(key, relation.columns) for key in keys)) if keys else relation


def _term(key: str, columns: Sequence[str]) -> str:
    name, direction = key, ""
    if key not in columns:  # a column of SQL may be called anything, `a:desc` too
        name, _, direction = key.rpartition(":") if ":" in key else (key, "", "")
    if name not in columns:
        hint = did_you_mean(name, columns, f"; there are {', '.join(columns)}")
        raise QueryError(f"cannot sort by '{name}': no such column{hint}")
    if direction.lower() not in _DIRECTIONS:
        raise QueryError(f"cannot sort by '{key}': write {name}, {name}:asc or {name}:desc")
    quoted = name.replace('"', '""')
    return f'"{quoted}" {_DIRECTIONS[direction.lower()]} nulls last'
