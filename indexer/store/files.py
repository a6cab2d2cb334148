"""Whole files under a folder: staged, synced, published, listed, removed.

`Disk` is every call to the operating system that a store makes, one method each. `LocalFolder` builds the store's four
verbs on it: list names, stage a file, publish it, remove one. Another place to keep a store (an object store) is
another class with the same verbs as `LocalFolder`.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from indexer.errors import StoreDamaged, StoreError
from indexer.store import layout

_ADVICE: Final = {
    errno.ENOSPC: "Free some space there, or move the store.",
    errno.EDQUOT: "Free some space there, or raise the quota.",
    errno.EFBIG: "A limit on file sizes (ulimit -f) is too low for the store.",
    errno.EROFS: "Mount it for writing, or name another store.",
    errno.EACCES: "Give this user the right to it, or name another store.",
    errno.EPERM: "Give this user the right to it, or name another store.",
    errno.EMFILE: "Raise the limit on open files (ulimit -n).",
}


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

    def names(self, path: Path) -> list[str]:
        """Return the names of the plain files in a folder."""
        with os.scandir(path) as entries:
            return [entry.name for entry in entries if entry.is_file()]


class Staged(Protocol):
    """A file being written; nobody sees it before `publish`."""

    closed: bool

    def write(self, data: bytes) -> int:
        """Append all of `data`; return its length."""

    def flush(self) -> None:
        """Do nothing: only `publish` makes anything visible."""

    def publish(self) -> None:
        """Make the whole file durable and visible under its key."""

    def abandon(self) -> None:
        """Drop the file; later writes go nowhere. Never raises."""


class Folder(Protocol):
    """A place that keeps a store's files under keys such as `layers/<segment>.parquet`."""

    location: str

    def names(self, folder: str) -> list[str]:
        """Return the names of the files directly under `folder`; StoreDamaged where the folder is absent."""

    def stage(self, key: str) -> Staged:
        """Start the file that will be `key`."""

    def remove(self, key: str) -> None:
        """Remove a file."""

    def path(self, key: str) -> Path:
        """Return where the file `key` can be read."""


class LocalFolder:
    """A store's files in a folder of this machine (`Folder`)."""

    def __init__(self, location: str | Path, disk: Disk) -> None:
        self.location = str(location)
        self.root = Path(location).absolute()
        self.disk = disk

    def path(self, key: str) -> Path:
        return self.root / key

    def names(self, folder: str) -> list[str]:
        path = self.path(folder)
        with explained("read", path):
            try:
                return sorted(self.disk.names(path))
            except (FileNotFoundError, NotADirectoryError) as error:
                raise StoreDamaged(
                    f"The store {self.location} has no folder {folder}, which every store has. "
                    "Restore it from a backup, or start a new store elsewhere."
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

    def publish(self) -> None:
        self._write_out()
        with explained("write", self._target):
            # Published means whole: the bytes are on the device before any name that a reader looks at leads to them.
            self._disk.sync_file(self._descriptor)
            self.closed = True
            self._disk.close(self._descriptor)
            # Published files never change. Only the holder of the lock publishes, so nothing comes in between.
            if os.path.lexists(self._target):
                raise StoreError(f"{self._target} exists already, and files of a store are never changed.")
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


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError that names the path and says what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "Check the path and the file system.")
        raise StoreError(f"Cannot {doing} {path}: {error.strerror or error}. {advice}") from error
