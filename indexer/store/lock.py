"""The lock of a store on this machine: one writer at a time, and a name for who that is.

`flock` on a file that stays, but where the store that it is of goes (docs/format.md). The system lets go of it when the
process ends, however it ends, so a lock left by a dead process blocks nobody; the text in the file is only for the
message.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import weakref
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.errors import StoreError, StoreLocked
from indexer.store.explained import explained

_READ = 4096


class FileLock:
    """The lock, held from construction to `release`.

    StoreLocked where another process, or another writer of this one, holds it; StoreError where the file cannot be
    opened or the file system knows no locks.
    """

    def __init__(self, path: Path, *, command: str, since: datetime) -> None:
        self._path = path
        descriptor = self._open()
        self._descriptor: int | None = descriptor
        _HELD.add(self)
        try:
            self._describe(descriptor, command, since)
        except BaseException:
            self.release()
            raise

    @property
    def held(self) -> bool:
        """Whether this very process holds the lock: False after release, and in a fork."""
        return self._descriptor is not None

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The open file the lock is on. flock belongs to it, not to a process: who inherits it shares the lock."""
        if self._descriptor is None:
            raise StoreError("this process does not hold the store's lock")
        return (self._descriptor,)

    @property
    def token(self) -> str:
        """Nothing: who has the descriptor has the lock."""
        return ""

    def release(self) -> None:
        """Let go. In a fork, which holds nothing, nothing happens."""
        if self._descriptor is not None:
            # Closing alone would leave the lock to a child that is between fork and exec, or whose copy lives on.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.forget()

    def forget(self) -> None:
        """Close the descriptor. In a fork this leaves the lock with the parent; unlocking would take it away."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _open(self) -> int:
        while True:
            with explained("lock", self._path):
                # Not truncated here: until the lock is held, the text belongs to whoever holds it.
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                _flock(descriptor, self._path)
                if _is_at(descriptor, self._path):
                    return descriptor
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # somebody removed the file between the two calls: lock the one that is there now

    def _describe(self, descriptor: int, command: str, since: datetime) -> None:
        who = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "command": command,
            "since": since.astimezone(UTC).isoformat(timespec="seconds"),
        }
        text = json.dumps(who).encode() + b"\n"
        with explained("write", self._path):
            # One write, then cut off what a longer text left behind: a reader takes the first line.
            os.pwrite(descriptor, text, 0)
            os.ftruncate(descriptor, len(text))


_HELD: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _in_child() -> None:
    for lock in list(_HELD):
        lock.forget()


os.register_at_fork(after_in_child=_in_child)


def _flock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise StoreLocked(_holder(descriptor, path)) from None
        raise StoreError(
            f"cannot lock {path}: {error.strerror}. The store must be on a file system where flock works"
        ) from error


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int, path: Path) -> str:
    try:
        who: dict[str, Any] = json.loads(os.pread(descriptor, _READ, 0).split(b"\n")[0])
        text = f"{who['command']!r}, process {who['pid']} on {who['host']}, since {who['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        text = "a process that is just starting"
    return f"the store {path.parent} is held by another run: {text}. Wait for it to end, or end it"
