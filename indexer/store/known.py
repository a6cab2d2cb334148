"""The set of digests that a store holds, small enough to keep in memory.

A sha256 digest is 32 bytes, sorted, and its first 8 once more as numbers that are searched: a million digests take
40 MB. New ones go to a set first, and among the sorted when they are many.
"""

from __future__ import annotations

import sys
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import pyarrow as pa

from indexer.compute import pc
from indexer.digests import KEY, keys_of, keys_of_column

_PREFIX: Final = "sha256:"
_CANONICAL: Final = "^sha256:[0-9a-f]{64}$"
_LENGTH: Final = len(_PREFIX) + 64
_HEAD: Final = 8
_MIN_MERGE: Final = 65_536
_FEW: Final = 50
"""Digests that are looked up one by one: Arrow takes 0.15 ms, however few they are."""


class _Sorted(NamedTuple):
    """Sorted, distinct sha256 keys: `keys` end to end, `heads` the first 8 bytes of each as numbers.

    Without these 8 in `keys` too, those to be looked for would have to be cut for the comparison: a fiftieth of a night
    without news.
    """

    heads: array[int]
    keys: bytes

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, bytes):
            return False
        head = int.from_bytes(key[:_HEAD], "big")
        at = bisect_left(self.heads, head)
        while at < len(self.heads) and self.heads[at] == head:  # two heads are hardly ever equal
            if self.keys[at * KEY : (at + 1) * KEY] == key:
                return True
            at += 1
        return False

    def lacking(self, keys: bytes) -> list[bool]:
        """Return of each of the keys, which stand end to end, whether it is not here."""
        mine, whole, count = _numbers(self.heads), _fixed(self.keys), len(keys) // KEY
        if not len(mine):
            return [True] * count
        heads, wanted = _numbers(_heads(keys)), _fixed(keys)
        places = _places(mine, heads)
        with suppress(pa.ArrowIndexError):  # one stands after the last
            # All are here, as nearly always in a nightly run.
            if pc.take(whole, places).equals(wanted):
                return [False] * count
        places = pc.min_element_wise(places, pa.scalar(len(mine) - 1, pa.uint64()))
        same_head = pc.equal(pc.take(mine, places), heads)
        held = pc.equal(pc.take(whole, places), wanted)
        if held.true_count == same_head.true_count:
            lacking: list[bool] = pc.invert(held).to_pylist()
            return lacking
        return [key not in self for key in _cut(keys)]  # two heads are hardly ever equal


class Known:
    """A set of digests: `add`, `in`, `len`. Any text can be in it; sha256 digests take 40 bytes each.

    Safe to ask and to add to from several threads.
    """

    def __init__(self, base: _Sorted | None = None) -> None:
        self._base = base or _Sorted(array("Q"), b"")
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
        known = cls(_sorted(b"".join(parts)))
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
            cut = None if keys is None else _cut(keys)
            if cut is None or not self._add_new(cut, keys or b""):
                new = [self._add(digest) for digest in digests]
            else:
                new = [True] * len(digests)
            self._merge()
        return new

    def _add_new(self, keys: Sequence[bytes], together: bytes) -> bool:
        """Add keys that are all new; False, and nothing is done, where one is not."""
        new = set(keys)
        if len(new) < len(keys) or not new.isdisjoint(self._fresh) or not all(self._base.lacking(together)):
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

        For some hundred of them a fifth of a microsecond each, where `in` takes 1.5. `keys` are those of the digests
        (`indexer.digests`), where they are known to be of the common form; the digests are not looked at then.
        """
        keys = keys_of(digests) if keys is None else keys
        if keys is None:
            return [digest not in self for digest in digests]
        fresh = self._fresh  # first, as in `_holds`
        missing = self._base.lacking(keys)
        if not fresh:
            return missing
        return [lacks and key not in fresh for lacks, key in zip(missing, _cut(keys), strict=True)]

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, str) and self._holds(digest, _key(digest))

    def __len__(self) -> int:
        with self._lock:
            return len(self._base.heads) + len(self._fresh) + len(self._others)

    def _holds(self, digest: str, key: bytes | None) -> bool:
        # The fresh ones first: a merge puts them into the base before it takes them out here.
        if key is None:
            return digest in self._others
        return key in self._fresh or (len(self._base.heads) > 0 and key in self._base)

    def _merge(self) -> None:
        # Growing with the base keeps the number of merges, and so the work for each digest, small.
        if len(self._fresh) >= max(_MIN_MERGE, len(self._base.heads) // 2):
            self._base = _both(self._base, _sorted(b"".join(self._fresh)))
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


def _sorted(keys: bytes) -> _Sorted:
    values = _fixed(keys)
    numbers = _numbers(_heads(keys))
    order = pc.array_sort_indices(numbers)  # a third of the time that whole keys take
    values, numbers = pc.take(values, order), pc.take(numbers, order)
    if len(values) > 1 and pc.any(pc.equal(numbers[1:], numbers[:-1])).as_py():
        values = _distinct(values)
    together = _bytes(values)
    return _Sorted(_heads(together), together)


def _both(one: _Sorted, other: _Sorted) -> _Sorted:
    """Return the keys of two that have none in common."""
    numbers = pa.concat_arrays([_numbers(one.heads), _numbers(other.heads)])
    keys = pa.concat_arrays([_fixed(one.keys), _fixed(other.keys)])
    order = pc.array_sort_indices(numbers)
    return _Sorted(array("Q", _bytes(pc.take(numbers, order))), _bytes(pc.take(keys, order)))


def _distinct(values: pa.Array) -> pa.Array:
    values = pc.take(values, pc.array_sort_indices(values))
    return pc.filter(values, pa.concat_arrays([pa.array([True]), pc.not_equal(values[1:], values[:-1])]))


def _cut(keys: bytes) -> list[bytes]:
    return [keys[at : at + KEY] for at in range(0, len(keys), KEY)]


def _fixed(keys: bytes) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(KEY), len(keys) // KEY, [None, pa.py_buffer(keys)])


def _bytes(values: pa.Array) -> bytes:
    width = values.type.bit_width // 8
    data: bytes = values.buffers()[1].slice(values.offset * width, len(values) * width).to_pybytes()
    return data


def _heads(keys: bytes) -> array[int]:
    heads = array("Q", keys)[:: KEY // _HEAD]
    if sys.byteorder == "little":
        heads.byteswap()
    return heads


def _numbers(heads: array[int]) -> pa.Array:
    return pa.UInt64Array.from_buffers(pa.uint64(), len(heads), [None, pa.py_buffer(heads)])


def _places_one_by_one(heads: pa.Array, wanted: pa.Array) -> pa.Array:
    found = map(partial(bisect_left, memoryview(heads.buffers()[1]).cast("Q")), wanted.to_pylist())
    return pa.array(found, pa.uint64())


def _places(heads: pa.Array, wanted: pa.Array) -> pa.Array:
    """Return where numbers stand, or would, in others that are sorted; pyarrow 26 has what is five times as fast."""
    return getattr(pc, "search_sorted", _places_one_by_one)(heads, wanted)
