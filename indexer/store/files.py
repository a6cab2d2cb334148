"""Whole files under a folder of this machine: staged, synced, published, listed, removed.

`Disk` is every call to the operating system that a store makes, one method each. `LocalFolder` builds the verbs of
`Folder` (indexer.store.places) on it.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from indexer.errors import StoreDamaged, StoreError, UsageError
from indexer.store import layout
from indexer.store.explained import explained
from indexer.store.lock import FileLock
from indexer.store.places import Lock, Share, Staged
from indexer.tables import TABLES

_OUR_FOLDERS: Final = (*TABLES, layout.STAGING)
# Parquet is written in pieces of a few bytes; a system call for each would cost most on network file systems.
_BLOCK: Final = 1 << 20


class Disk:
    """The file operations of a store, so that a test can stop or refuse any of them."""

    def make_folder(self, path: Path) -> None:
        """Make a folder and its parents; one that exists is fine."""
        path.mkdir(parents=True, exist_ok=True)

    def create(self, path: Path) -> int:
        """Open a new file for writing and return its descriptor."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    def write(self, descriptor: int, data: memoryview) -> int:
        """Write what the system takes of `data`; return how many bytes that was."""
        return os.write(descriptor, data)

    def sync_file(self, descriptor: int) -> None:
        """Return when the file's bytes are on the device."""
        os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """Close a file that was created."""
        os.close(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its other name, at once."""
        source.rename(target)

    def sync_folder(self, path: Path) -> None:
        """Return when the folder's names are on the device."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a file system that has no such thing for folders
                raise
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """Remove a file."""
        path.unlink()

    def remove_folder(self, path: Path) -> None:
        """Remove a folder that is empty."""
        path.rmdir()

    def names(self, path: Path) -> list[str]:
        """Return the names of the plain files in a folder."""
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_file()]


class LocalFolder:
    """A store's files in a folder of this machine (`Folder`)."""

    def __init__(self, location: str | Path, disk: Disk) -> None:
        self.location = str(location)
        self.root = Path(location).absolute()
        self.disk = disk
        self._made: list[Path] = []

    def where(self, key: str) -> str:
        return str(self.root / key)

    def path(self, key: str) -> Path:
        return self.root / key

    def paths(self, keys: Sequence[str]) -> tuple[Path, ...]:
        return tuple(self.root / key for key in keys)

    def read(self, key: str) -> bytes | None:
        with explained("read", self.path(key)):
            try:
                return self.path(key).read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                return None

    def stranger(self) -> str | None:
        with explained("read", self.root):
            try:
                return min((entry.name for entry in self.root.iterdir() if not _is_beginning(entry)), default=None)
            except FileNotFoundError:
                return None
            except NotADirectoryError:
                raise UsageError(f"{self.location} is a file, not a store. Name a folder") from None

    def try_writing(self) -> int:
        place = _nearest(self.root)
        made = self.read(layout.FORMAT_FILE) is not None  # before that, its folders need not be there
        for folder in (place, *(self.path(name) for name in _OUR_FOLDERS if made)):
            with explained("write to", folder), tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"can this be written?\n")
                file.flush()
        return shutil.disk_usage(place).free

    def make(self) -> None:
        missing = [each for each in (self.root, *self.root.parents) if not os.path.lexists(each)]
        with explained("make", self.root):
            self.disk.make_folder(self.root)
        if missing:
            self._made = missing

    def unmake(self) -> None:
        folders = [self.path(name) for name in _OUR_FOLDERS]
        ours = {self.path(layout.FORMAT_FILE), self.path(layout.LOCK_FILE), *folders}
        if not ours.issuperset(self.root.iterdir()) or any(inside for each in folders for inside in each.iterdir()):
            return
        # The format's file first: what lacks a folder and has it would be a damaged store.
        self.disk.remove(self.path(layout.FORMAT_FILE))
        for folder in folders:
            self.disk.remove_folder(folder)
        if self._made:
            self.disk.remove(self.path(layout.LOCK_FILE))  # who waits for it looks whether it is still there
        for folder in self._made:
            self.disk.remove_folder(folder)

    def prepare(self) -> None:
        for name in _OUR_FOLDERS:
            with explained("make", self.path(name)):
                self.disk.make_folder(self.path(name))
        with explained("write", self.root):
            # The folders are durable before the file that says they are there: a store without one is damaged.
            self.disk.sync_folder(self.root)
            with suppress(PermissionError):  # a parent that may be passed through but not opened
                self.disk.sync_folder(self.root.parent)

    def lock(self, command: str, since: datetime) -> Lock:
        if not os.path.lexists(self.root):
            self.make()  # another run began this store, failed, and took it back
        return FileLock(self.path(layout.LOCK_FILE), command=command, since=since)

    def share(self, lock: Lock) -> Share:
        return Share(str(self.root), lock.descriptors)

    def bar(self, key: str) -> bool:
        # Under flock nobody else is left who could publish it.
        return not os.path.lexists(self.path(key))

    def names(self, folder: str) -> list[str]:
        path = self.path(folder)
        with explained("read", path):
            try:
                return sorted(self.disk.names(path))
            except (FileNotFoundError, NotADirectoryError) as error:
                raise StoreDamaged(
                    f"the store {self.location} has no folder {folder}, which every store has. "
                    "Restore it from a backup, or start a new store elsewhere"
                ) from error

    def stage(self, key: str) -> Staged:
        return _LocalFile(self, key)

    def remove(self, key: str) -> None:
        with explained("remove", self.path(key)):
            self.disk.remove(self.path(key))


