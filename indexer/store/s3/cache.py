"""Copies of a store's files on this machine.

Files of a store never change, so a copy stays good for as long as the store has the file. Copies are kept by the mark
of their content (the etag): one whose object was tampered with is another file. Any number of processes may use and
fill the same folder: a copy shows under its name when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from indexer.store.explained import explained

UNUSED: Final = 7 * 86_400.0
"""Seconds after its last use when a copy is removed whose file the store no longer has (it was merged or thinned)."""
_ABANDONED: Final = 86_400.0
_STAGED: Final = "staging"
_NOTE: Final = "store.txt"


class Cache:
    """The copies of one store's files, under a folder of their own in `base`. `what` tells the store from any other."""

    def __init__(self, base: Path, what: str) -> None:
        name = "".join(letter if letter.isalnum() or letter in "-." else "-" for letter in what.partition("://")[2])
        self.root = base.absolute() / f"{name[:60]}-{hashlib.sha256(what.encode()).hexdigest()[:12]}"
        with explained("make", self.root):
            base.mkdir(parents=True, exist_ok=True)
            self.root.mkdir(mode=0o700, exist_ok=True)  # what is in a registry is not for everyone
            (self.root / _STAGED).mkdir(exist_ok=True)
            (self.root / _NOTE).write_text(
                f"Copies of the files of {what}. They may be removed when nobody uses them.\n"
            )

    def path(self, key: str, etag: str) -> Path:
        """Return where the copy of the file `key` with that content is, or will be."""
        mark = hashlib.sha256(etag.encode()).hexdigest()[:16]
        return self.root / mark / key

    def has(self, path: Path, size: int) -> bool:
        """Whether a whole copy is there; it then counts as used now."""
        try:
            if path.stat().st_size != size:
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def staged(self) -> Path:
        """Return a path for a file that is not whole yet."""
        return self.root / _STAGED / token_hex(16)

    def fill(self, path: Path, write: Callable[[Path], None]) -> None:
        """Have `write` write a copy, and show it at `path`."""
        staged = self.staged()
        try:
            with explained("write", staged):
                write(staged)
            self.take(staged, path)
        finally:
            with suppress(OSError):
                staged.unlink()

    def take(self, staged: Path, path: Path) -> None:
        """Make a whole file at a staged path the copy at `path`."""
        with explained("write", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            staged.replace(path)

    def tidy(self, current: Collection[Path]) -> None:
        """Remove copies of files that the store no longer has and that nobody has used for long. Never raises."""
        keep = set(current)
        now = time.time()
        for folder, _, names in os.walk(self.root):
            staged = Path(folder).name == _STAGED
            for path in (Path(folder, name) for name in names if name != _NOTE):
                with suppress(OSError):
                    age = now - path.stat().st_mtime
                    if age > (_ABANDONED if staged else UNUSED) and path not in keep:
                        path.unlink()
            with suppress(OSError):  # it is in use
                if not staged and Path(folder) != self.root:
                    Path(folder).rmdir()
