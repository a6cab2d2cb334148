"""Digests by the hundred: the common form, sha256, as 32 bytes each."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from indexer.compute import pc

KEY: Final = 32
"""Bytes that stand for a sha256 digest."""
_BLOCK: Final = 5_000
_PREFIX: Final = b"sha256:"
_LENGTH: Final = len(_PREFIX) + 2 * KEY
_CAPITALS: Final = [b"A", b"B", b"C", b"D", b"E", b"F"]


def keys_of(digests: Sequence[str]) -> bytes | None:
    """Return the keys of digests, end to end; None where one of them is no sha256 digest in its one form.

    0.15 microseconds each, where one text after the other takes 0.5.
    """
    if not set(map(len, digests)) <= {_LENGTH}:
        return None
    parts = []
    for start in range(0, len(digests), _BLOCK):  # of 100,000 at once, all the texts in between would take 30 MB
        block = digests[start : start + _BLOCK]
        keys = _keys("".join(block).encode(errors="replace"), len(block))
        if keys is None:
            return None
        parts.append(keys)
    return b"".join(parts)


def keys_of_column(digests: pa.Array) -> bytes | None:
    """Return the same for an array of texts, none of which becomes an object."""
    count = len(digests)
    if not count:
        return b""
    if digests.null_count or pc.min_max(pc.binary_length(digests)).as_py() != {"min": _LENGTH, "max": _LENGTH}:
        return None
    _, offsets, data = digests.buffers()
    begin = memoryview(offsets).cast("i")[digests.offset]
    return _keys(data.slice(begin, count * _LENGTH).to_pybytes(), count)


def _keys(text: bytes, count: int) -> bytes | None:
    """Return the keys of so many texts of the length of a digest, which stand end to end.

    Arrow cuts the prefixes off: a quarter of the time that it takes to look for them.
    """
    if len(text) != count * _LENGTH:  # one of them is not ASCII
        return None
    if any(text[at::_LENGTH] != _PREFIX[at : at + 1] * count for at in range(len(_PREFIX))):
        return None
    if any(capital in text for capital in _CAPITALS):  # unhexlify takes them
        return None
    whole = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_LENGTH), count, [None, pa.py_buffer(text)])
    hexadecimal = pc.binary_slice(whole, options=pc.SliceOptions(len(_PREFIX), _LENGTH)).buffers()[1]
    try:
        return binascii.unhexlify(hexadecimal)
    except ValueError:
        return None
