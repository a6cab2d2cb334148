"""Whether a run could write to a store, found without leaving anything behind."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from indexer.errors import StoreError, StoreMissing
from indexer.store import layout
from indexer.store.explained import explained
from indexer.store.store import Store


def try_writing(location: str | Path) -> str:
    """Write a file where the store is, or would be, and remove it; return what was found, in words.

    Raises what a run would: UsageError for a folder that holds something else, StoreError where nothing can be written.
    """
    folder = Path(location).absolute()
    try:
        runs = len(Store.open(location).files().tables["runs"])
    except StoreMissing:
        place = _nearest(folder)
        _write(place)
        return f"{location} can be written; the first run makes it ({_free(place)})"
    for name in ("", layout.STAGING, "runs", "manifests"):
        _write(folder / name)
    return f"{location} can be written, has {runs:,} committed run{'' if runs == 1 else 's'} ({_free(folder)})"


def _nearest(folder: Path) -> Path:
    """Return the folder itself, or the first of its parents that is there."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return place
        if place.exists():
            raise StoreError(f"Cannot make {folder}: {place} is a file. Name another store.")
    raise StoreError(f"Cannot make {folder}: none of its parents is there.")


def _write(folder: Path) -> None:
    with explained("write to", folder), tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"can this be written?\n")
        file.flush()


def _free(folder: Path) -> str:
    return f"{shutil.disk_usage(folder).free / 2**30:,.1f} GiB free"
