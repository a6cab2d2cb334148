"""Rows as a table for people, made to fit: in a terminal of any width, in a pipe, in Markdown.

In a terminal nothing is cut off in the middle. What does not fit is made room for in this order: columns that say the
same in every row are said once, above; long texts wrap; a few rows are turned, names from top to bottom; of many rows
the last columns are left out, by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.cli.cells import NULL, printable

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_GAP = 2
_TEXT = 24
"""Columns that a text may be squeezed to; digests and times are never."""
_FEW = 4
"""Rows that are better read one below the other than with columns left out."""
_MARKDOWN = str.maketrans({char: "\\" + char for char in "\\|`*<["})


@dataclass(frozen=True, slots=True)
class Column:
    """A column ready to be shown: `squeezes` says whether its cells may wrap."""

    name: str
    cells: Sequence[str]
    right: bool = False
    squeezes: bool = False

    @property
    def widest(self) -> int:
        """Columns of the terminal that the widest cell takes."""
        return max((_width(text) for text in self.cells), default=0)

    @property
    def least(self) -> int:
        """The fewest columns of the terminal that it can do with."""
        cells = min(self.widest, _TEXT) if self.squeezes else self.widest
        return max(cells, *map(_width, _words(self.name)))

    @property
    def whole(self) -> int:
        """Columns of the terminal that it takes if nothing is broken."""
        return max(self.widest, _width(printable(self.name)))

    @property
    def header(self) -> str:
        """The name, broken at underscores so that it is not wider than the cells if that can be."""
        return "\n".join(_broken(self.name, max(self.widest, self.least)))


def fitted(columns: Sequence[Column], width: int, *, otherwise: str = "--format csv") -> Iterator[RenderableType]:
    """Yield what to print for `columns` in a terminal `width` wide; `otherwise` is how to see what has no room."""
    rows = len(columns[0].cells) if columns else 0
    if _taken([column.whole for column in columns]) <= width:
        yield _table(columns, broken=False)
        return
    constant = [column for column in columns if rows > 1 and len(set(column.cells)) == 1]
    rest = [column for column in columns if column not in constant] or list(columns)
    if rows <= _FEW and not _fits(rest, width):
        yield from _turned(columns, width)
        return
    if constant:
        yield "in every row: " + ", ".join(f"{printable(column.name)} {column.cells[0]}" for column in constant)
        yield ""
    shown = _leading(rest, width)
    yield _table(shown, broken=True)
    if len(shown) < len(rest):
        left_out = ", ".join(printable(column.name) for column in rest[len(shown) :])
        yield f"\nnot shown, for lack of room: {left_out} (a wider terminal, or {otherwise})"


def plain_lines(columns: Sequence[Column], more: Iterable[Sequence[str]] = ()) -> Iterator[str]:
    """Yield the lines of a table that is as wide as it needs to be; rows of `more` follow at the same widths."""
    widths = [max(column.widest, _width(printable(column.name))) for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    for texts in ([printable(column.name) for column in columns], *rows, *more):
        cells = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(texts, widths, columns, strict=True)
        ]
        yield (" " * _GAP).join(cells).rstrip() + "\n"


def markdown_lines(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table; `columns` are names and whether to align right. What Markdown reads is escaped."""
    yield _markdown_row([name for name, _ in columns])
    yield "|" + "|".join(" ---: " if right else " --- " for _, right in columns) + "|\n"
    for row in rows:
        yield _markdown_row(row)


def escaped(text: str) -> str:
    """Return `text` as Markdown that shows just that."""
    return printable(text).translate(_MARKDOWN)


def _markdown_row(texts: Iterable[str]) -> str:
    return "| " + " | ".join(map(escaped, texts)) + " |\n"


def _fits(columns: Sequence[Column], width: int) -> bool:
    return _taken([column.least for column in columns]) <= width


def _taken(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _leading(columns: Sequence[Column], width: int) -> Sequence[Column]:
    """Return the first columns that fit together; at least one."""
    count = len(columns)
    while count > 1 and not _fits(columns[:count], width):
        count -= 1
    return columns[:count]


def _table(columns: Sequence[Column], *, broken: bool) -> Table:
    from rich import box  # noqa: PLC0415 - a tenth of a second that only tables need
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for column in columns:
        table.add_column(
            _text(column.header if broken else printable(column.name), "bold"),
            justify="right" if column.right else "left",
            no_wrap=not column.squeezes,
            overflow="fold",
            min_width=column.least,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*map(_cell, row))
    return table


def _turned(columns: Sequence[Column], width: int) -> Iterator[RenderableType]:
    """Yield the table with names from top to bottom and a row from left to right; one row at a time if need be."""
    rows = list(zip(*(column.cells for column in columns), strict=True))
    widths = [max(map(_width, row)) for row in rows]
    together = _taken([max(_width(printable(column.name)) for column in columns), *widths]) <= width
    for record in [rows] if together else [[row] for row in rows]:
        yield _record(columns, record, right=together and len(rows) > 1)
        if not together:
            yield ""


def _record(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, right: bool) -> Table:
    from rich.table import Table  # noqa: PLC0415 - as above

    record = Table.grid(padding=(0, _GAP, 0, 0))
    record.add_column(no_wrap=True)
    for _ in rows:
        record.add_column(overflow="fold", justify="right" if right else "left")
    for place, column in enumerate(columns):
        record.add_row(_text(printable(column.name), "bold"), *(_cell(row[place]) for row in rows))
    return record


def _cell(text: str) -> RenderableType:
    return _text(text, "dim" if text == NULL else "")


def _text(text: str, style: str) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415 - as above

    return Text(text, style=style)


def _words(name: str) -> list[str]:
    """Return the parts that a name may be broken into, underscores at their ends: `unique_`, `bytes`."""
    parts = printable(name).split("_")
    return [part + "_" for part in parts[:-1]] + parts[-1:]


def _broken(name: str, width: int) -> Iterator[str]:
    line = ""
    for word in _words(name):
        if line and _width(line + word) > width:
            yield line
            line = ""
        line += word
    yield line


def _width(text: str) -> int:
    from rich.cells import cell_len  # noqa: PLC0415 - as above

    return cell_len(text)
