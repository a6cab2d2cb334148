"""`reflatten`: all rows made anew from the texts of the manifests, without a call to ECR.

For a version that extracts more than the one that wrote a segment, and for a store of an older format. Segment by
segment, each a replacement of its own: stopped anywhere, it goes on where it was.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final, NamedTuple

from indexer.flatten import VERSION
from indexer.store import layout
from indexer.store.upkeep.holding import Held, Progress, Span
from indexer.store.upkeep.reading import footer, read
from indexer.store.upkeep.rebuilding import rebuilt
from indexer.store.versions import GRACE
from indexer.tables import MANIFESTS, RUN_TABLES, RUNS

_WRITTEN_ONCE: Final = "_"


class Reflattened(NamedTuple):
    """What was done; `upgraded_from` is the store's format before, where that was an older one."""

    segments: int
    manifests: int
    runs: int
    skipped: int
    """Segments that this version (or a newer one) wrote."""
    upgraded_from: int | None
    removed_files: int


def reflatten(
    held: Held,
    version: str,
    *,
    everything: bool = False,
    grace: timedelta = GRACE,
    progress: Progress = lambda _done, _of: None,
) -> Reflattened:
    """Rebuild the segments that an older flattener made; of a store of an older format, every file.

    `everything` rebuilds all segments; `version` is this program's. StoreDamaged where a file cannot be read.
    """
    stated = _stated(held)
    outdated = stated if stated < layout.FORMAT else None
    names = held.versions(MANIFESTS).current
    found = {name: footer(held.folder.path(layout.published_key(MANIFESTS, name))) for name in names}
    # A replacement made by this version has its flattener: an upgrade that was stopped does not do it again.
    old = [name for name in names if everything or found[name].flattener < VERSION]
    runs = [name for name in held.versions(RUNS).current if outdated is not None and _WRITTEN_ONCE not in name]
    for done, name in enumerate(old):
        progress(done, len(old) + len(runs))
        held.replace(MANIFESTS, Span.of(name), rebuilt(read(held.folder, MANIFESTS, name)), VERSION)
    for done, name in enumerate(runs, start=len(old)):
        progress(done, len(old) + len(runs))
        held.replace(RUNS, Span.of(name), {table.name: read(held.folder, table, name) for table in RUN_TABLES})
    if outdated is not None:
        # Last: until all files are as the new format has them, only this command may open the store.
        held.upgrade(version)
    manifests = sum(found[name].manifests for name in old)
    removed = held.remove_replaced(grace)
    return Reflattened(len(old), manifests, len(runs), len(names) - len(old), outdated, removed)


def _stated(held: Held) -> int:
    return int(json.loads(held.folder.read(layout.FORMAT_FILE) or b"{}")["format"])
