"""The store: manifests and runs as plain Parquet files in a folder, safe against crashes and a second writer.

docs/format.md states the invariants and their reasons.
"""

from __future__ import annotations

from indexer.store.commits import Files, Recovered
from indexer.store.facts import RepositoryKey
from indexer.store.files import Disk
from indexer.store.known import Known
from indexer.store.places import Share
from indexer.store.segments import SEGMENT_BYTES, SEGMENT_MANIFESTS, Segments
from indexer.store.store import Store, segments_of
from indexer.store.trial import try_writing
from indexer.store.writer import Writer

__all__ = [
    "SEGMENT_BYTES",
    "SEGMENT_MANIFESTS",
    "Disk",
    "Files",
    "Known",
    "Recovered",
    "RepositoryKey",
    "Segments",
    "Share",
    "Store",
    "Writer",
    "segments_of",
    "try_writing",
]
