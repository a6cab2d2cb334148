"""What is committed: one consistent view of a store, and what is left of writers that died.

What was replaced or pruned (indexer.store.versions) is no part of the view, but no writer's litter either: it stays for
the readers that listed it before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from indexer.errors import StoreDamaged
from indexer.store import layout
from indexer.store.places import Folder
from indexer.store.versions import versions
from indexer.tables import MANIFESTS, RUNS, TABLES, Table


class Files(NamedTuple):
    """The committed files of a store at one moment.

    `tables` has every table's name with its files in commit order, each where this machine can read it: of a store
    that is elsewhere a table's files are brought here when it is first asked for. `segments` and `runs` name what is
    committed, also in commit order. Files never change, so the view stays good while a writer adds to the store.
    """

    tables: Mapping[str, tuple[Path, ...]]
    segments: tuple[str, ...]
    runs: tuple[str, ...]
    newest: str | None = None
    """The highest id in the store, also of runs that committed segments only, and of what was replaced."""


class _Paths(Mapping[str, tuple[Path, ...]]):
    """The paths of each table's files."""

    def __init__(self, folder: Folder, keys: Mapping[str, Sequence[str]]) -> None:
        self._folder = folder
        self._keys = keys
        self._found: dict[str, tuple[Path, ...]] = {}

    def __getitem__(self, table: str) -> tuple[Path, ...]:
        if table not in self._found:
            self._found[table] = self._folder.paths(self._keys[table])
        return self._found[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class Recovered(NamedTuple):
    """How many files of writers that died were removed: staged ones, and published ones without their commit."""

    staged: int
    segment_files: int
    run_files: int


def committed(folder: Folder) -> Files:
    """Return the committed files; StoreDamaged where one of them is missing."""
    # Runs before segments: a run is committed after its segments, so the segments of a run seen here are all seen.
    runs = versions(folder, RUNS)
    segments = versions(folder, MANIFESTS)
    keys = {}
    for table in TABLES.values():
        names = segments.current if table.per == "segment" else runs.current
        if table not in {RUNS, MANIFESTS}:
            _check(folder, table, names)
        keys[table.name] = [layout.published_key(table, name) for name in names]
    newest = max(filter(None, (segments.newest, runs.newest)), default=None)
    return Files(_Paths(folder, keys), segments.current, runs.current, newest)


def state_format(folder: Folder, version: str, *, over: bool = False) -> None:
    """Write the file that says which format the store has; `over` where one of an older format is there."""
    staged = folder.stage(layout.FORMAT_FILE)
    stated = {"format": layout.FORMAT, "program": layout.PROGRAM, "version": version}
    try:
        staged.write(json.dumps(stated).encode() + b"\n")
        staged.publish(over=over)
    except BaseException:
        staged.abandon()
        raise


def recover(folder: Folder) -> Recovered:
    """Remove what writers that died left uncommitted. Only for the holder of the lock.

    Files whose names are not of this program's making are left alone, here and by every reader.
    """
    staged = [name for name in folder.names(layout.STAGING) if layout.is_staged(name)]
    for name in staged:
        folder.remove(f"{layout.STAGING}/{name}")
    return Recovered(len(staged), _remove_uncommitted(folder, MANIFESTS), _remove_uncommitted(folder, RUNS))


def _remove_uncommitted(folder: Folder, commit: Table) -> int:
    committed_names = set(_names(folder, commit))
    left = [(table, name) for table in layout.dependents(commit) for name in _names(folder, table)]
    left = [(table, name) for table, name in left if name not in committed_names]
    # A writer that lost the lock may still be running: its commit must be impossible before its files go.
    dead = {name for name in {name for _, name in left} if folder.bar(layout.published_key(commit, name))}
    found = [layout.published_key(table, name) for table, name in left if name in dead]
    for key in found:
        folder.remove(key)
    return len(found)


def _names(folder: Folder, table: Table) -> tuple[str, ...]:
    names = (layout.name_in(table, file_name) for file_name in folder.names(table.name))
    return tuple(sorted(name for name in names if name is not None))


def _check(folder: Folder, table: Table, names: tuple[str, ...]) -> None:
    # All files of a commit are there, also empty ones: a missing file is damage and never an empty table.
    missing = sorted(set(names).difference(_names(folder, table)))
    if missing:
        raise StoreDamaged(
            f"{folder.where(layout.published_key(table, missing[0]))} is missing, "
            f"and {len(missing) - 1} more of {table.name}. {_advice(table)}"
        )


def _advice(table: Table) -> str:
    if table.per == "segment":
        return "Restore it from a backup, or run indexer verify --repair: it makes the rows anew from manifests/"
    return "Restore it from a backup, or run indexer verify --repair: it gives the run up"
