"""The right to change what is committed: the store's lock, and the commits that replace others.

A replacement is a segment like any other, whose name says which ones it stands for (indexer.store.versions). It is
committed as a segment is, `manifests/` last: with that one name it appears and they disappear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import pyarrow as pa

from indexer.store import layout
from indexer.store.commits import state_format
from indexer.store.parquet import FLATTENER, TableFile
from indexer.store.places import Folder
from indexer.store.versions import Versions, remove_replaced, versions
from indexer.tables import MANIFESTS, RUNS, Table

Tables = Mapping[str, pa.Table]
"""The rows of each table of a segment (or of a run), in the tables' schemas."""
Progress = Callable[[int, int], None]
"""Is told how many parts are done, of how many."""


class Span(NamedTuple):
    """The segments from `first` to `last`, in the order of names; a run is both."""

    first: str
    last: str

    @classmethod
    def of(cls, *names: str) -> Span:
        """Return what some neighbouring segments, themselves replacements perhaps, stand for together."""
        each = [layout.stands_for(name) for name in names]
        return cls(min(first for first, _, _ in each), max(last for _, last, _ in each))


class Held:
    """A store whose lock is held. `check` raises where it no longer is; it is asked before each commit."""

    def __init__(self, folder: Folder, now: Callable[[], datetime], check: Callable[[], None]) -> None:
        self.folder = folder
        self.now = now
        self._check = check
        self._newest: str | None = max(
            filter(None, (self.versions(each).newest for each in (RUNS, MANIFESTS))), default=None
        )

    def versions(self, commit: Table) -> Versions:
        """List what is there of `commit`, manifests or runs."""
        return versions(self.folder, commit)

    def replace(self, commit: Table, span: Span, tables: Tables, flattener: int | None = None) -> str:
        """Commit `tables` in place of the segments (or the run) of `span`; return the new name."""
        name = layout.replacing(span.first, span.last, self.next_id())
        for table in layout.dependents(commit):
            self._write(table, name, tables[table.name], lambda: None)
        metadata = None if flattener is None else {FLATTENER: str(flattener)}
        # Last, when all else of it is durable: this name commits the new rows and ends the old ones, in one step.
        self._write(commit, name, tables[commit.name], self._check, metadata)
        return name

    def mark_pruned(self, run_id: str) -> None:
        """Commit that a run is no more. Its files stay for a while, for readers that listed it before."""
        staged = self.folder.stage(layout.mark_of(run_id, self.next_id()))
        try:
            # Only its name counts; in a bucket an object without content would be taken for none.
            staged.write(json.dumps({"pruned": self.now().isoformat()}).encode() + b"\n")
            self._check()
            staged.publish()
        except BaseException:
            staged.abandon()
            raise

    def upgrade(self, version: str) -> None:
        """State that the store has this version's format; `version` is this program's."""
        self._check()
        state_format(self.folder, version, over=True)

    def drop(self, commit: Table, name: str) -> None:
        """Give up a segment or a run that is damaged, at once."""
        if commit is RUNS:
            # What it replaced goes before it: files of an older format would count again, and have other columns. Of a
            # segment the older files are as good as they were, and spare a fetch; what is twice then, verify finds.
            run_id, _, made = layout.stands_for(name)
            for part in self.versions(RUNS).replaced:
                if part.first == run_id and part.made < made:
                    self._remove(RUNS, part.name)
        self._remove(commit, name)

    def _remove(self, commit: Table, name: str) -> None:
        # The commit first: nobody is to see the rest without it.
        folder = self.folder
        if name + layout.SUFFIX in folder.names(commit.name):
            folder.remove(layout.published_key(commit, name))
        for table in layout.dependents(commit):
            if name + layout.SUFFIX in folder.names(table.name):
                folder.remove(layout.published_key(table, name))

    def remove_replaced(self, grace: timedelta) -> int:
        """Remove what was replaced longer than `grace` ago; return how many files."""
        return sum(remove_replaced(self.folder, commit, self.now(), grace) for commit in (RUNS, MANIFESTS))

    def next_id(self) -> str:
        """Return an id higher than all in the store."""
        self._newest = layout.next_run_id(self.now(), self._newest)
        return self._newest

    def _write(
        self,
        table: Table,
        name: str,
        data: pa.Table,
        check: Callable[[], None],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        file = TableFile(self.folder, table, name, metadata=metadata)
        try:
            file.add_data(data)
            file.finish()
            check()
            file.publish()
        except BaseException:
            file.abandon()
            raise
