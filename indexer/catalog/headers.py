"""The header of an .sql file: what it answers and what it needs, as comments that a program can read.

    -- question: Which layers are used by the most manifests?
    -- caveat: Sizes are compressed bytes as manifests give them.
    -- parameter: limit integer = 20 : rows at most
    -- empty: No image in the store has a layer.

The header is the run of lines that start with `--`, from the first line on; each is `-- key: value`. Comments further
down are free. A line that breaks this is an error, so that a mistyped key cannot hide a caveat.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from indexer.errors import QueryError

_COLUMN = re.compile(r"([a-z_]+) : (\S.*)")
_LINE = re.compile(r"-- ([a-z]+): (\S.*)")


class HeaderLine(NamedTuple):
    """One line of a header; `number` counts from 1."""

    number: int
    key: str
    value: str


class Header:
    """The header of the file at `path`, read strictly.

    `keys` are those a line may have. Raises QueryError, with file and line, for any other line.
    """

    def __init__(self, path: Path, text: str, keys: Collection[str]) -> None:
        self.path = path
        self._lines: list[HeaderLine] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.startswith("--"):
                break
            self._lines.append(self._read(number, line, keys))

    def all(self, key: str) -> list[HeaderLine]:
        """The lines with `key`, in order."""
        return [line for line in self._lines if line.key == key]

    def one(self, key: str) -> str:
        """The value of the only line with `key`; QueryError where there is none, or a second one."""
        lines = self.all(key)
        if not lines:
            raise QueryError(f"{self.path}: the header has no '-- {key}: ...' line; it needs exactly one")
        if len(lines) > 1:
            raise self.wrong(lines[1].number, f"a second '-- {key}:' line; there may be only one")
        return lines[0].value

    def wrong(self, number: int, what: str) -> QueryError:
        """An error about line `number` of this file."""
        return QueryError(f"{self.path}:{number}: {what}")

    def _read(self, number: int, line: str, keys: Collection[str]) -> HeaderLine:
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise self.wrong(number, f"expected '-- key: value' in the header, found {line.rstrip()!r}")
        if match[1] not in keys:
            raise self.wrong(number, f"unknown key '{match[1]}' in the header; known are {', '.join(sorted(keys))}")
        return HeaderLine(number, match[1], match[2])


def read_columns(header: Header) -> dict[str, str]:
    """Return what the `-- column: name : description` lines say; QueryError, with file and line, for any other form."""
    columns: dict[str, str] = {}
    for line in header.all("column"):
        match = _COLUMN.fullmatch(line.value)
        if match is None:
            raise header.wrong(line.number, f"expected 'name : description', found {line.value!r}")
        columns[match[1]] = match[2]
    return columns


def read_text(path: Path) -> str:
    """Return the text of the file at `path`; QueryError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryError(f"{path}: cannot be read: {error}") from error
