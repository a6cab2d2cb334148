"""Keys of digests (`indexer.digests`), of which it can be told which are there: 44 bytes each, and never changed."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

import pyarrow as pa

from indexer.compute import pc
from indexer.digests import KEY

_HEAD: Final = 8


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys. Of each, once, `heads` has the first 8 bytes as a number, sorted, and `numbers` a place of it in `keys`."""

    keys: bytes
    heads: array[int]
    numbers: array[int]

    @classmethod
    def of(cls, keys: bytes) -> Keys:
        """Return keys that stand end to end; those that are there several times count once."""
        numbers = _arrow(_heads(keys))
        order = pc.array_sort_indices(numbers)  # a third of the time that whole keys take
        heads = pc.take(numbers, order)
        found = cls(keys, *_columns(heads, order))
        alike = pc.equal(heads[1:], heads[:-1]) if len(heads) > 1 else None
        if alike is None or not alike.true_count:  # as nearly always: two heads are hardly ever equal
            return found
        first = pa.array(list(found._are_first(alike.to_pylist())), pa.bool_())
        if first.true_count == len(first):
            return found
        return cls(keys, *_columns(pc.filter(heads, first), pc.filter(order, first)))

    def packed(self) -> Keys:
        """Return these without what is there twice."""
        if len(self) == len(self.keys) // KEY:
            return self
        places = _arrow(self.numbers)
        return Keys.of(_bytes(pc.take(_fixed(self.keys), pc.take(places, pc.array_sort_indices(places)))))

    def __len__(self) -> int:
        return len(self.heads)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, bytes) and self.number(key) is not None

    def with_others(self, others: Keys) -> Keys:
        """Return these and others, none of which is here."""
        heads = pa.concat_arrays([_arrow(self.heads), _arrow(others.heads)])
        before = len(self.keys) // KEY
        numbers = pa.concat_arrays(
            [_arrow(self.numbers), pc.add(_arrow(others.numbers), pa.scalar(before, pa.uint32()))]
        )
        order = pc.array_sort_indices(heads)
        return Keys(self.keys + others.keys, *_columns(pc.take(heads, order), pc.take(numbers, order)))

    def number(self, key: bytes) -> int | None:
        """Return a place of a key in `keys`."""
        head = int.from_bytes(key[:_HEAD], "big")
        at = bisect_left(self.heads, head)
        while at < len(self.heads) and self.heads[at] == head:
            number = self.numbers[at]
            if self.keys[number * KEY : (number + 1) * KEY] == key:
                return number
            at += 1
        return None

    def lacking(self, keys: bytes) -> list[bool]:
        """Return of each of the keys, which stand end to end, whether it is not here: half a microsecond for each."""
        if not len(self):
            return [True] * (len(keys) // KEY)
        heads, wanted = _arrow(_heads(keys)), _fixed(keys)
        places = _places(_arrow(self.heads), heads)
        places = pc.min_element_wise(places, pa.scalar(len(self) - 1, pa.uint64()))  # one may stand after the last
        same_head = pc.equal(pc.take(_arrow(self.heads), places), heads)
        held = pc.equal(pc.take(_fixed(self.keys), pc.take(_arrow(self.numbers), places)), wanted)
        if held.true_count == same_head.true_count:
            lacking: list[bool] = pc.invert(held).to_pylist()
            return lacking
        return [key not in self for key in cut(keys)]  # two heads are hardly ever equal

    def _are_first(self, alike: Iterable[bool]) -> Iterator[bool]:
        """Yield of each of `heads`, of which `alike` says whether the next is equal, whether its key is a new one."""
        seen: set[bytes] = set()
        for number, is_like_the_last in zip(self.numbers, chain([False], alike), strict=True):
            if not is_like_the_last:
                seen = set()
            key = self.keys[number * KEY : (number + 1) * KEY]
            yield key not in seen
            seen.add(key)


def cut(keys: bytes) -> list[bytes]:
    """Return keys that stand end to end one by one."""
    return [keys[at : at + KEY] for at in range(0, len(keys), KEY)]


def _columns(heads: pa.Array, numbers: pa.Array) -> tuple[array[int], array[int]]:
    small = pc.cast(numbers, options=pc.CastOptions.safe(pa.uint32()))
    return array("Q", _bytes(heads)), array("I", _bytes(small))


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


def _arrow(values: array[int]) -> pa.Array:
    kind = pa.uint64() if values.typecode == "Q" else pa.uint32()
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _places_one_by_one(heads: pa.Array, wanted: pa.Array) -> pa.Array:
    found = map(partial(bisect_left, memoryview(heads.buffers()[1]).cast("Q")), wanted.to_pylist())
    return pa.array(found, pa.uint64())


def _places(heads: pa.Array, wanted: pa.Array) -> pa.Array:
    """Return where numbers stand, or would, in others that are sorted; pyarrow 26 has what is five times as fast."""
    return getattr(pc, "search_sorted", _places_one_by_one)(heads, wanted)


NO_KEYS: Final = Keys(b"", array("Q"), array("I"))
