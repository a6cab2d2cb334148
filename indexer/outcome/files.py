"""Files that other programs watch: replaced as a whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from indexer.errors import UsageError


def check_writable(path: Path, option: str) -> None:
    """Raise UsageError where a file could not be put at `path` later, as the value of `option`."""
    if path.is_dir():
        raise UsageError(f"{option}: {path} is a folder; name a file in it")
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise UsageError(f"{option}: {path.parent} takes no file: {error.strerror or error}") from error


def replace(path: Path, text: str) -> None:
    """Put a file in the place of the one at `path`, at once; readable for all, as the umask allows. Raises OSError."""
    # Beside it, for a rename that cannot be half done; the name is one that a textfile collector leaves alone.
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        staged.write_text(text, encoding="utf-8")
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
