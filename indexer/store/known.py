"""The set of digests that a store holds, small enough to keep in memory.

A sha256 digest is 32 bytes: the first 8 in one sorted array that is searched, the other 24 beside it, so a million
digests take 32 MB. New ones go to a set first, and into the array when they are many.
"""

from __future__ import annotations

import struct
import sys
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from indexer.flatten import are_sha256

_PREFIX: Final = "sha256:"
_CANONICAL: Final = "^sha256:[0-9a-f]{64}$"
_LENGTH: Final = len(_PREFIX) + 64
_KEY: Final = 32
_HEAD: Final = 8
_TAIL: Final = _KEY - _HEAD
_MIN_MERGE: Final = 65_536


class _Sorted(NamedTuple):
    """Sorted, distinct sha256 keys: `heads` their first 8 bytes as numbers, `tails` the other 24, end to end."""

    heads: array[int]
    tails: bytes

    def tail(self, at: int) -> bytes:
        """The other 24 bytes of the key number `at`."""
        return self.tails[at * _TAIL : (at + 1) * _TAIL]

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, bytes):
            return False
        head, tail = int.from_bytes(key[:_HEAD], "big"), key[_HEAD:]
        at = bisect_left(self.heads, head)
        while at < len(self.heads) and self.heads[at] == head:  # two heads are hardly ever equal
            if self.tail(at) == tail:
                return True
            at += 1
        return False


class Known:
    """A set of digests: `add`, `in`, `len`. Any text can be in it; sha256 digests take 32 bytes each.

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
        keys, others = bytearray(), set()
        for column in columns:
            canonical = pc.match_substring_regex(column, _CANONICAL)
            keys += _keys(column.filter(canonical))
            others.update(column.filter(pc.invert(canonical)).to_pylist())
        known = cls(_sorted(bytes(keys)))
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
        """Add digests; return of each whether it is new. A third of the time of as many calls of `add`."""
        new = []
        with self._lock:
            for digest in digests:
                key = _key(digest)
                held = self._holds(digest, key)
                new.append(not held)
                if not held:
                    if key is None:
                        self._others.add(digest)
                    else:
                        self._fresh.add(key)
            self._merge()
        return new

    def missing(self, digests: Sequence[str]) -> list[bool]:
        """Return of each digest whether it is not in the set. A quarter less time than `in` for each."""
        if not are_sha256(digests):
            return [digest not in self for digest in digests]
        fresh = self._fresh  # first, as in `_holds`
        base = self._base
        count = len(base.heads)
        keys = bytes.fromhex("".join([digest[len(_PREFIX) :] for digest in digests]))
        missing = []
        for at, head in enumerate(struct.unpack(f">{len(keys) // _HEAD}Q", keys)[:: _KEY // _HEAD]):
            key = keys[at * _KEY : (at + 1) * _KEY]
            place = bisect_left(base.heads, head) if count else 0
            held = place < count and base.heads[place] == head and (base.tail(place) == key[_HEAD:] or key in base)
            missing.append(not held and key not in fresh)
        return missing

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
            self._base = _sorted(_joined(self._base) + b"".join(self._fresh))
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


def _keys(digests: pa.Array) -> bytes:
    """Return an array of canonical sha256 digests as bytes, end to end, without a loop over them."""
    if not len(digests):
        return b""
    text = pc.utf8_slice_codeunits(digests, len(_PREFIX)).buffers()[2]
    return bytes.fromhex(text.to_pybytes().decode("ascii"))


def _sorted(keys: bytes) -> _Sorted:
    values = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_KEY), len(keys) // _KEY, [None, pa.py_buffer(keys)])
    values = values.take(pc.sort_indices(values))
    if len(values) > 1:
        repeated = pc.equal(values[1:], values[:-1])
        if pc.any(repeated).as_py():
            values = values.filter(pa.concat_arrays([pa.array([True]), pc.invert(repeated)]))
    heads = array("Q", _bytes(pc.binary_slice(values, 0, _HEAD)))
    if sys.byteorder == "little":
        heads.byteswap()
    return _Sorted(heads, _bytes(pc.binary_slice(values, _HEAD, _KEY)))


def _bytes(values: pa.Array) -> bytes:
    width = values.type.byte_width
    data: bytes = values.buffers()[1].to_pybytes()
    return data[values.offset * width : (values.offset + len(values)) * width]


def _joined(keys: _Sorted) -> bytes:
    heads = array("Q", keys.heads)
    if sys.byteorder == "little":
        heads.byteswap()
    first, rest = heads.tobytes(), keys.tails
    tail = _KEY - _HEAD
    return b"".join(
        part
        for at in range(len(heads))
        for part in (first[at * _HEAD : (at + 1) * _HEAD], rest[at * tail : (at + 1) * tail])
    )
