"""Whether a run could write to a store, found without leaving anything behind."""

from __future__ import annotations

from pathlib import Path

from indexer.errors import StoreFormatError
from indexer.store.locations import folder_at
from indexer.store.store import Store, has_format, refuse_foreign


def try_writing(location: str | Path, *, cache: Path | None = None) -> str:
    """Write something where the store is, or would be, and remove it; return what was found, in words.

    Raises what a reader would: StoreFormatError for something else; and StoreError where nothing can be written.
    """
    folder = folder_at(location, cache=cache)
    if not has_format(folder):
        refuse_foreign(folder, StoreFormatError)
        return f"{location} can be written; the first run makes it{_room(folder.try_writing())}"
    runs = len(Store.open(location, cache=cache).files().runs)
    room = folder.try_writing()
    return f"{location} can be written, has {runs:,} committed run{'' if runs == 1 else 's'}{_room(room)}"


def _room(free: int | None) -> str:
    return "" if free is None else f" ({free / 2**30:,.1f} GiB free)"
