"""The set of digests that a store holds, small enough to keep in memory.

What a store has when it is opened takes 71 bytes a digest (`indexer.store.standing`), what is added 44
(`indexer.store.keys`): that goes to a set first, and to the others when it is much.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Final

import pyarrow as pa

from indexer.compute import pc
from indexer.digests import KEY, LENGTH, key_of, keys_of, keys_of_column, text_of, text_of_column
from indexer.store.keys import NO_KEYS, Keys, cut
from indexer.store.standing import Standing

_CANONICAL: Final = "^sha256:[0-9a-f]{64}$"
_MIN_MERGE: Final = 65_536
_BLOCK: Final = 5_000
_FEW: Final = 50
"""Digests that are looked up one by one: Arrow takes 0.15 ms, however few they are."""


class Known:
    """A set of digests: `add`, `in`, `len`. Any text can be in it; few bytes are spent on sha256 digests only.

    Safe to ask and to add to from several threads.
    """

    def __init__(self, base: Keys | None = None, standing: Standing | None = None) -> None:
        self._standing = Standing() if standing is None else standing
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
        known = cls(Keys.of(b"".join(parts)).packed())
        known._others = others
        return known

    @classmethod
    def as_they_stand(cls, columns: Iterable[pa.Array]) -> Known:
        """Return the same set of what will be asked for in the order of the arrays (`indexer.store.standing`)."""
        texts: list[str] = []
        others: set[str] = set()
        for column in columns:
            text = text_of_column(column)
            if text is None:
                digests = column.drop_null().to_pylist()
                usual = [len(digest) == LENGTH and digest.isascii() for digest in digests]
                text = "".join(compress(digests, usual))
                others.update(digest for digest, is_usual in zip(digests, usual, strict=True) if not is_usual)
            texts.append(text)
        known = cls(standing=Standing(texts))
        known._others = others
        return known

    def copy(self) -> Known:
        """Return a set of its own; what was read from the store is shared, not copied."""
        with self._lock:
            copy = Known(self._base, self._standing)
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
        if len(new) < len(keys) // KEY or not new.isdisjoint(self._fresh):
            return False
        if not all(self._base.lacking(keys)) or not all(self._standing.lacking_keys(keys)):
            return False
        self._fresh |= new
        return True

    def _add(self, digest: str) -> bool:
        key = key_of(digest)
        if self._holds(digest, key):
            return False
        if key is None:
            self._others.add(digest)
        else:
            self._fresh.add(key)
        return True

    def missing(self, digests: Sequence[str]) -> list[bool]:
        """Return of each digest whether it is not in the set.

        A twentieth of a microsecond each where they stand as they are stored, else half of one; `in` takes 1.5.
        """
        missing: list[bool] = []
        for start in range(0, len(digests), _BLOCK):  # the text of 100,000 would be 7 MB
            block = digests[start : start + _BLOCK]
            text = text_of(block)
            missing += [digest not in self for digest in block] if text is None else self._standing.lacking(text)
        fresh, base = self._fresh, self._base  # in this order, as in `_holds`
        if not (fresh or len(base) or self._others):
            return missing
        keys = keys_of(list(compress(digests, missing)))
        if keys is None:
            return [lacks and digest not in self for lacks, digest in zip(missing, digests, strict=True)]
        newer = iter([lacks and key not in fresh for lacks, key in zip(base.lacking(keys), cut(keys), strict=True)])
        return [lacks and next(newer) for lacks in missing]

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._holds(digest, key_of(digest))

    def __len__(self) -> int:
        with self._lock:
            return len(self._standing) + len(self._base) + len(self._fresh) + len(self._others)

    def _holds(self, digest: str, key: bytes | None) -> bool:
        # The fresh ones first: a merge puts them into the base before it takes them out here.
        newer = digest in self._others if key is None else key in self._fresh or key in self._base
        return newer or self._standing.holds(digest, key)

    def _merge(self) -> None:
        # Growing with the base keeps the number of merges, and so the work for each digest, small.
        if len(self._fresh) >= max(_MIN_MERGE, len(self._base) // 2):
            self._base = self._base.with_others(Keys.of(b"".join(self._fresh)))
            self._fresh = set()
