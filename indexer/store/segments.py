"""Segments: the rows of manifests are gathered, put in order, and committed as files that belong together.

Used by the store's one writer, and by the workers that write segments for it while it holds the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from indexer.flatten import Layers
from indexer.store import layout
from indexer.store.parquet import Columns, TableFile, columns_of
from indexer.store.places import Folder
from indexer.tables import MANIFESTS, TABLES, ConfigRow, IndexEntryRow, LayerRow, ManifestRow

FIRST_SEGMENT: Final = 500
SEGMENT_MANIFESTS: Final = 20_000
SEGMENT_BYTES: Final = 64 << 20


class Limits(NamedTuple):
    """A segment is committed when it holds so many manifests, or so many bytes of their text."""

    manifests: int = SEGMENT_MANIFESTS
    bytes: int = SEGMENT_BYTES

    def of_segment(self, number: int) -> Limits:
        """Return the limits of a run's segment `number`, counted from 0: each holds twice what the one before does.

        So a run that dies has lost no more than it had committed, and a long run leaves few small files.
        """
        return self._replace(manifests=min(self.manifests, FIRST_SEGMENT << min(number, 32)))


class Flattened(Protocol):
    """One manifest's rows."""

    @property
    def manifest(self) -> ManifestRow:
        """Its row of `manifests`."""

    @property
    def layers(self) -> Sequence[LayerRow]:
        """Its rows of `layers`, base first."""

    @property
    def configs(self) -> Sequence[ConfigRow]:
        """Its row of `configs`, if it has one."""

    @property
    def index_entries(self) -> Sequence[IndexEntryRow]:
        """Its rows of `index_entries`, in order."""


class Numbers(NamedTuple):
    """The numbers of the segments of one writer among several: every `step`-th from `first` on, so that none meet."""

    first: int = 1
    step: int = 1


class Segments:
    """Gathers manifests and commits them in segments of a run. Threads may share it.

    `check` is called before a segment is made and right before it is committed; it raises where the right to write is
    gone.
    """

    def __init__(
        self, folder: Folder, run_id: str, limits: Limits, numbers: Numbers, check: Callable[[], None]
    ) -> None:
        self._folder = folder
        self._run_id = run_id
        self._limits = limits
        self._numbers = numbers
        self._check = check
        self._buffer = _Buffer()
        self._buffer_lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._segments = 0
        self._next = limits.of_segment(0)

    def add_all(self, each: Sequence[tuple[Flattened, int]]) -> None:
        """Take manifests' rows, each with its order; commit a segment when enough is in hand."""
        with self._buffer_lock:
            self._buffer.add_all(each)
            limits = self._next
            full = self._buffer.reaches(limits)
        if full:
            # Others that find it full wait here: what is in hand grows by no more than one chunk a thread.
            self._commit(limits)

    def flush(self) -> None:
        """Commit what is in hand as a segment, if there is anything."""
        self._commit(Limits(1, 0))

    def _commit(self, least: Limits) -> None:
        """Commit what is in hand if it is something and reaches `least`; one segment at a time."""
        with self._commit_lock:
            with self._buffer_lock:
                if not self._buffer.manifests or not self._buffer.reaches(least):
                    return
                buffer, self._buffer = self._buffer, _Buffer()
            self._check()
            name = layout.segment_name(self._run_id, self._numbers.first + self._segments * self._numbers.step)
            self._segments += 1
            self._next = self._limits.of_segment(self._segments)
            tables = buffer.tables()
            for table in layout.dependents(MANIFESTS):
                write(self._folder, table.name, name, tables[table.name])
            # Last, when layers, configs and index entries are durable: this name is the segment's commit.
            write(self._folder, MANIFESTS.name, name, tables[MANIFESTS.name], self._check)


class _Buffer:
    """Rows in hand for the next segment."""

    def __init__(self) -> None:
        self.manifests: list[tuple[Flattened, int]] = []
        self.bytes = 0

    def add_all(self, each: Sequence[tuple[Flattened, int]]) -> None:
        self.manifests += each
        self.bytes += sum([flattened.manifest.manifest_bytes for flattened, _ in each])

    def reaches(self, limits: Limits) -> bool:
        return len(self.manifests) >= limits.manifests or self.bytes >= limits.bytes

    def tables(self) -> dict[str, Columns]:
        """Return the columns of each table of a segment, in natural order: neighbours share layers."""
        self.manifests.sort(key=_place)
        each = [flattened for flattened, _ in self.manifests]
        return {
            "manifests": columns_of(one.manifest for one in each),
            "layers": _layers(one.layers for one in each),
            "configs": columns_of(row for one in each for row in one.configs),
            "index_entries": columns_of(row for one in each for row in one.index_entries),
        }


def _place(given: tuple[Flattened, int]) -> tuple[str, str, str, int, str]:
    row, order = given[0].manifest, given[1]
    return (row.registry_id, row.region, row.repository, order, row.manifest_digest)


def _layers(each: Iterable[Sequence[LayerRow]]) -> Columns:
    """Return the columns of `layers`, without ever making the rows of those that are columns already."""
    columns: list[list[Any]] = [[] for _ in LayerRow._fields]
    manifests, positions, digests, media_types, sizes, distributable, annotations, repeated = columns
    for layers in each:
        count = len(layers)
        if isinstance(layers, Layers):
            manifests += [layers.manifest_digest] * count
            positions += range(count)
            digests += layers.digests
            media_types += layers.media_types
            sizes += layers.sizes
            distributable += layers.distributable
            annotations += [None] * count
            repeated += [False] * count
        elif count:
            for column, values in zip(columns, zip(*layers, strict=True), strict=True):
                column.extend(values)
    return columns


def write(
    folder: Folder,
    table: str,
    name: str,
    columns: Columns,
    check: Callable[[], None] = lambda: None,
) -> None:
    """Write and publish one file; `check` is called when it is written and not yet published."""
    file = TableFile(folder, TABLES[table], name)
    try:
        file.add_columns(columns)
        file.finish()
        check()
        file.publish()
    except BaseException:
        file.abandon()
        raise
