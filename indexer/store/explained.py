"""What the operating system's errors mean for a store, and what to do about them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from indexer.errors import StoreError

_ADVICE: Final = {
    errno.ENOSPC: "Free some space there, or move the store",
    errno.EDQUOT: "Free some space there, or raise the quota",
    errno.EFBIG: "A limit on file sizes (ulimit -f) is too low for the store",
    errno.EROFS: "Mount it for writing, or name another store",
    errno.EACCES: "Give this user the right to it, or name another store",
    errno.EPERM: "Give this user the right to it, or name another store",
    errno.EMFILE: "Raise the limit on open files (ulimit -n)",
}


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an OSError into a StoreError that names the path and says what to do."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "Check the path and the file system")
        raise StoreError(f"cannot {doing} {path}: {error.strerror or error}. {advice}") from error
