"""Rows of a relation, a batch at a time, so that a large answer needs no large memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from indexer.catalog.errors import plain, query_errors
from indexer.errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 1_000


class Rows:
    """The rows of a DuckDB relation: their Arrow `schema`, and record batches of at most `size` rows.

    The relation runs when this is made. Raises QueryError where the query fails, then or on the way.
    """

    def __init__(self, relation: Any, size: int = _ROWS) -> None:
        with query_errors(()):
            self._reader = relation.to_arrow_reader(size)
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
