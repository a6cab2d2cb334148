"""Manifests that no snapshot refers to any more, and segments without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.compute import pc
from indexer.store import layout
from indexer.store.facts import RepositoryKey
from indexer.store.known import Known
from indexer.store.places import Folder
from indexer.store.upkeep.compact import read_segment
from indexer.store.upkeep.holding import Held, Progress, Span, Tables
from indexer.store.upkeep.needed import Snapshots
from indexer.store.upkeep.reading import damage, footer
from indexer.store.versions import parts_in, versions
from indexer.tables import IMAGES, INDEX_ENTRIES, MANIFESTS, RUNS, Table

_BATCH = 65_536


class Dropped(NamedTuple):
    """How many manifests went, with their documents' bytes, and from how many segments."""

    manifests: int
    bytes: int
    segments: int


def drop_unreferenced(held: Held, found: Snapshots, progress: Progress) -> Dropped:
    """Replace each segment that has manifests which nothing refers to by one without them.

    What refers to a manifest: an image of any run whose files are in the store, pruned or not, and an index that is
    referred to. What was fetched after the newest run that listed its repository whole had started stays too: a run
    that was stopped has fetched it, and the next one would have to do so again.
    """
    referred = _referred(held.folder)
    names = held.versions(MANIFESTS).current
    total = Dropped(0, 0, 0)
    for done, name in enumerate(names):
        progress(done, len(names))
        path = held.folder.path(layout.published_key(MANIFESTS, name))
        with damage(path):
            about = pq.read_table(
                path, columns=["manifest_digest", "registry_id", "region", "repository", "fetched_at", "manifest_bytes"]
            )
        stays = [_stays(row, referred, found) for row in about.to_pylist()]
        if not all(stays):
            gone = about.filter(pc.invert(pa.array(stays)))
            held.replace(
                MANIFESTS, Span.of(name), _without(read_segment(held.folder, name), stays), footer(path).flattener
            )
            size = pc.sum(gone.column("manifest_bytes")).as_py()
            total = Dropped(total.manifests + len(gone), total.bytes + size, total.segments + 1)
    return total


def _stays(row: dict[str, object], referred: Known, found: Snapshots) -> bool:
    if row["manifest_digest"] in referred:
        return True
    key = RepositoryKey(str(row["registry_id"]), str(row["region"]), str(row["repository"]))
    seen = found.repositories.get(key)
    # Another repository's listing says nothing about this one's images.
    started = None if seen is None else found.started.get(max(seen.listed or "", seen.deleted or ""))
    fetched = row["fetched_at"]
    return started is None or not isinstance(fetched, datetime) or fetched.timestamp() * 1_000_000 >= started


def _referred(folder: Folder) -> Known:
    """Return the digests of every image of every run in the store, and of what their indexes list."""
    runs = [part.name for part in parts_in(folder, RUNS) if not part.is_mark]
    found = Known.of(_digests(folder, IMAGES, runs, "manifest_digest"))
    segments = versions(folder, MANIFESTS).current
    grew = True
    while grew:  # once for each level of nesting, and once more
        before = len(found)
        for index, child in _pairs(folder, segments):
            if index in found:
                found.add(child)
        grew = len(found) > before
    return found


def _pairs(folder: Folder, segments: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in segments:
        for batch in _batches(folder, INDEX_ENTRIES, name, ["index_digest", "manifest_digest"]):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _digests(folder: Folder, table: Table, names: Iterable[str], column: str) -> Iterator[pa.Array]:
    for name in names:
        for batch in _batches(folder, table, name, [column]):
            yield batch.column(column)


def _batches(folder: Folder, table: Table, name: str, columns: list[str]) -> Iterator[pa.RecordBatch]:
    path = folder.path(layout.published_key(table, name))
    with damage(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        for batch in file.iter_batches(_BATCH, columns=columns):
            yield batch.select(columns)


def _without(tables: Tables, stays: list[bool]) -> Tables:
    """Return the rows of the manifests that stay."""
    manifests = tables["manifests"].filter(pa.array(stays))
    digests = manifests.column("manifest_digest").combine_chunks()
    found = {"manifests": manifests}
    for name, rows in tables.items():
        if name != "manifests":
            owner = rows.column("index_digest" if name == "index_entries" else "manifest_digest")
            found[name] = rows.filter(pc.is_in(owner, options=pc.SetLookupOptions(value_set=digests)))
    return found
