"""Digests by the hundred: the common form, sha256, as 32 bytes each."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from indexer.compute import pc

if TYPE_CHECKING:
    import pyarrow as pa

KEY: Final = 32
"""Bytes that stand for a sha256 digest."""
_BLOCK: Final = 5_000
_PREFIX: Final = b"sha256:"
_HEXADECIMAL: Final = 2 * KEY
_LENGTH: Final = len(_PREFIX) + _HEXADECIMAL


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

    If no more than hexadecimal digits is left where `sha256:` is taken out, every s was the beginning of one; and where
    as many were taken out as there are texts, and each text begins with an s, each text begins with one.
    """
    hexadecimal = text.replace(_PREFIX, b"")
    if len(hexadecimal) != count * _HEXADECIMAL or text[::_LENGTH] != b"s" * count:
        return None
    try:
        keys = binascii.unhexlify(hexadecimal)
    except ValueError:
        return None
    return keys if binascii.hexlify(keys) == hexadecimal else None  # unhexlify takes capitals too
