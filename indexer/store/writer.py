"""The one writer of a store: facts about manifests in segments, and what a run saw in the run's files.

The order of writing is the commit protocol (docs/format.md): the files that say a segment or run is there come last.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

from indexer.errors import StoreError
from indexer.flatten import Bundle, Rows
from indexer.store import layout
from indexer.store.commits import Recovered
from indexer.store.known import Known
from indexer.store.limits import Limits, Numbers
from indexer.store.listings import Listings
from indexer.store.parquet import TableFile, arrow_of, columns_of
from indexer.store.places import Folder, Lock, Share
from indexer.store.segments import Segments, write
from indexer.tables import (
    FAILURES,
    IMAGES,
    REPOSITORIES,
    RUNS,
    TABLES,
    FailureRow,
    ImageRow,
    RepositoryRow,
    RunRow,
)


class Start(NamedTuple):
    """How a writer begins: its run, when, and what it found of dead writers."""

    run_id: str
    started_at: datetime
    recovered: Recovered


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
        self._segments = self._segments_of(limits, Numbers())
        self._known_lock = threading.Lock()
        self._files_lock = threading.Lock()
        self._run_files: dict[str, TableFile] = {}
        self._listings = Listings(self.run_id, lambda: self._run_file(IMAGES.name))
        self._ended: str | None = None

    def known(self) -> Known:
        """Return the digests that are committed or in hand, as a set of the caller's own."""
        return self._known.copy()

    def first_of(self, processes: int) -> None:
        """Write segments as the first of so many processes; the others do with `segments_of`.

        ValueError where a manifest was added before: what is in hand would be lost, and numbers would meet.
        """
        if self._segments.begun:
            raise ValueError("manifests were added before it was said how many processes write")
        with self._writing():
            self._segments = self._segments_of(self._limits.shared(processes), Numbers(1, processes))

    def add(self, rows: Rows, order: int = 0) -> bool:
        """Take one manifest's rows, as `add_all` does; return whether they are new to the store."""
        return self.add_all(Bundle.of([(rows, order)])) == 1

    def add_all(self, bundle: Bundle) -> int:
        """Take manifests' rows; return how many of the manifests are new to the store.

        A digest that the store holds, or that is in hand, is left out and counted: one row per digest, ever. An order
        is a manifest's place in its repository; rows of a segment stand by registry, region, repository and order.
        Commits a segment when enough is in hand.
        """
        with self._writing():
            # By the chunk and not one by one: 6 microseconds a manifest less.
            with self._known_lock:
                fresh = self._known.add_all(bundle.digests)
                if not all(fresh):
                    self.duplicates += fresh.count(False)
                    bundle = bundle.only(fresh)
            self._segments.add_all(bundle)
            return len(bundle)

    def flush(self) -> None:
        """Commit what is in hand as a segment, if there is anything."""
        with self._writing():
            self._segments.flush()

    def add_repository(self, row: RepositoryRow) -> None:
        """Add what became of a repository in this run."""
        self._add(REPOSITORIES.name, [row])

    def add_images(self, rows: Iterable[ImageRow]) -> None:
        """Add what a repository held in this run. Rows go to a staged file, a row group at a time."""
        self._add(IMAGES.name, rows)

    def add_listing(self, registry_id: str, region: str, repository: str, images: Sequence[Any]) -> None:
        """Add what a repository held in this run: its images (`Listings`), in the order of their pushes."""
        with self._writing():
            self._listings.add(registry_id, region, repository, images)

    def add_failure(self, row: FailureRow) -> None:
        """Add something that this run could not index."""
        self._add(FAILURES.name, [row])

    def commit_run(self, run: RunRow) -> None:
        """Commit what is in hand and then the run; the writer takes nothing more."""
        if run.run_id != self.run_id:
            raise ValueError(f"the row is of run {run.run_id}, the writer of run {self.run_id}")
        self.flush()
        with self._writing():
            self._listings.flush()
            for table in layout.dependents(RUNS):
                self._run_file(table.name).publish()
            # Last, when all the run's segments and its other files are durable: this name is the run's commit.
            write(self._folder, RUNS.name, self.run_id, arrow_of(RUNS, columns_of([run])))
            self._ended = f"the run {self.run_id} is committed"

    def close(self) -> None:
        """Drop what is staged. Threads that use the writer have ended by then."""
        if self._ended is None:
            self._ended = "the writer is closed"
        if self._store_lock.held:
            for file in self._run_files.values():
                file.abandon()

    @property
    def share(self) -> Share:
        """What another process needs to write segments for this writer (`segments_of`). StoreError without the lock."""
        return self._folder.share(self._store_lock)

    @property
    def ended(self) -> bool:
        """Whether the writer takes nothing more: committed, failed or closed."""
        return self._ended is not None

    def _segments_of(self, limits: Limits, numbers: Numbers) -> Segments:
        return Segments(self._folder, self.run_id, limits, numbers, lambda: None)

    def _add(self, table: str, rows: Iterable[Any]) -> None:
        with self._writing():
            self._run_file(table).add(rows)

    def _run_file(self, table: str) -> TableFile:
        with self._files_lock:
            if table not in self._run_files:
                self._run_files[table] = TableFile(self._folder, TABLES[table], self.run_id, _NATURAL_ORDER[table])
            return self._run_files[table]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if not self._store_lock.held:
            raise StoreError("this process does not hold the store's lock: a writer does not work in a fork")
        if self._ended is not None:
            raise StoreError(f"nothing can be added: {self._ended}")
        try:
            yield
        except BaseException as error:
            # What failed may be half published. Going on could commit something that stands on it.
            self._ended = f"writing failed before ({error})"
            raise


def _place(row: RepositoryRow | ImageRow | FailureRow) -> tuple[str, ...]:
    return (row.registry_id or "", row.region, row.repository or "")


def _image_place(row: ImageRow) -> tuple[Any, ...]:
    at = row.pushed_at or 0
    return (*_place(row), at if isinstance(at, int) else at.timestamp() * 1e6, row.manifest_digest)


def _failure_place(row: FailureRow) -> tuple[Any, ...]:
    return (*_place(row), row.manifest_digest or "", row.operation)


_NATURAL_ORDER: Final[dict[str, Callable[[Any], Any]]] = {
    "repositories": _place,
    "images": _image_place,
    "failures": _failure_place,
}
