"""The rows of a segment made anew from the texts of its manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from indexer.flatten import again
from indexer.store.segments import tables_of
from indexer.store.upkeep.holding import Tables
from indexer.tables import SEGMENT_TABLES, ManifestRow

_AT_ONCE: Final = 2_000
"""Manifests whose rows are Python objects at one time."""


def rows(manifests: pa.Table) -> Iterator[ManifestRow]:
    """Yield the rows of a table of manifests."""
    for start in range(0, len(manifests), _AT_ONCE):
        part = manifests.slice(start, _AT_ONCE)
        columns = [column.to_pylist(maps_as_pydicts="strict") for column in part.columns]
        yield from map(ManifestRow._make, zip(*columns, strict=True))


def rebuilt(manifests: pa.Table) -> Tables:
    """Return the rows of all tables of a segment, in the order of `manifests`, as this version makes them."""
    parts: dict[str, list[pa.Table]] = {table.name: [table.schema.empty_table()] for table in SEGMENT_TABLES}
    for start in range(0, len(manifests), _AT_ONCE):
        made = tables_of([again(list(rows(manifests.slice(start, _AT_ONCE))))])
        for table in SEGMENT_TABLES:
            parts[table.name].append(made[table.name])
    return {name: pa.concat_tables(each) for name, each in parts.items()}
