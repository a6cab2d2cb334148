"""From a store's location, as people write it, to the folder that keeps its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from indexer.errors import UsageError
from indexer.store.files import Disk, LocalFolder
from indexer.store.places import Folder, Share

if TYPE_CHECKING:
    from indexer.store.s3.folder import S3Folder

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_S3: Final = "s3://"
# What S3 takes for general purpose buckets and aliases of access points (User Guide, "Bucket naming rules").
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_COLLAPSED: Final = re.compile(r"s3:/[^/]", re.IGNORECASE)


class Address(NamedTuple):
    """A bucket and the prefix of a store in it, without slashes around it; the prefix may be empty."""

    bucket: str
    prefix: str


def folder_at(location: str | Path, *, disk: Disk | None = None, cache: Path | None = None) -> Folder:
    """Return the folder at `location`; UsageError for a kind of place that is not supported, or a malformed one.

    `disk` is every file operation on a folder of this machine; `cache` is where copies of files that are elsewhere
    are kept.
    """
    text = str(location)
    if not text:
        raise UsageError("the store's path is empty: name a folder, or s3://BUCKET/PREFIX")
    if text.startswith(_S3):
        return _in_bucket(text, cache)
    if _COLLAPSED.match(text):
        raise UsageError(f"{text}: a store in a bucket is named as text, s3://BUCKET/PREFIX, and not as a path")
    if scheme := _SCHEME.match(text):
        raise UsageError(
            f"a store at {scheme.group()} is not supported: name a folder or s3://BUCKET/PREFIX, not {text}"
        )
    return LocalFolder(location, disk or Disk())


def folder_of(share: Share) -> Folder:
    """Return the folder for a process that writes for the holder of the store's lock."""
    if share.token:
        return _in_bucket(share.location, share.cache, share.token)
    return LocalFolder(share.location, Disk())


def address(location: str) -> Address:
    """Return the bucket and prefix that `location` names; UsageError for a malformed one."""
    bucket, _, prefix = location.removeprefix(_S3).partition("/")
    if _BUCKET.fullmatch(bucket) is None:
        raise UsageError(f"{location}: {bucket!r} is no name of a bucket. Name the store s3://BUCKET/PREFIX")
    prefix = prefix.removesuffix("/")
    if prefix and any(part in {"", ".", ".."} for part in prefix.split("/")):
        raise UsageError(f"{location}: the parts of a prefix cannot be empty, '.' or '..'")
    return Address(bucket, prefix)


def _in_bucket(location: str, cache: Path | None, token: str = "") -> S3Folder:
    found = address(location)
    from indexer.objects import Bucket, connect  # noqa: PLC0415 - boto3 takes a quarter of a second
    from indexer.store.s3.folder import S3Folder  # noqa: PLC0415 - as above

    return S3Folder(location, Bucket(connect(), *found), cache or _own_cache(), token)


def _own_cache() -> Path:
    """Return this user's folder for what can be had again."""
    return Path("~/.cache/manifest-indexer").expanduser()
