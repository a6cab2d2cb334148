"""What a place that keeps a store can do: the verbs of a folder, of a file being written, and of the lock.

`LocalFolder` (indexer.store.files) has them for a folder of this machine. Everything else in this room is written
against them and knows no other way to a store's files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol


class Staged(Protocol):
    """A file being written; nobody sees it before `publish`."""

    closed: bool

    def write(self, data: bytes) -> int:
        """Append all of `data`; return its length."""

    def flush(self) -> None:
        """Do nothing: only `publish` makes anything visible."""

    def publish(self, *, over: bool = False) -> None:
        """Make the whole file durable and visible under its key. StoreError where the key is there already.

        `over` is for the one file that may change, format.json: it takes the place of the old one in one step.
        """

    def abandon(self) -> None:
        """Drop the file; later writes go nowhere. Never raises."""


class Share(NamedTuple):
    """What another process needs to write for the holder of a store's lock; it can be pickled.

    The process must inherit the open files `descriptors` and keep them until it ends.
    """

    location: str
    descriptors: tuple[int, ...] = ()
    token: str = ""
    cache: Path | None = None


class Lock(Protocol):
    """A store's lock, held until `release`."""

    @property
    def held(self) -> bool:
        """Whether this very process holds the lock: False after release, in a fork, and once it is lost."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Open files on which the lock is held, for a process that is to hold it too. StoreError once released."""

    @property
    def token(self) -> str:
        """What tells this holding of the lock from any other; empty where descriptors do."""

    def release(self) -> None:
        """Let go. In a fork, which holds nothing, nothing happens."""


class Folder(Protocol):
    """A place that keeps a store's files under keys such as `layers/<segment>.parquet`."""

    location: str
    """The place as it was given."""
    root: Path
    """The folder of this machine under which every file is read."""

    def where(self, key: str) -> str:
        """Return the file's name for people, in the store itself."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files directly under `folder`; StoreDamaged where a store lacks the folder."""

    def read(self, key: str) -> bytes | None:
        """Return a small file's content as it is now, None where there is none."""

    def path(self, key: str) -> Path:
        """Return where the file `key` can be read on this machine; it is brought there where it is elsewhere."""

    def paths(self, keys: Sequence[str]) -> tuple[Path, ...]:
        """Return `path` of each key; what is elsewhere is brought here together, which is faster."""

    def stage(self, key: str) -> Staged:
        """Start the file that will be `key`."""

    def remove(self, key: str) -> None:
        """Remove a file."""

    def bar(self, key: str) -> bool:
        """Make sure that nobody, also no earlier writer that still runs, publishes `key`. Only under the lock.

        Return False where it is published: then it is a commit like any other.
        """

    def stranger(self) -> str | None:
        """Return the name of something here that no store, and no beginning of one, has; None where there is none.

        UsageError where the place itself is something else.
        """

    def try_writing(self) -> int | None:
        """Write something and remove it; return the bytes free, if there is a limit. StoreError where it cannot be."""

    def make(self) -> None:
        """Make the place, where it is one that can be made."""

    def prepare(self) -> None:
        """Make what a store needs before its first file. Only under the lock."""

    def unmake(self) -> None:
        """Remove what `make` and `prepare` made, where no other file is there. Only under the lock."""

    def lock(self, command: str, since: datetime) -> Lock:
        """Take the store's lock; StoreLocked says who holds it. `command` and `since` are for people."""

    def share(self, lock: Lock) -> Share:
        """Return what another process needs to write here for the holder of `lock`; StoreError once released."""
