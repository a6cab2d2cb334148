"""The verbs of a place (`Folder`), on objects in a bucket.

A file is written on this machine first and then put into the bucket in one step, which never replaces another. Reading
goes through copies on this machine. What may be staged in the bucket itself are parts of large files on their way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Final

from indexer.errors import StoreDamaged, StoreError
from indexer.objects import Bucket, Entry, Upload
from indexer.store import layout
from indexer.store.explained import explained
from indexer.store.places import Lock, Share, Staged
from indexer.store.s3.cache import Cache
from indexer.store.s3.lease import Lease, Watched
from indexer.tables import TABLES

_AT_ONCE: Final = 16
_BARRED: Final = b""
_TRIAL: Final = "trial-"


class S3Folder:
    """A store's files in a bucket (`Folder`)."""

    def __init__(self, location: str, bucket: Bucket, cache: Path, token: str = "") -> None:
        self.location = location
        self._bucket = bucket
        self._cache_base = cache
        self._cache = Cache(cache, f"{bucket.where('').rstrip('/')} at {bucket.endpoint}")
        self.root = self._cache.root
        self._lease: Watched | None = Watched(bucket, location, token) if token else None
        self._seen: dict[str, dict[str, Entry]] = {}
        self._uploads: dict[str, list[Upload]] = {}
        self._tidied = False

    def where(self, key: str) -> str:
        return self._bucket.where(key)

    def names(self, folder: str) -> list[str]:
        if folder == layout.STAGING:
            return self._staged_names()
        entries, _ = self._bucket.listing(f"{folder}/")
        # An object without content bars a name (see `bar`): it is no file.
        self._seen[folder] = {entry.name: entry for entry in entries if entry.size}
        return sorted(self._seen[folder])

    def _staged_names(self) -> list[str]:
        """Return the names that uploads on their way would be staged under in a folder."""
        self._uploads = {}
        for upload in self._bucket.uploads():
            name = layout.staged_key(upload.key).removeprefix(f"{layout.STAGING}/")
            self._uploads.setdefault(name, []).append(upload)
        return sorted(self._uploads)

    def read(self, key: str) -> bytes | None:
        found = self._bucket.get(key)
        return None if found is None else found.body

    def path(self, key: str) -> Path:
        return self.paths([key])[0]

    def paths(self, keys: Sequence[str]) -> tuple[Path, ...]:
        wanted = [(key, self._entry(key)) for key in keys]
        paths = tuple(self._cache.path(key, entry.etag) for key, entry in wanted)
        missing = [
            (key, entry, path)
            for (key, entry), path in zip(wanted, paths, strict=True)
            if not self._cache.has(path, entry.size)
        ]
        if missing:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="s3") as pool:
                for done in [pool.submit(self._bring, *each) for each in missing]:
                    done.result()
        self._tidy()
        return paths

    def _bring(self, key: str, entry: Entry, path: Path) -> None:
        self._cache.fill(path, lambda staged: self._bucket.download(key, entry.etag, staged))

    def _entry(self, key: str) -> Entry:
        folder, _, name = key.rpartition("/")
        if name not in self._seen.get(folder, {}):
            self.names(folder)
        try:
            return self._seen[folder][name]
        except KeyError:
            raise StoreDamaged(f"{self.where(key)} is missing. Restore it from a backup") from None

    def _tidy(self) -> None:
        """Once, and only when every table was listed: what is in none of them has gone from the store."""
        if self._tidied or not set(TABLES) <= set(self._seen):
            return
        self._tidied = True
        self._cache.tidy(
            {
                self._cache.path(f"{folder}/{entry.name}", entry.etag)
                for folder, entries in self._seen.items()
                for entry in entries.values()
            }
        )

    def stage(self, key: str) -> Staged:
        return _S3File(self, key)

    def put(self, key: str, staged: Path) -> None:
        """Put a whole file into the bucket and keep it as the copy of itself."""
        size = staged.stat().st_size
        with staged.open("rb") as file:
            etag = self._bucket.put_file(key, file, size, check=self._fence)
        if etag is None:
            raise StoreError(
                f"{self.where(key)} exists already, or was barred by another writer; files of a store never change"
            )
        folder, _, name = key.rpartition("/")
        self._seen.setdefault(folder, {})[name] = Entry(name, size, etag)
        self._cache.take(staged, self._cache.path(key, etag))

    def put_over(self, key: str, staged: Path) -> None:
        """Put a small file into the bucket in place of the one that is there."""
        found = self._bucket.get(key)
        self._fence()
        if self._bucket.put(key, staged.read_bytes(), etag=None if found is None else found.etag) is None:
            raise StoreError(f"{self.where(key)} was changed by another writer meanwhile. Run the command again")
        staged.unlink()

    def staged(self) -> Path:
        """Return a path on this machine for a file that is not whole yet."""
        return self._cache.staged()

    def remove(self, key: str) -> None:
        folder, _, name = key.rpartition("/")
        if folder == layout.STAGING:
            self._fence()
            for upload in self._uploads.pop(name, ()):
                self._bucket.abort(upload)
            return
        self._bucket.remove(key, check=self._fence)
        self._seen.get(folder, {}).pop(name, None)

    def _fence(self) -> None:
        """Raise StoreError where the lock is no longer ours, right before anything in the bucket is changed."""
        if self._lease is None:
            raise StoreError("this process does not hold the store's lock")
        self._lease.check()

    def bar(self, key: str) -> bool:
        # A writer that lost the lock cannot know it while its last request is on its way. What it commits is put only
        # where nothing is: an object without content in that place makes the commit impossible, whenever it arrives.
        self._fence()
        return self._bucket.put(key, _BARRED) is not None or self._bucket.size_of(key) == 0

    def stranger(self) -> str | None:
        entries, folders = self._bucket.listing("")
        names = [entry.name for entry in entries if entry.name != layout.LOCK_FILE]
        found = min([*names, *folders], default=None)
        # A trial that was not allowed to remove what it wrote is no reason to refuse the place for good.
        if found == layout.STAGING and not names and set(folders) == {layout.STAGING}:
            tried, deeper = self._bucket.listing(f"{layout.STAGING}/")
            return None if not deeper and all(_is_trial(entry.name) for entry in tried) else found
        return found

    def try_writing(self) -> None:
        key = f"{layout.STAGING}/{_TRIAL}{token_hex(8)}"
        self._bucket.uploads()
        self._bucket.put(key, b"can this be written?\n")
        self._bucket.remove(key)

    def make(self) -> None:
        """Nothing: a bucket is somebody's, with a region, rights and rules, and there are no folders in it."""

    def prepare(self) -> None:
        """Nothing, as above."""

    def unmake(self) -> None:
        """Nothing: a lease may be lost, and what is removed then could be somebody's."""

    def lock(self, command: str, since: datetime) -> Lock:
        lease = Lease(self._bucket, self.location, command, since)
        self._lease = lease
        return lease

    def share(self, lock: Lock) -> Share:
        if not lock.held:
            raise StoreError("this process does not hold the store's lock")
        return Share(self.location, lock.descriptors, lock.token, self._cache_base)


def _is_trial(name: str) -> bool:
    return name.startswith(_TRIAL)


class _S3File:
    """A staged file of an `S3Folder`: on this machine, until it is published."""

    def __init__(self, folder: S3Folder, key: str) -> None:
        self._folder = folder
        self._key = key
        self._path = folder.staged()
        # A fork shares the descriptor: only the process that opened it may write through it.
        self._owner = os.getpid()
        self.closed = False
        self._abandoned = False
        with explained("write", self._path):
            self._file = self._path.open("xb")

    def write(self, data: bytes) -> int:
        if self._abandoned or os.getpid() != self._owner:
            return len(data)
        with explained("write", self._path):
            return self._file.write(data)

    def flush(self) -> None:
        """Nothing: only `publish` makes anything visible."""

    def publish(self, *, over: bool = False) -> None:
        with explained("write", self._path):
            self.closed = True
            self._file.close()
        if over:
            self._folder.put_over(self._key, self._path)
        else:
            self._folder.put(self._key, self._path)

    def abandon(self) -> None:
        self._abandoned = True
        if os.getpid() != self._owner:
            return
        self.closed = True
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):  # it is the copy now, or is removed with the next tidying
            self._path.unlink()
