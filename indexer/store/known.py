"""The set of digests that a store holds, small enough to keep in memory.

A sha256 digest takes 44 bytes (`indexer.store.keys`). New ones go to a set first, and to the others when they are many.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

from indexer.compute import pc
from indexer.digests import KEY, keys_of, keys_of_column
from indexer.store.keys import NO_KEYS, Keys, cut

_PREFIX: Final = "sha256:"
_CANONICAL: Final = "^sha256:[0-9a-f]{64}$"
_LENGTH: Final = len(_PREFIX) + 64
_MIN_MERGE: Final = 65_536
_FEW: Final = 50
"""Digests that are looked up one by one: Arrow takes 0.15 ms, however few they are."""


class Known:
    """A set of digests: `add`, `in`, `len`. Any text can be in it; sha256 digests take 44 bytes each.

    Safe to ask and to add to from several threads.
    """

    def __init__(self, base: Keys | None = None) -> None:
        self._base = NO_KEYS if base is None else base
        self._fresh: set[bytes] = set()
        self._others: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, columns: Iterable[pa.Array]) -> Known:
        """Return the set of the digests in Arrow string arrays."""
        parts, others = [], set()
        for column in columns:
            keys = keys_of_column(column)
            if keys is None:
                canonical = pc.match_substring_regex(column, options=pc.MatchSubstringOptions(_CANONICAL))
                keys = keys_of_column(pc.filter(column, canonical)) or b""
                others.update(pc.filter(column, pc.invert(canonical)).to_pylist())
            parts.append(keys)
        known = cls(Keys.of(b"".join(parts)))
        known._others = others
        return known

    def copy(self) -> Known:
        """Return a set of its own; what was read from the store is shared, not copied."""
        with self._lock:
            copy = Known(self._base)
            copy._fresh, copy._others = set(self._fresh), set(self._others)
            return copy

    def add(self, digest: str) -> bool:
        """Add a digest; return whether it is new."""
        return self.add_all([digest])[0]

    def add_all(self, digests: Iterable[str]) -> list[bool]:
        """Add digests; return of each whether it is new. A sixth of the time of as many calls of `add`."""
        digests = list(digests)
        keys = keys_of(digests) if len(digests) >= _FEW else None
        with self._lock:
            # That all are new, and each there once, is so nearly always.
            if keys is None or not self._add_new(keys):
                new = [self._add(digest) for digest in digests]
            else:
                new = [True] * len(digests)
            self._merge()
        return new

    def _add_new(self, keys: bytes) -> bool:
        """Add keys that are all new; False, and nothing is done, where one is not."""
        new = set(cut(keys))
        if len(new) < len(keys) // KEY or not new.isdisjoint(self._fresh) or not all(self._base.lacking(keys)):
            return False
        self._fresh |= new
        return True

    def _add(self, digest: str) -> bool:
        key = _key(digest)
        if self._holds(digest, key):
            return False
        if key is None:
            self._others.add(digest)
        else:
            self._fresh.add(key)
        return True

    def missing(self, digests: Sequence[str], keys: bytes | None = None) -> list[bool]:
        """Return of each digest whether it is not in the set.

        For some hundred of them at most half a microsecond each, where `in` takes 1.5, and less where they stand as
        they are stored (`indexer.store.keys`). `keys` are those of the digests (`indexer.digests`), where they are
        known to be of the common form; the digests are not looked at then.
        """
        keys = keys_of(digests) if keys is None else keys
        if keys is None:
            return [digest not in self for digest in digests]
        fresh = self._fresh  # first, as in `_holds`
        missing = self._base.lacking(keys)
        if not fresh:
            return missing
        return [lacks and key not in fresh for lacks, key in zip(missing, cut(keys), strict=True)]

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._holds(digest, _key(digest))

    def __len__(self) -> int:
        with self._lock:
            return len(self._base) + len(self._fresh) + len(self._others)

    def _holds(self, digest: str, key: bytes | None) -> bool:
        # The fresh ones first: a merge puts them into the base before it takes them out here.
        if key is None:
            return digest in self._others
        return key in self._fresh or key in self._base

    def _merge(self) -> None:
        # Growing with the base keeps the number of merges, and so the work for each digest, small.
        if len(self._fresh) >= max(_MIN_MERGE, len(self._base) // 2):
            self._base = self._base.with_others(Keys.of(b"".join(self._fresh)))
            self._fresh = set()


def _key(digest: str) -> bytes | None:
    """Return a sha256 digest as 32 bytes, None for any other text."""
    if len(digest) != _LENGTH or not digest.startswith(_PREFIX):
        return None
    text = digest[len(_PREFIX) :]
    try:
        key = bytes.fromhex(text)
    except ValueError:
        return None
    return key if key.hex() == text else None  # fromhex also takes capitals and spaces
