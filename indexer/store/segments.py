"""Segments: the rows of manifests are gathered, put in order, and committed as files that belong together.

Used by the store's one writer, and by the workers that write segments for it while it holds the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from indexer.flatten import VERSION, Layers
from indexer.store import layout
from indexer.store.parquet import FLATTENER, Columns, TableFile, arrow_of, columns_of
from indexer.store.places import Folder
from indexer.tables import MANIFESTS, TABLES, ConfigRow, IndexEntryRow, LayerRow, ManifestRow

FIRST_SEGMENT: Final = 500
SEGMENT_MANIFESTS: Final = 20_000
SEGMENT_BYTES: Final = 64 << 20


_PART: Final = 2_000
_Place = tuple[str, str, str, int, str]


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
                if not self._buffer.count or not self._buffer.reaches(least):
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
    """Rows in hand for the next segment, most of them as Arrow: as Python's objects they take twice the memory."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self._loose: list[tuple[Flattened, int]] = []
        self._parts: list[tuple[_Place, dict[str, pa.Table]]] = []

    def add_all(self, each: Sequence[tuple[Flattened, int]]) -> None:
        self._loose += each
        self.count += len(each)
        self.bytes += sum([flattened.manifest.manifest_bytes for flattened, _ in each])
        if len(self._loose) >= _PART:
            self._pack()

    def reaches(self, limits: Limits) -> bool:
        return self.count >= limits.manifests or self.bytes >= limits.bytes

    def tables(self) -> dict[str, pa.Table]:
        """Return each table of a segment, in natural order, save for late parts: neighbours share layers."""
        if self._loose:
            self._pack()
        self._parts.sort(key=itemgetter(0))
        return {name: pa.concat_tables([part[name] for _, part in self._parts]) for name in self._parts[0][1]}

    def _pack(self) -> None:
        self._loose.sort(key=_place)
        part = tables_of([flattened for flattened, _ in self._loose])
        self._parts.append((_place(self._loose[0]), part))
        self._loose = []


def tables_of(each: Sequence[Flattened]) -> dict[str, pa.Table]:
    """Return each table of a segment that holds these manifests, in their order."""
    columns = {
        "manifests": columns_of(one.manifest for one in each),
        "layers": _layers(each),
        "configs": columns_of(row for one in each for row in one.configs),
        "index_entries": columns_of(row for one in each for row in one.index_entries),
    }
    return {name: arrow_of(TABLES[name], its) for name, its in columns.items()}


def _place(given: tuple[Flattened, int]) -> _Place:
    row, order = given[0].manifest, given[1]
    return (row.registry_id, row.region, row.repository, order, row.manifest_digest)


def _layers(each: Sequence[Flattened]) -> Columns:
    """Return the columns of `layers`, without ever making the rows of those that are columns already."""
    columns: list[list[Any]] = [[] for _ in LayerRow._fields[2:]]
    digests, media_types, sizes, distributable, annotations, repeated = columns
    counts = [len(one.layers) for one in each]
    for one, count in zip(each, counts, strict=True):
        layers = one.layers
        if isinstance(layers, Layers):
            digests += layers.digests
            media_types += layers.media_types
            sizes += layers.sizes
            distributable += layers.distributable
            annotations += [None] * count
            repeated += [False] * count
        elif count:
            for column, values in zip(columns, zip(*(row[2:] for row in layers), strict=True), strict=True):
                column.extend(values)
    return [*_manifests_and_positions(each, counts), *columns] if digests else []


def _manifests_and_positions(each: Sequence[Flattened], counts: Sequence[int]) -> tuple[pa.Array, pa.Array]:
    """Return the first two columns of `layers`, made by Arrow: from lists they took as long as all the others."""
    ends = pa.array([0, *accumulate(counts)], pa.int32())
    # Of each layer, whose list it is in.
    parents = pc.list_parent_indices(pa.ListArray.from_arrays(ends, pa.nulls(ends[-1].as_py())))
    manifests = pa.array([one.manifest.manifest_digest for one in each], pa.string())
    numbers = pa.array(range(len(parents)), pa.int32())
    return manifests.take(parents), pc.subtract(numbers, ends.take(parents))


def write(folder: Folder, table: str, name: str, data: pa.Table, check: Callable[[], None] = lambda: None) -> None:
    """Write and publish one file; `check` is called when it is written and not yet published."""
    metadata = {FLATTENER: str(VERSION)} if table == MANIFESTS.name else None
    file = TableFile(folder, TABLES[table], name, metadata=metadata)
    try:
        file.add_data(data)
        file.finish()
        check()
        file.publish()
    except BaseException:
        file.abandon()
        raise
