"""`compact`: neighbouring small segments become one, row for row.

Every run that finds something new writes a segment; a year of nights makes hundreds of them, and every question opens
them all. Runs' own files are not merged: `prune` thins them, and what it removes are whole files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final, NamedTuple

import pyarrow as pa

from indexer.compute import pc
from indexer.errors import StoreDamaged
from indexer.store import layout
from indexer.store.places import Folder
from indexer.store.upkeep.holding import Held, Progress, Span, Tables
from indexer.store.upkeep.reading import Footer, footer, read
from indexer.store.versions import GRACE
from indexer.tables import MANIFESTS, SEGMENT_TABLES

COMPACT_MANIFESTS: Final = 50_000
COMPACT_BYTES: Final = 160 << 20
"""What a merged segment holds at most: it is in memory as a whole, which takes some hundred MB."""
_OWNER: Final = {"layers": "manifest_digest", "configs": "manifest_digest", "index_entries": "index_digest"}
_NATURAL: Final = ("registry_id", "region", "repository")


class Compacted(NamedTuple):
    """What became of a store: segments before and after, and files of replaced ones that were removed."""

    before: int
    after: int
    manifests: int
    """How many manifests were written once more."""
    removed_files: int


def compact(
    held: Held,
    *,
    manifests: int = COMPACT_MANIFESTS,
    grace: timedelta = GRACE,
    progress: Progress = lambda _done, _of: None,
) -> Compacted:
    """Merge neighbouring segments of less than half of `manifests` into ones of at most so many.

    StoreDamaged where a segment is not whole: nothing is merged that is not.
    """
    names = held.versions(MANIFESTS).current
    footers = [footer(held.folder.path(layout.published_key(MANIFESTS, name))) for name in names]
    groups = list(_groups(names, footers, manifests))
    moved = 0
    for done, group in enumerate(groups):
        progress(done, len(groups))
        moved += _merge(held, group)
    after = len(names) - sum(len(group) - 1 for group in groups)
    return Compacted(len(names), after, moved, held.remove_replaced(grace))


def _groups(names: Sequence[str], footers: Sequence[Footer], most: int) -> Iterator[dict[str, Footer]]:
    """Yield the segments to merge, two at least, neighbours in the order of names."""
    group: dict[str, Footer] = {}
    for name, found in zip(names, footers, strict=True):
        count = sum(each.manifests for each in group.values()) + found.manifests
        size = sum(each.text_bytes for each in group.values()) + found.text_bytes
        large = 2 * found.manifests >= most or 2 * found.text_bytes >= COMPACT_BYTES
        if large or count > most or size > COMPACT_BYTES:
            if len(group) > 1:
                yield group
            group = {}
        if not large:
            group[name] = found
    if len(group) > 1:
        yield group


def _merge(held: Held, group: dict[str, Footer]) -> int:
    tables = merged([read_segment(held.folder, name) for name in group])
    # The rows are as old as the oldest of them: `reflatten` is to find them.
    held.replace(MANIFESTS, Span.of(*group), tables, min(found.flattener for found in group.values()))
    return len(tables["manifests"])


def read_segment(folder: Folder, name: str) -> Tables:
    """Return the rows of a segment; StoreDamaged where any of its files cannot be read."""
    return {table.name: read(folder, table, name) for table in SEGMENT_TABLES}


def merged(segments: Sequence[Tables]) -> Tables:
    """Return the rows of `segments` together, in natural order; StoreDamaged where keys repeat or owners are absent.

    Within a repository, manifests of earlier segments come first: they were pushed earlier, for the most part.
    """
    manifests = pa.concat_tables([each["manifests"] for each in segments])
    digests = manifests.column("manifest_digest")
    if pc.count_distinct(digests).as_py() != len(manifests):
        raise StoreDamaged("some manifests are in the store twice. indexer verify says which; --repair drops them")
    manifests = manifests.take(_order(manifests.select(_NATURAL)))
    ranks = manifests.column("manifest_digest").combine_chunks()
    found = {"manifests": manifests}
    for name, owner in _OWNER.items():
        rows = pa.concat_tables([each[name] for each in segments])
        rank = pc.index_in(rows.column(owner), options=pc.SetLookupOptions(value_set=ranks))
        if rank.null_count:
            raise StoreDamaged(f"some rows of {name} have no manifest. indexer verify says which; --repair drops them")
        found[name] = rows.take(_order(pa.table({"rank": rank})))
    return found


def _order(keys: pa.Table) -> pa.Array:
    """Return the places of the rows in the order of `keys`; equal ones as they stand."""
    numbered = keys.append_column("_place", pa.array(range(len(keys)), pa.int64()))
    return pc.sort_indices(
        numbered, options=pc.SortOptions(sort_keys=[(name, "ascending") for name in numbered.column_names])
    )
