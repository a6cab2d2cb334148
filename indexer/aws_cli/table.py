"""The table output: boxes within boxes, a section for each object or list of the answer.

"Table output format", AWS CLI user guide. Where the table would be wider than the terminal, a section with one row
shows its columns as rows. Ambiguous and wide East Asian characters take two columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from unicodedata import east_asian_width

_VALUE: Final = "\x1b[1m\x1b[34m"
_EDGE: Final = "\x1b[2m\x1b[33m"
_RESET: Final = "\x1b[0m"
_PADDING: Final = 4
_BORDER: Final = 2


def table(title: str, found: Any, *, width: int, color: bool) -> str:
    """Return `found` as a table headed `title`; nothing where nothing was found.

    Raises TypeError, ValueError or AttributeError for a shape that is no table, as the AWS CLI does.
    """
    sections = _Sections()
    if not sections.build(title, found, 0):
        return ""
    return "".join(_drawn(sections.all, width, color=color))


def columns_of(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return sum(2 if east_asian_width(char) in {"W", "F", "A"} else 1 for char in text)


@dataclass
class _Section:
    """A box: its title, the names of its columns, its rows."""

    title: str | None
    depth: int
    headers: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    widest: list[int] = field(default_factory=list)
    columns: int | None = None

    def head(self, headers: list[str]) -> None:
        self._widen(headers)
        self.columns = len(headers)
        self.headers = headers

    def add(self, row: Sequence[Any]) -> None:
        if self.columns is None:
            self.columns = len(row)
        if len(row) != self.columns:
            raise ValueError(f"Row should have {self.columns} elements, instead it has {len(row)}")
        words = [str(value) for value in row]
        self.rows.append(words)
        self._widen(words)

    def _widen(self, words: Sequence[str]) -> None:
        widths = [columns_of(word) for word in words]
        self.widest = [max(pair) for pair in zip(self.widest, widths, strict=True)] if self.widest else widths

    @property
    def width(self) -> int:
        """Columns that the box needs, with those around it."""
        cells = sum(self.widest) + _PADDING * len(self.widest)
        return _BORDER + 2 * self.depth + max(columns_of(str(self.title)), cells)

    def widths(self, width: int) -> list[int]:
        """The columns' widths, stretched to fill `width`; what rounding leaves over goes to the last ones."""
        wanted = [widest + _PADDING for widest in self.widest]
        if not wanted:
            return []
        scale = width / sum(wanted)
        scaled = [round(scale * want) for want in wanted]
        while (over := sum(scaled) - width) != 0:
            step = -1 if over > 0 else 1
            order = range(len(scaled)) if over > 0 else range(len(scaled) - 1, -1, -1)
            for place in order[: abs(over)]:
                scaled[place] += step
        return scaled

    def upright(self) -> _Section:
        """The section with its columns as rows, where it has one row under headers."""
        if len(self.rows) != 1 or not self.headers:
            return self
        turned = _Section(self.title, self.depth)
        for pair in zip(self.headers, self.rows[0], strict=True):
            turned.add(pair)
        return turned


class _Sections:
    """The sections of an answer, in the order in which they are drawn."""

    def __init__(self) -> None:
        self.all: list[_Section] = []

    def build(self, title: str | None, found: Any, depth: int) -> bool:
        """Add what shows `found`; whether there is anything to show. Without a title it goes on in the last section."""
        if not found:
            return False
        if title is not None:
            self.all.append(_Section(title, depth))
        if isinstance(found, list):
            self._list(title, found, depth)
        elif isinstance(found, dict):
            self._object(found, depth)
        return True

    def _list(self, title: str | None, found: Sequence[Any], depth: int) -> None:
        if isinstance(found[0], dict):
            self._objects(title, found, depth)
            return
        for item in found:
            if _scalar(item):
                self.all[-1].add([item])
            elif all(_scalar(value) for value in item):
                self.all[-1].add(list(item))
            else:
                self.build(None, item, 0)

    def _object(self, found: Mapping[str, Any], depth: int) -> None:
        own, nested = _keys([found])
        if len(own) == 1:
            self.all[-1].add([own[0], found[own[0]]])
        elif own:
            self.all[-1].head(own)
            self.all[-1].add([found[key] for key in own])
        for key in nested:
            self.build(key, found[key], depth + 1)

    def _objects(self, title: str | None, found: Sequence[Mapping[str, Any]], depth: int) -> None:
        own, nested = _keys(found)
        self.all[-1].head(own)
        for number, item in enumerate(found):
            if number and nested:
                self.all.append(_Section(title, depth))
                self.all[-1].head(own)
            self.all[-1].add([item.get(key, "") for key in own])
            for key in nested:
                if key in item:
                    self.build(key, item[key], depth + 1)


def _keys(items: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The keys of values that fit a cell, and of those that need a section, both in order."""
    fitting = {key for item in items for key in item if _scalar(item[key])}
    nested = {key for item in items for key in item if not _scalar(item[key])}
    return sorted(fitting), sorted(nested)


def _scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _drawn(sections: Sequence[_Section], terminal: int, *, color: bool) -> Iterator[str]:
    # The AWS CLI writes a line in pieces, and with colours on resets them after each.
    reset = _RESET if color else ""
    width = max(section.width for section in sections)
    if width > terminal:
        sections = [section.upright() for section in sections]
        width = max(section.width for section in sections)
    yield f"{'-' * width}\n{reset}"
    for section in sections:
        edge = (f"{_EDGE}|{_RESET}" if color else "|") * section.depth
        for line in _lines(section, width - 2 * section.depth, color=color):
            yield f"{edge}{reset}{line}{reset}{edge}{reset}\n{reset}"


def _lines(section: _Section, width: int, *, color: bool) -> Iterator[str]:
    if section.title:
        yield _centered(section.title, width, "|")
        if not section.headers and not section.rows:
            yield f"+{'-' * (width - 2)}+"
    widths = section.widths(width)
    rule = "+" + "".join("-" * (column - 1 - (not number)) + "+" for number, column in enumerate(widths))
    if section.headers:
        yield rule
        yield "".join(_centered(*cell) for cell in zip(section.headers, widths, _edges(), strict=False))
    if section.rows and widths:
        yield rule
        for row in section.rows:
            yield "".join(_aligned(*cell, color=color) for cell in zip(row, widths, _edges(), strict=False))
        yield rule


def _edges() -> Iterator[str]:
    """The left edges of a row's cells: only the first has one, the others have their neighbour's."""
    yield "|"
    while True:
        yield ""


def _centered(text: str, length: int, left: str) -> str:
    before = left + " " * (length // 2 - columns_of(text) // 2 - 1)
    return f"{before}{text}{' ' * (length - 1 - len(before) - columns_of(text))}|"


def _aligned(text: str, length: int, left: str, *, color: bool) -> str:
    taken = columns_of(text)
    padding = 2 if taken + 2 + len(left) + 1 <= length else 0
    rest = " " * (length - len(left) - padding - taken - 1)
    shown = f"{_VALUE}{text}{_RESET}" if color else text
    return f"{left}{' ' * padding}{shown}{rest}|"
