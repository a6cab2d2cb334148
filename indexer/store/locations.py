"""From a store's location, as people write it, to the folder that keeps its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from indexer.errors import UsageError
from indexer.store.files import Disk, LocalFolder
from indexer.store.places import Folder, Share

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def folder_at(location: str | Path, *, disk: Disk | None = None, cache: Path | None = None) -> Folder:  # noqa: ARG001 - for stores elsewhere
    """Return the folder at `location`; UsageError for a kind of place that is not supported."""
    text = str(location)
    if not text:
        raise UsageError("The store's path is empty: name a folder.")
    if scheme := _SCHEME.match(text):
        raise UsageError(f"A store at {scheme.group()} is not supported in this version: name a folder, not {text}")
    return LocalFolder(location, disk or Disk())


def folder_of(share: Share) -> Folder:
    """Return the folder for a process that writes for the holder of the store's lock."""
    return LocalFolder(share.location, Disk())
