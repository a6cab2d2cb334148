"""Which of the files in a commit folder count: what was replaced or pruned does not, whether it is still there or not.

Names alone decide, so one listing gives one consistent state. A name stands for a range of segments (or for one run)
and says when it was made; it replaces every name whose range lies within its own and that was made before. Ranges are
of neighbours in the order of names, made by the one writer, so two of them are nested or apart.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from indexer.store import layout
from indexer.store.places import Folder
from indexer.tables import Table

GRACE: Final = timedelta(hours=24)
"""How long what is replaced stays, for readers that listed the store before."""


class Part(NamedTuple):
    """One name in a commit folder: what it stands for, when it was made, whether it only says that a run is no more."""

    name: str
    first: str
    last: str
    made: str
    is_mark: bool = False


class Versions(NamedTuple):
    """What a commit folder holds, in the order of names. `replaced` maps each part to when it was first replaced."""

    current: tuple[str, ...]
    replaced: Mapping[Part, datetime]
    marks: tuple[Part, ...]
    newest: str | None
    """The highest id in any name, replaced or not."""


def versions(folder: Folder, commit: Table) -> Versions:
    """List the folder of `commit` (manifests or runs) and tell what counts."""
    return told_apart(parts_in(folder, commit))


def parts_in(folder: Folder, commit: Table) -> list[Part]:
    """Return everything of ours in the folder of `commit`, replaced or not."""
    parts = []
    for file_name in folder.names(commit.name):
        name = layout.name_in(commit, file_name)
        mark = layout.pruned_in(commit, file_name)
        if name is not None or mark is not None:
            found = name or mark or ""
            parts.append(Part(found, *layout.stands_for(found), is_mark=name is None))
    return parts


def told_apart(parts: Iterable[Part]) -> Versions:
    """Tell what counts from what was replaced."""
    ordered = sorted(parts, key=lambda part: (part.first, part.name))
    replaced = _replaced(ordered)
    current = tuple(part.name for part in ordered if part not in replaced and not part.is_mark)
    marks = tuple(part for part in ordered if part.is_mark)
    newest = max((max(layout.run_of(part.last), part.made) for part in ordered), default=None)
    return Versions(current, replaced, marks, newest)


def _replaced(ordered: list[Part]) -> dict[Part, datetime]:
    firsts = [part.first for part in ordered]
    found: dict[Part, str] = {}
    for newer in ordered:
        if newer.made == layout.run_of(newer.first):
            continue  # as a run wrote it
        for part in ordered[bisect_left(firsts, newer.first) : bisect_right(firsts, newer.last)]:
            if part.last <= newer.last and part.made < newer.made and not part.is_mark:
                found[part] = min(found.get(part, newer.made), newer.made)
    return {part: layout.time_of(made) for part, made in found.items()}


def remove_replaced(folder: Folder, commit: Table, now: datetime, grace: timedelta = GRACE) -> int:
    """Remove what was replaced longer than `grace` ago; return how many files. Only for the holder of the lock."""
    found = versions(folder, commit)
    old = [part for part, since in found.replaced.items() if since + grace <= now]
    keys = [layout.published_key(commit, part.name) for part in old]
    # The commits first: what a crash leaves of the rest is then nobody's, and goes with the next writer's recovery.
    for table in layout.dependents(commit) if old else ():
        there = set(folder.names(table.name))
        names = [part.name for part in old if part.name + layout.SUFFIX in there]
        keys += (layout.published_key(table, name) for name in names)
    for key in keys:
        folder.remove(key)
    return len(keys) + _remove_marks(folder, commit, found, now - grace)


def _remove_marks(folder: Folder, commit: Table, found: Versions, until: datetime) -> int:
    """Remove marks that no run is left to, a while after: a power cut must not undo the run's removal alone."""
    there = {part.first for part in found.replaced}
    old = [mark for mark in found.marks if mark.first not in there and layout.time_of(mark.made) + GRACE <= until]
    for mark in old:
        folder.remove(f"{commit.name}/{mark.name}{layout.PRUNED_SUFFIX}")
    return len(old)
