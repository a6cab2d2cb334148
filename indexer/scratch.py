"""Folders for what need not outlive the process, and how they go away again, whatever became of it.

What DuckDB writes for want of memory, or copies of a bucket's files, may be as large as the disk, and a process that is
killed removes nothing. So a process has a folder of its own, held by a lock that the system ends with the process, and
every process that makes one removes those that nobody holds. A process id would not do: the system gives it to others.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Final

_NEW: Final = ".indexer-new-"
"""A folder under this name is not held yet, or cannot be: it is left alone."""
_HELD: Final = "indexer-spill-"


def make_folder() -> Path | None:
    """Return a new folder, for one user: two of DuckDB's connections would write over each other's files.

    None where there is no place for it, as on a disk that is full or read-only.
    """
    with suppress(OSError):
        room = _room(os.getpid())
        return Path(mkdtemp(dir=room)) if room is not None else None
    return None


def remove_folder(folder: Path | None) -> None:
    """Remove a folder that nobody uses any more, with all that is in it."""
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def _room(pid: int) -> Path | None:
    """Return the folder of this process; it is its own also where the process is the fork of another."""
    try:
        base = Path(gettempdir())
        sweep(base)
        room = Path(mkdtemp(prefix=_NEW, dir=base))
    except OSError:
        return None
    with suppress(OSError):  # a file system without locks
        # Never closed: the lock ends with the process. It is on the folder itself, which systemd-tmpfiles respects too.
        fcntl.flock(os.open(room, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Only now, with the lock: under its new name anyone may remove it who gets the lock.
        room = room.rename(base / room.name.replace(_NEW, _HELD))
    atexit.register(_leave, room, pid)
    return room


def _leave(room: Path, pid: int) -> None:
    if os.getpid() == pid:  # a fork has its parent's list of what to do at the end
        remove_folder(room)


def sweep(base: Path) -> None:
    """Remove the folders in `base` whose processes are gone. Never raises."""
    with suppress(OSError):
        for room in _rooms(base):
            with suppress(OSError):
                _sweep(room)


def _rooms(base: Path) -> Iterator[Path]:
    with os.scandir(base) as entries:
        yield from [Path(entry) for entry in entries if entry.name.startswith(_HELD)]


def _sweep(room: Path) -> None:
    # Never through a link, and never what somebody else put there: /tmp is everyone's.
    descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # BlockingIOError where its process lives
        held, named = os.fstat(descriptor), room.lstat()
        if held.st_uid == os.geteuid() and stat.S_ISDIR(named.st_mode) and os.path.samestat(held, named):
            shutil.rmtree(room, ignore_errors=True)
    finally:
        os.close(descriptor)