class _LocalFile:
    """A staged file of a `LocalFolder`."""

    def __init__(self, folder: LocalFolder, key: str) -> None:
        self._disk = folder.disk
        self._target = folder.path(key)
        self._path = folder.path(layout.staged_key(key))
        # A fork shares the descriptor: only the process that opened it may write through it.
        self._owner = os.getpid()
        self.closed = False
        self._abandoned = False
        self._held = bytearray()
        with explained("write", self._path):
            self._descriptor = self._disk.create(self._path)

    def write(self, data: bytes) -> int:
        if self._abandoned:
            return len(data)
        self._held += data
        if len(self._held) >= _BLOCK:
            self._write_out()
        return len(data)

    def flush(self) -> None:
        """Nothing: what is held goes out in blocks, and at the end."""

    def publish(self, *, over: bool = False) -> None:
        self._write_out()
        with explained("write", self._target):
            # Published means whole: the bytes are on the device before any name that a reader looks at leads to them.
            self._disk.sync_file(self._descriptor)
            self.closed = True
            self._disk.close(self._descriptor)
            # Published files never change. Only the holder of the lock publishes, so nothing comes in between.
            if not over and os.path.lexists(self._target):
                raise StoreError(f"{self._target} exists already, and files of a store are never changed")
            self._disk.rename(self._path, self._target)
            # The name is on the device before the next step: what commits can never outlive what it commits.
            self._disk.sync_folder(self._target.parent)

    def _write_out(self) -> None:
        held, self._held = self._held, bytearray()
        if os.getpid() != self._owner:
            return
        with explained("write", self._path), memoryview(held) as rest:
            written = 0
            while written < len(held):
                written += self._disk.write(self._descriptor, rest[written:])

    def abandon(self) -> None:
        self._abandoned = True
        if self.closed or os.getpid() != self._owner:
            return
        self.closed = True
        with suppress(OSError):
            self._disk.close(self._descriptor)
        with suppress(OSError):  # what stays is removed by the next writer
            self._disk.remove(self._path)


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or the first of its parents that is there."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return place
        if place.exists():
            raise StoreError(f"cannot make {folder}: {place} is a file. Name another store")
    raise StoreError(f"cannot make {folder}: none of its parents is there. Name a folder on a disk that is")


def _is_beginning(entry: Path) -> bool:
    """Whether a store that was being made when its writer died can hold this."""
    if entry.name == layout.LOCK_FILE:
        return entry.is_file()
    if entry.name not in _OUR_FOLDERS or not entry.is_dir():
        return False
    return all(entry.name == layout.STAGING and layout.is_staged(inside.name) for inside in entry.iterdir())
