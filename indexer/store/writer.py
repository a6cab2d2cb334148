"""The one writer of a store: facts about manifests in segments, and what a run saw in the run's files.

The order of writing is the commit protocol (docs/format.md): the files that say a segment or run is there come last.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from indexer.errors import StoreError
from indexer.store import layout
from indexer.store.commits import Recovered
from indexer.store.files import Folder
from indexer.store.known import Known
from indexer.store.lock import Lock
from indexer.store.parquet import TableFile
from indexer.tables import (
    FAILURES,
    IMAGES,
    MANIFESTS,
    REPOSITORIES,
    RUNS,
    TABLES,
    ConfigRow,
    FailureRow,
    ImageRow,
    IndexEntryRow,
    LayerRow,
    ManifestRow,
    RepositoryRow,
    RunRow,
)

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


class Start(NamedTuple):
    """How a writer begins: its run, when, and what it found of dead writers."""

    run_id: str
    started_at: datetime
    recovered: Recovered


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


class Writer:
    """Adds to a store whose lock it holds. `Store.writer` makes one.

    `add` and the `add_...` methods may be called from several threads. After an error in any of them the writer is
    done for: whether the file in hand was committed is for the next writer to find out.
    """

    def __init__(
        self,
        folder: Folder,
        lock: Lock,
        start: Start,
        known: Known,
        limits: Limits,
    ) -> None:
        self.run_id, self.started_at, self.recovered = start
        self.duplicates = 0
        """Manifests that `add` left out because the store had them."""
        self._folder = folder
        self._store_lock = lock
        self._known = known
        self._limits = limits
        self._buffer = _Buffer()
        self._buffer_lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._segments = 0
        self._run_files: dict[str, TableFile] = {}
        self._ended: str | None = None

    def known(self) -> Known:
        """Return the digests that are committed or in hand, as a set of the caller's own."""
        return self._known.copy()

    def add(self, flattened: Flattened, order: int = 0) -> bool:
        """Take one manifest's rows; return whether they are new to the store.

        A digest that the store holds, or that is in hand, is left out and counted: one row per digest, ever. `order`
        is the manifest's place in its repository; rows of a segment stand by registry, region, repository and order.
        Commits a segment when enough is in hand.
        """
        with self._writing():
            with self._buffer_lock:
                if not self._known.add(flattened.manifest.manifest_digest):
                    self.duplicates += 1
                    return False
                self._buffer.add(flattened, order)
                limits = self._limits.of_segment(self._segments)
                full = self._buffer.reaches(limits)
            if full:
                # Others that find it full wait here: what is in hand grows by no more than one manifest a thread.
                self._commit_segment(limits)
            return True

    def flush(self) -> None:
        """Commit what is in hand as a segment, if there is anything."""
        with self._writing():
            self._commit_segment(Limits(1, 0))

    def add_repository(self, row: RepositoryRow) -> None:
        """Add what became of a repository in this run."""
        self._add(REPOSITORIES.name, [row])

    def add_images(self, rows: Iterable[ImageRow]) -> None:
        """Add what a repository held in this run. Rows go to a staged file, a row group at a time."""
        self._add(IMAGES.name, rows)

    def add_failure(self, row: FailureRow) -> None:
        """Add something that this run could not index."""
        self._add(FAILURES.name, [row])

    def commit_run(self, run: RunRow) -> None:
        """Commit what is in hand and then the run; the writer takes nothing more."""
        if run.run_id != self.run_id:
            raise ValueError(f"the row is of run {run.run_id}, the writer of run {self.run_id}")
        self.flush()
        with self._writing():
            for table in layout.dependents(RUNS):
                self._run_file(table.name).publish()
            # Last, when all the run's segments and its other files are durable: this name is the run's commit.
            _write(self._folder, RUNS.name, self.run_id, [run])
            self._ended = f"the run {self.run_id} is committed"

    def close(self) -> None:
        """Drop what is staged. Threads that use the writer have ended by then."""
        if self._ended is None:
            self._ended = "the writer is closed"
        if self._store_lock.held:
            for file in self._run_files.values():
                file.abandon()

    @property
    def ended(self) -> bool:
        """Whether the writer takes nothing more: committed, failed or closed."""
        return self._ended is not None

    def _add(self, table: str, rows: Iterable[Any]) -> None:
        with self._writing():
            self._run_file(table).add(rows)

    def _run_file(self, table: str) -> TableFile:
        with self._buffer_lock:
            if table not in self._run_files:
                self._run_files[table] = TableFile(self._folder, TABLES[table], self.run_id, _NATURAL_ORDER[table])
            return self._run_files[table]

    def _commit_segment(self, least: Limits) -> None:
        """Commit what is in hand if it is something and reaches `least`; one segment at a time."""
        with self._commit_lock:
            with self._buffer_lock:
                if not self._buffer.manifests or not self._buffer.reaches(least):
                    return
                buffer, self._buffer = self._buffer, _Buffer()
            self._segments += 1
            name = layout.segment_name(self.run_id, self._segments)
            tables = buffer.tables()
            for table in layout.dependents(MANIFESTS):
                _write(self._folder, table.name, name, tables[table.name])
            # Last, when layers, configs and index entries are durable: this name is the segment's commit.
            _write(self._folder, MANIFESTS.name, name, tables[MANIFESTS.name])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._store_lock.held:
            raise StoreError("This process does not hold the store's lock: a writer does not work in a fork.")
        if self._ended is not None:
            raise StoreError(f"Nothing can be added: {self._ended}.")
        try:
            yield
        except BaseException as error:
            # What failed may be half published. Going on could commit something that stands on it.
            self._ended = f"writing failed before ({error})"
            raise


class _Buffer:
    """Rows in hand for the next segment."""

    def __init__(self) -> None:
        self.manifests: list[tuple[tuple[str, str, str, int, str], Flattened]] = []
        self.bytes = 0

    def add(self, flattened: Flattened, order: int) -> None:
        row = flattened.manifest
        key = (row.registry_id, row.region, row.repository, order, row.manifest_digest)
        self.manifests.append((key, flattened))
        self.bytes += row.manifest_bytes

    def reaches(self, limits: Limits) -> bool:
        return len(self.manifests) >= limits.manifests or self.bytes >= limits.bytes

    def tables(self) -> dict[str, Iterable[Sequence[Any]]]:
        """Return the rows of each table of a segment, in natural order: neighbours share layers."""
        self.manifests.sort(key=lambda item: item[0])
        each = [flattened for _, flattened in self.manifests]
        return {
            "manifests": (one.manifest for one in each),
            "layers": (row for one in each for row in one.layers),
            "configs": (row for one in each for row in one.configs),
            "index_entries": (row for one in each for row in one.index_entries),
        }


def _write(folder: Folder, table: str, name: str, rows: Iterable[Sequence[Any]]) -> None:
    file = TableFile(folder, TABLES[table], name)
    try:
        file.add(rows)
        file.publish()
    except BaseException:
        file.abandon()
        raise


def _place(row: RepositoryRow | ImageRow | FailureRow) -> tuple[str, ...]:
    return (row.registry_id or "", row.region, row.repository or "")


def _image_place(row: ImageRow) -> tuple[Any, ...]:
    return (*_place(row), row.pushed_at.timestamp() if row.pushed_at else 0.0, row.manifest_digest)


def _failure_place(row: FailureRow) -> tuple[Any, ...]:
    return (*_place(row), row.manifest_digest or "", row.operation)


_NATURAL_ORDER: Final[dict[str, Callable[[Any], Any]]] = {
    "repositories": _place,
    "images": _image_place,
    "failures": _failure_place,
}
