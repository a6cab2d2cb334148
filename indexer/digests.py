"""Digests by the column: the common form, sha256, as 32 bytes each."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pyarrow as pa

KEY: Final = 32
"""Bytes that stand for a sha256 digest."""
_PREFIX: Final = b"sha256:"
_LENGTH: Final = len(_PREFIX) + 2 * KEY


def keys_of(digests: pa.Array) -> bytes | None:
    """Return the keys of an array of texts, end to end; None where one of them is no sha256 digest in its one form.

    0.2 microseconds for each of some hundred, where one text after the other takes 0.5 without the check.
    """
    import pyarrow as pa  # noqa: PLC0415 - a tenth of a second that --help need not pay
    import pyarrow.compute as pc  # noqa: PLC0415 - as above

    count = len(digests)
    if not count:
        return b""
    if digests.null_count or pc.min_max(pc.binary_length(digests)).as_py() != {"min": _LENGTH, "max": _LENGTH}:
        return None
    # All have one length, so their bytes are also values of a fixed width.
    _, offsets, data = digests.buffers()
    begin = memoryview(offsets).cast("i")[digests.offset]
    values = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_LENGTH), count, [None, data.slice(begin)])
    text = part_of(values, len(_PREFIX), _LENGTH)
    try:
        keys = binascii.unhexlify(text)
    except ValueError:
        return None
    # What is read as hexadecimal may have capitals.
    same = binascii.hexlify(keys) == text and part_of(values, 0, len(_PREFIX)) == _PREFIX * count
    return keys if same else None


def part_of(values: Any, start: int, stop: int) -> bytes:
    """Return a part of each of some values of a fixed width, end to end."""
    import pyarrow.compute as pc  # noqa: PLC0415 - as above

    data: bytes = pc.binary_slice(values, start, stop).buffers()[1].to_pybytes()
    return data[: (stop - start) * len(values)]
