"""A store: where it is, whether this version knows its format, what is committed, and its one writer."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import StoreDamaged, StoreError, StoreFormatError, StoreMissing, StoreOutdated, UsageError
from indexer.store import layout
from indexer.store.commits import Files, committed, recover, state_format
from indexer.store.files import Disk
from indexer.store.limits import SEGMENT_BYTES, SEGMENT_MANIFESTS, Limits, Numbers
from indexer.store.locations import folder_at, folder_of
from indexer.store.places import Folder, Lock, Share
from indexer.store.versions import remove_replaced
from indexer.tables import MANIFESTS, RUNS, TABLES

if TYPE_CHECKING:  # what reads no Parquet by itself, as a look-up does, loads nothing of what writes it
    from indexer.store import facts
    from indexer.store.known import Known
    from indexer.store.segments import Segments
    from indexer.store.upkeep.holding import Held
    from indexer.store.writer import Writer


class Store:
    """A store of manifests; `open` to read, `create_or_open` to write."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._held: tuple[tuple[Path, ...], facts.Held] | None = None

    @classmethod
    def open(cls, location: str | Path, *, cache: Path | None = None, outdated: bool = False) -> Store:
        """Return the store at `location`, for reading.

        `outdated` lets one of an older format through, for `reflatten` alone: its files may lack columns.
        `cache` is where copies of the files of a store elsewhere are kept, by default a folder of this user's.
        StoreMissing where there is none, StoreFormatError where it is newer than this version or something else,
        UsageError for a location of a kind that is not supported.
        """
        folder = folder_at(location, cache=cache)
        if not has_format(folder, outdated=outdated):
            refuse_foreign(folder, StoreFormatError, "Name the folder of a store; `indexer run` makes one")
            raise StoreMissing(f"there is no store at {folder.location}; indexer run makes one")
        return cls(folder)

    @classmethod
    def create_or_open(cls, location: str | Path, *, disk: Disk | None = None, cache: Path | None = None) -> Store:
        """Return the store at `location`, for writing; where there is none, make the folder.

        The first writer makes the store in it. UsageError for a folder that holds something else, StoreFormatError
        for a newer store, StoreError where the folder cannot be made. `disk` is every file operation of the writers of
        a folder; `cache` as for `open`.
        """
        folder = folder_at(location, disk=disk, cache=cache)
        if not has_format(folder):
            refuse_foreign(folder, UsageError)
            folder.make()
        return cls(folder)

    @property
    def location(self) -> str:
        """The path as it was given."""
        return self._folder.location

    @property
    def folder(self) -> Path:
        """The folder of this machine that files are read from, an absolute path."""
        return self._folder.root

    def files(self) -> Files:
        """Return one consistent view of the store: whole commits, nothing else. StoreDamaged where a file is gone."""
        if not has_format(self._folder):
            return Files(dict.fromkeys(TABLES, ()), (), ())
        return committed(self._folder)

    def known(self) -> Known:
        """Return the digests of all manifests in the store, 71 to 115 bytes of memory each."""
        return self._holding(self.files()).known.copy()

    def problems(self) -> dict[str, str]:
        """Return manifest_digest -> problem for the manifests that could not be flattened whole."""
        return self._holding(self.files()).problems

    def children(self, wanted: Container[str]) -> Iterator[tuple[str, str]]:
        """Yield (index digest, child digest) for the indexes in `wanted`, read as it goes."""
        from indexer.store import facts  # noqa: PLC0415 - see above

        return facts.children(self.files().tables["index_entries"], wanted)

    def last_repositories(self) -> Mapping[facts.RepositoryKey, str]:
        """Return the newest status (listed, failed, deleted) of every repository that any run saw."""
        from indexer.store import facts  # noqa: PLC0415 - see above

        return facts.last_repositories(self.files().tables["repositories"])

    def _holding(self, files: Files) -> facts.Held:
        """Return what the files of manifests hold. Files never change: what a writer has read is not read again."""
        from indexer.store import facts  # noqa: PLC0415 - see above

        paths = files.tables["manifests"]
        if self._held is None or self._held[0] != paths:
            self._held = paths, facts.held(paths)
        return self._held[1]

    @property
    def place(self) -> Folder:
        """Where the files are, for what looks after them (indexer.store.upkeep)."""
        return self._folder

    @contextmanager
    def upkeep(self, *, now: Callable[[], datetime], command: str) -> Iterator[Held]:
        """Take the lock, clear away what a dead writer left, and give the right to replace what is committed."""
        from indexer.store.upkeep.holding import Held  # noqa: PLC0415 - see above

        lock = self._folder.lock(command, now())

        def check() -> None:
            if not lock.held:
                raise StoreError("the store's lock is lost: nothing more is changed. Run the command again")

        try:
            recover(self._folder)
            yield Held(self._folder, now, check)
        finally:
            lock.release()

    @contextmanager
    def writer(
        self,
        *,
        now: Callable[[], datetime],
        version: str,
        command: str = "indexer run",
        segment_manifests: int = SEGMENT_MANIFESTS,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> Iterator[Writer]:
        """Take the lock, clear away what a dead writer left, and give the store's one writer.

        `version` (of this program) and `command` are for people. A segment is committed when it holds
        `segment_manifests` manifests or `segment_bytes` of their text; at the end what is in hand is committed too,
        also after an error that was not the store's: a manifest fetched is a manifest kept. The run itself is
        committed by `Writer.commit_run` only. A store that was made for it goes again where an error comes before
        anything is committed. StoreLocked says who holds the store.
        """
        from indexer.store.writer import Start, Writer  # noqa: PLC0415 - see above

        started_at = now()
        lock = self._folder.lock(command, started_at)
        try:
            made = _create(self._folder, version)
            recovered = recover(self._folder)
            for commit in (RUNS, MANIFESTS):
                remove_replaced(self._folder, commit, started_at)
            files = committed(self._folder)
            start = Start(layout.next_run_id(started_at, files.newest), started_at, recovered)
            known = self._holding(files).known
            writer = Writer(self._folder, lock, start, known.copy(), Limits(segment_manifests, segment_bytes))
            with _left_as_it_was(self._folder, lock, made=made), _flushed(writer):
                yield writer
        finally:
            lock.release()


def segments_of(share: Share, run_id: str, *, number: int, processes: int, check: Callable[[], None]) -> Segments:
    """Return what writes segments for the run of a writer in another process, which is number 0 of so many.

    `share` is the writer's (`Writer.share`), whose descriptors this process inherited and keeps open until it ends.
    `check` raises where the writer's process has ended: right before a segment is committed it is asked once more.
    """
    from indexer.store.segments import Segments  # noqa: PLC0415 - see above

    return Segments(folder_of(share), run_id, Limits().shared(processes), Numbers(number + 1, processes), check)


@contextmanager
def _flushed(writer: Writer) -> Iterator[None]:
    try:
        try:
            yield
        except BaseException:
            with suppress(StoreError):  # the error that ended the run is the one to tell
                _flush(writer)
            raise
        _flush(writer)
    finally:
        writer.close()


@contextmanager
def _left_as_it_was(folder: Folder, lock: Lock, *, made: bool) -> Iterator[None]:
    """Remove a store that was `made`, where the block ends with an error and nothing is committed to it."""
    try:
        yield
    except BaseException:
        with suppress(OSError, StoreError):  # the error that ended the run is the one to tell
            # A fork leaves the block, too, and the store is not its own.
            if made and lock.held and not any(folder.names(table.name) for table in (RUNS, MANIFESTS)):
                folder.unmake()
        raise


def _flush(writer: Writer) -> None:
    if not writer.ended:
        writer.flush()


def has_format(folder: Folder, *, outdated: bool = False) -> bool:
    """Whether a store is there; StoreFormatError for one that this version does not know, or not without `outdated`."""
    path, text = folder.where(layout.FORMAT_FILE), folder.read(layout.FORMAT_FILE)
    if text is None:
        return False
    try:
        stated = json.loads(text)
    except ValueError as error:
        raise StoreDamaged(f"{path} is not JSON. Restore it from a backup") from error
    if not isinstance(stated, dict) or stated.get("program") != layout.PROGRAM or type(stated.get("format")) is not int:
        raise StoreFormatError(
            f"{folder.location} is no store of {layout.PROGRAM}: {path} says otherwise. Name another folder"
        )
    if layout.UPGRADED <= stated["format"] < layout.FORMAT:
        if outdated:
            return True
        raise StoreOutdated(
            f"the store {folder.location} has format {stated['format']}; this version reads and writes format "
            f"{layout.FORMAT}. indexer reflatten upgrades it, without a call to ECR"
        )
    if stated["format"] != layout.FORMAT:
        version = stated.get("version", "a newer one")
        raise StoreFormatError(
            f"the store {folder.location} has format {stated['format']}, made by {layout.PROGRAM} {version}; "
            f"this version knows format {layout.FORMAT}. Use version {version} or a later one"
        )
    return True


def refuse_foreign(
    folder: Folder, refusal: type[UsageError | StoreError], advice: str = "Name an empty folder or a new one"
) -> None:
    """Raise `refusal`, with `advice`, where something else than the beginnings of a store is at the folder's place."""
    try:
        found = folder.stranger()
    except UsageError as error:
        raise refusal(str(error)) from None
    # A store may have been made there since somebody looked for one; then it is no stranger's.
    if found is not None and not has_format(folder, outdated=True):
        raise refusal(f"{folder.location} is no store and not empty: it holds {found!r}. {advice}")


def _create(folder: Folder, version: str) -> bool:
    """Make the store if it is not there; return whether it was not. Only for the holder of the lock."""
    if has_format(folder):  # another may just have made it
        return False
    folder.prepare()
    recover(folder)  # a writer that died here leaves the staged file that comes next
    state_format(folder, version)
    return True
