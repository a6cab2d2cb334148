"""The store: manifests and runs as plain Parquet files in a folder, safe against crashes and a second writer.

docs/format.md states the invariants and their reasons.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from indexer.store.commits import Files, Recovered
    from indexer.store.facts import RepositoryKey
    from indexer.store.files import Disk
    from indexer.store.known import Known
    from indexer.store.limits import SEGMENT_BYTES, SEGMENT_MANIFESTS
    from indexer.store.places import Share
    from indexer.store.segments import Segments
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

_ROOMS = {
    "commits": ("Files", "Recovered"),
    "facts": ("RepositoryKey",),
    "files": ("Disk",),
    "known": ("Known",),
    "limits": ("SEGMENT_BYTES", "SEGMENT_MANIFESTS"),
    "places": ("Share",),
    "segments": ("Segments",),
    "store": ("Store", "segments_of"),
    "trial": ("try_writing",),
    "writer": ("Writer",),
}


def __getattr__(name: str) -> Any:
    """Return what is public when it is first asked for: what writes takes a tenth of a second to load."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(f"indexer.store.{room}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
