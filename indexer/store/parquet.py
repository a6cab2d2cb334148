"""How rows become Parquet files: row groups, encodings, statistics and Bloom filters.

Everything here can change without a new format version: any reader of Parquet reads any of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.compute import pc
from indexer.store.layout import published_key
from indexer.store.places import Folder
from indexer.store.seal import BLANK, SEAL, Sealing
from indexer.tables import Column, Table, to_arrow

Row = Sequence[Any]
Place = tuple[str, ...]
Columns = Sequence[Sequence[Any]]
"""One sequence of values for each column of a table, all of one length; nothing at all for no rows."""

GROUP_ROWS: Final = {"manifests": 20_000, "images": 32_768, "layers": 32_768}
"""Rows in a row group: what a writer holds as rows and a reader decodes at once. `manifests` carry their text.

Who looks for a layer decodes the groups that have it: with 131,072 rows these took twice as long, for 1 % less bytes.
"""
_GROUP_ROWS: Final = 131_072
_DICTIONARY_BYTES: Final = 16 * 2**20
"""At most for a column of a row group: above the usual limit of 1 MiB a dictionary of digests is given up half-way."""
_FALSE_POSITIVES: Final = 0.01
_DIFFERENCES: Final = {"images": ("image_size", "pushed_at", "last_pulled_at")}
"""Numbers that hardly repeat: as differences they take a third less of all of `images`, and a quarter less time."""
_AS_IT_IS: Final = frozenset(
    {
        ("images", "manifest_digest"),
        ("index_entries", "manifest_digest"),
        ("configs", "manifest_digest"),
        ("configs", "config_digest"),
    }
)
"""Columns that are not compressed. Every question about the current state reads those of images and index entries, as
does a look-up of a layer many images have; those about bytes read all configs once or twice. Of a million digests,
decompressing took 0.1 s of CPU of 0.15, and compressing 0.3 s of 0.46. They take 71 bytes a digest and not 33."""
FLATTENER: Final = "indexer.flattener"
"""The key in the metadata of a `manifests` file that says which flattener (`flatten.VERSION`) made the segment."""
_FLAT: Final = frozenset({"string", "int32", "int64", "bool", "timestamp"})


def group_rows(table: Table) -> int:
    """Return how many rows a row group of the table holds at most."""
    return GROUP_ROWS.get(table.name, _GROUP_ROWS)


def columns_of(rows: Iterable[Row]) -> Columns:
    """Return rows as columns."""
    return list(zip(*rows, strict=True))


def arrow_of(table: Table, columns: Columns) -> pa.Table:
    """Return columns of Python values, or of Arrow arrays, as an Arrow table."""
    schema = table.schema
    if not columns:
        return schema.empty_table()
    arrays = [array_of(given, field.type) for given, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def array_of(given: Any, of: pa.DataType, take: pa.Array | None = None) -> pa.Array:
    """Return values as an Arrow array: each once, or those whose numbers `take` has."""
    if isinstance(given, (pa.Array, pa.ChunkedArray)):
        return given
    # A column with one value throughout (nearly always a third of them are) is made at once: conversion looks at each
    # value, and was a tenth of a run's CPU.
    if len(given) and type(given[0]) in _SIMPLE and given[0] is given[-1] and given.count(given[0]) == len(given):
        return pa.repeat(pa.scalar(given[0], of), len(given) if take is None else len(take))
    return pa.array(given, of) if take is None else pc.take(pa.array(given, of), take)


_SIMPLE: Final = frozenset({str, bool, type(None), datetime})


class TableFile:
    """One Parquet file under construction: rows come in, row groups go out to a staged file.

    Rows are held until a row group is full, then sorted by `order` (None: as they came) and written. Thread-safe.
    `metadata` is text for the file's footer.
    """

    def __init__(
        self,
        folder: Folder,
        table: Table,
        name: str,
        order: Callable[[Any], Any] | None = None,
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        self._table = table
        self._metadata = {**(metadata or {}), SEAL: BLANK}
        self._order = order
        self._staged = folder.stage(published_key(table, name))
        self._sealing = Sealing(self._staged)
        self._writer: Any = None
        self._held: list[Row] = []
        self._parts: list[tuple[Place, pa.Table]] = []
        self._part_rows = 0
        self._finished = False
        self._lock = threading.Lock()

    def add(self, rows: Iterable[Row]) -> None:
        """Append rows (tuples in column order)."""
        size = group_rows(self._table)
        with self._lock:
            self._held.extend(rows)
            while len(self._held) >= size:
                self._write(self._held[:size])
                del self._held[:size]

    def add_part(self, place: Place, columns: Columns) -> None:
        """Append rows that belong together, given as columns in the order in which they are to stand.

        They are held as Arrow, and parts are put in the order of their places a row group at a time: a repository's
        images take a third of the time that their rows would, and a quarter of the memory.
        """
        part = arrow_of(self._table, columns)
        with self._lock:
            self._parts.append((place, part))
            self._part_rows += len(part)
            if self._part_rows >= group_rows(self._table):
                self._write_parts(whole_groups=True)

    def add_data(self, data: pa.Table) -> None:
        """Write rows that are in order, in row groups."""
        size = group_rows(self._table)
        with self._lock:
            for start in range(0, len(data), size):
                self._write_out(data.slice(start, size))

    def finish(self) -> None:
        """Write what is held and the footer, if that is not done yet."""
        with self._lock:
            self._finish()

    def publish(self) -> None:
        """Finish the file and publish it; one without rows is published all the same."""
        with self._lock:
            self._finish()
            self._staged.publish()

    def abandon(self) -> None:
        """Drop the file."""
        with self._lock:
            self._staged.abandon()
            if self._writer is not None:
                self._writer.close()  # goes nowhere now; left open, it would try again when it is collected

    def _finish(self) -> None:
        if self._finished:
            return
        self._write_parts(whole_groups=False)
        if self._held or self._writer is None:
            self._write(self._held)
            self._held = []
        self._writer.add_key_value_metadata(self._metadata)
        self._sealing.begin_end()
        self._writer.close()
        self._sealing.seal()
        self._finished = True

    def _write_parts(self, *, whole_groups: bool) -> None:
        if not self._parts:
            return
        self._parts.sort(key=itemgetter(0))
        (last, _), data = self._parts[-1], pa.concat_tables([part for _, part in self._parts])
        size = group_rows(self._table)
        end = len(data) // size * size if whole_groups else len(data)
        for start in range(0, end, size):
            self._write_out(data.slice(start, min(size, end - start)))
        self._parts = [(last, data.slice(end))] if end < len(data) else []
        self._part_rows = len(data) - end

    def _write(self, rows: list[Row]) -> None:
        if self._order is not None:
            rows.sort(key=self._order)
        self._write_out(to_arrow(self._table, rows))

    def _write_out(self, data: pa.Table) -> None:
        if self._writer is None:
            self._writer = _open(self._sealing, self._table, data)
        if len(data):
            self._writer.write_table(data, row_group_size=len(data))


def _open(file: Sealing, table: Table, first: pa.Table) -> Any:
    """Return a Parquet writer; `first`, the first row group, gives the Bloom filters their size."""
    return pq.ParquetWriter(
        file,
        table.schema,
        compression=_compression(table),
        use_dictionary=[leaf for column in table.columns if _repeats(table, column) for leaf in _leaves(column)],
        column_encoding=_encodings(table),
        dictionary_pagesize_limit=_DICTIONARY_BYTES,
        write_statistics=[column.name for column in table.columns if _is_ranged(table, column)],
        write_page_checksum=True,
        bloom_filter_options={
            # ndv must be positive, also for a file without rows
            column: {"ndv": max(1, _distinct(table, first, column)), "fpp": _FALSE_POSITIVES}
            for column in table.look_ups
        },
    )


def _distinct(table: Table, rows: pa.Table, column: str) -> int:
    """Return how many values there are, about: to count them exactly where few repeat is 1 microsecond a manifest."""
    values = rows.column(column)
    if table.name != "layers":
        return int(len(values) - values.null_count)
    if column == "manifest_digest":  # each has a first layer
        return int(pc.equal(rows.column("position"), 0).combine_chunks().true_count)
    return int(pc.count_distinct(values).as_py())


def _repeats(table: Table, column: Column) -> bool:
    if column.name in _DIFFERENCES.get(table.name, ()):
        return False
    # A manifest's digest stands in each of its layers' rows, and neighbours share layers: with dictionaries, questions
    # take a quarter less time and writing a sixth less, for 3 % more bytes. Other tables have each digest about once.
    return column.name != "raw" and (table.name == "layers" or not column.name.endswith("_digest"))


def _is_ranged(table: Table, column: Column) -> bool:
    """Whether the least and the greatest value of the column are stored: nested ones are not filtered by range.

    Texts and digests have no order worth knowing. And where a column without a dictionary has NULLs and one value else,
    DuckDB 2.0 takes it from these two for all NULL once `is null` is asked.
    """
    return column.type in _FLAT and (_repeats(table, column) or column.name in _DIFFERENCES.get(table.name, ()))


def _encodings(table: Table) -> dict[str, str]:
    """Return the encoding of each column that has another than Parquet's plain one or a dictionary."""
    found = dict.fromkeys(_DIFFERENCES.get(table.name, ()), "DELTA_BINARY_PACKED")
    for column in table.columns if table.name != "layers" else ():
        if column.name.endswith("_digest"):
            # What a digest has in common with the one before is its first word. Where it is left out, zstd has nothing
            # to look for: a million digests are written in 0.28 s of CPU and not in 0.46, and read as fast.
            is_bare = (table.name, column.name) in _AS_IT_IS
            found[column.name] = "DELTA_LENGTH_BYTE_ARRAY" if is_bare else "DELTA_BYTE_ARRAY"
    return found


def _compression(table: Table) -> dict[str, str]:
    leaves = [leaf for column in table.columns for leaf in _leaves(column)]
    return {leaf: "none" if (table.name, leaf) in _AS_IT_IS else "zstd" for leaf in leaves}


def _leaves(column: Column) -> Sequence[str]:
    """Return the Parquet paths of the column's values."""
    inside = {
        "map": ("key_value.key", "key_value.value"),
        "strings": ("list.element",),
        "targets": ("list.element.registry_id", "list.element.region"),
    }
    return [f"{column.name}.{path}" for path in inside[column.type]] if column.type in inside else [column.name]
