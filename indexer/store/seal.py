"""The seal of a Parquet file: a checksum of the whole of it, in its footer.

Pages have checksums of their own, footers, page headers and Bloom filters have none; a bit that changes there can make
a reader skip rows and say nothing. So the footer's metadata has the SHA-256 of the file, computed with zeros in the
place of the digits themselves. `verify` compares; nothing else reads the whole file. It tells of accidents: whoever
changes a file on purpose can seal it again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final, Protocol

SEAL: Final = "indexer.sha256"
"""The key in the metadata of a file's footer."""
BLANK: Final = "0" * 64
_BEFORE: Final = SEAL.encode() + b"\x18\x40"
"""What stands before the digits: the key, and Thrift's header of a text of 64 bytes (compact protocol, field 2)."""
_BLOCK: Final = 1 << 20
_FOOTER_BYTES: Final = 8
"""The last ones of a file: the length of the footer and the magic word."""


class Sink(Protocol):
    """What takes a file's bytes."""

    def write(self, data: bytes) -> int:
        """Append all of `data`; return its length."""


class Sealing:
    """A file for pyarrow to write to: passes everything on, and the end, in which the seal stands, when it is whole."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self._end: bytearray | None = None

    def write(self, data: bytes) -> int:
        """Append all of `data`; return its length."""
        if self._end is not None:
            self._end += data
            return len(data)
        self._hash.update(data)
        return self._sink.write(data)

    def flush(self) -> None:
        """Do nothing: the sink decides what becomes visible, and when."""

    def begin_end(self) -> None:
        """Hold back what comes from here on: metadata with SEAL and BLANK in it."""
        self._end = bytearray()

    def seal(self) -> None:
        """Put the file's sum into its end, and pass that on."""
        end = self._end or bytearray()
        at = _digits_in(end)
        if at is None:
            raise ValueError("the end of the file has no place for its seal")
        self._hash.update(end)
        end[at : at + len(BLANK)] = self._hash.hexdigest().encode()
        self._end = None
        self._sink.write(bytes(end))


def intact(path: Path) -> bool | None:
    """Whether a file is as it was written; None where it has no seal, as those of earlier versions. Raises OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _FOOTER_BYTES))
        length = int.from_bytes(file.read(_FOOTER_BYTES)[:4], "little") + _FOOTER_BYTES
        start = max(0, size - length)
        file.seek(start)
        end = bytearray(file.read())
        at = _digits_in(end)
        if at is None:
            return None
        said, end[at : at + len(BLANK)] = bytes(end[at : at + len(BLANK)]), BLANK.encode()
        found = hashlib.sha256()
        file.seek(0)
        while start:
            block = file.read(min(_BLOCK, start))
            if not block:
                return False  # it has become shorter meanwhile
            found.update(block)
            start -= len(block)
        found.update(end)
        return found.hexdigest().encode() == said


def _digits_in(end: bytes | bytearray) -> int | None:
    """Return where the digits begin; the last such place: what is before are names and values of the registry's."""
    at = end.rfind(_BEFORE)
    return None if at < 0 or len(end) < at + len(_BEFORE) + len(BLANK) else at + len(_BEFORE)
