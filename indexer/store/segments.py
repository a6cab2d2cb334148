"""Segments: the rows of manifests are gathered, put in order, and committed as files that belong together.

Used by the store's one writer, and by the workers that write segments for it while it holds the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Final

import pyarrow as pa

from indexer.compute import pc
from indexer.flatten import VERSION, Bundle
from indexer.store import layout
from indexer.store.limits import Limits, Numbers
from indexer.store.parquet import FLATTENER, Columns, TableFile, array_of, arrow_of, columns_of
from indexer.store.places import Folder
from indexer.tables import CONFIGS, INDEX_ENTRIES, LAYERS, MANIFESTS, TABLES

_PART: Final = 2_000
_Place = tuple[str, str, str, int, str]


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

    @property
    def begun(self) -> bool:
        """Whether any manifest was taken."""
        with self._buffer_lock:
            return self._segments > 0 or self._buffer.count > 0

    def add_all(self, bundle: Bundle) -> None:
        """Take manifests' rows; commit a segment when enough is in hand."""
        with self._buffer_lock:
            self._buffer.add(bundle)
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
            # Each is let go when it is written: a segment's tables are 80 MB, and the layers nearly half of that.
            for table in layout.dependents(MANIFESTS):
                write(self._folder, table.name, name, tables.pop(table.name))
            # Last, when layers, configs and index entries are durable: this name is the segment's commit.
            write(self._folder, MANIFESTS.name, name, tables.pop(MANIFESTS.name), self._check)


class _Buffer:
    """Rows in hand for the next segment, most of them as Arrow: as Python's objects they take twice the memory."""

    def __init__(self) -> None:
        self.count = 0
        self.bytes = 0
        self._loose: list[Bundle] = []
        self._manifests = 0
        """How many manifests the loose bundles have."""
        self._parts: list[tuple[_Place, dict[str, pa.Table]]] = []

    def add(self, bundle: Bundle) -> None:
        if not len(bundle):
            return
        self._loose.append(bundle)
        self._manifests += len(bundle)
        self.count += len(bundle)
        self.bytes += bundle.bytes
        if self._manifests >= _PART:
            self._pack()

    def reaches(self, limits: Limits) -> bool:
        return self.count >= limits.manifests or self.bytes >= limits.bytes

    def tables(self) -> dict[str, pa.Table]:
        """Return each table of a segment, in natural order, save for late parts: neighbours share layers.

        The buffer is empty then.
        """
        if self._loose:
            self._pack()
        parts, self._parts = sorted(self._parts, key=itemgetter(0)), []
        return {name: pa.concat_tables([part[name] for _, part in parts]) for name in parts[0][1]}

    def _pack(self) -> None:
        self._loose.sort(key=_place)
        self._parts.append((_place(self._loose[0]), tables_of(self._loose)))
        self._loose, self._manifests = [], 0


def tables_of(bundles: Sequence[Bundle]) -> dict[str, pa.Table]:
    """Return each table of a segment that holds these manifests, in their order."""
    all_ = Bundle()
    for bundle in bundles:
        all_.extend(bundle)
    manifests = arrow_of(MANIFESTS, columns_of(all_.manifests))
    digests = manifests.column("manifest_digest")
    return {
        "manifests": manifests,
        "layers": arrow_of(LAYERS, _layers(all_, digests) if all_.layer_digests else []),
        "configs": _configs(manifests, all_.are_layers),
        "index_entries": arrow_of(INDEX_ENTRIES, columns_of(all_.entries)),
    }


def _configs(manifests: pa.Table, are_layers: Sequence[bool]) -> pa.Table:
    """Return the rows of `configs`: the manifests say all of it but whether the config is a layer too."""
    given = manifests.select(["manifest_digest", "config_digest", "config_media_type", "config_size"])
    having = pc.filter(given, pc.is_valid(given.column("config_digest"))) if len(are_layers) < len(given) else given
    return arrow_of(CONFIGS, [*having.columns, are_layers])


def _place(bundle: Bundle) -> _Place:
    first = bundle.manifests[0]
    return (first.registry_id, first.region, first.repository, bundle.orders[0], first.manifest_digest)


def _layers(bundle: Bundle, digests: pa.ChunkedArray) -> Columns:
    """Return the columns of `layers`, those that follow from the manifests and from runs made by Arrow.

    From lists the first two alone took as long as all the others.
    """
    begins, parents = _parents(bundle.counts)
    numbers = pa.array(range(len(parents)), pa.int32())
    runs = bundle.runs
    _, run = _parents(runs.lengths)
    media_types, distributable, annotations, repeated = (
        array_of(values, LAYERS.schema.field(name).type, run)
        for name, values in (
            ("media_type", runs.media_types),
            ("distributable", runs.distributable),
            ("annotations", runs.annotations),
            ("repeated", runs.repeated),
        )
    )
    return [
        pc.take(digests, parents),
        pc.subtract(numbers, pc.take(begins, parents)),
        bundle.layer_digests,
        media_types,
        bundle.sizes,
        distributable,
        annotations,
        repeated,
    ]


def _parents(counts: Sequence[int]) -> tuple[pa.Array, pa.Array]:
    """Return where each of some lists begins, and for each of all their elements the number of the list it is in."""
    ends = pa.array([0, *accumulate(counts)], pa.int32())
    return ends, pc.list_parent_indices(pa.ListArray.from_arrays(ends, pa.nulls(ends[-1].as_py())))


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
