"""Rows as a table for people, made to fit: in a terminal of any width, in a pipe, in Markdown.

In a terminal nothing is cut off in the middle. What does not fit is made room for in this order: columns that say the
same in every row are said once, above; names of columns and long texts are broken; times lose their seconds and digests
their algorithm; a few rows are turned, names from top to bottom; of many rows the columns that say least are left out,
by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from indexer.cli.cells import ALL, NULL, printable
from indexer.cli.columns import GAP, Column, fit, most_telling, taken, text_width, widths, wrapped

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_FEW = 4
"""Rows that are better read one below the other than with columns left out."""
_MARKDOWN = str.maketrans({char: "\\" + char for char in "\\|`*<["})


def fitted(columns: Sequence[Column], width: int, *, otherwise: str = "--format csv") -> Iterator[RenderableType]:
    """Yield what to print for `columns` in a terminal `width` wide; `otherwise` is how to see what has no room."""
    if taken([column.whole for column in columns]) <= width:
        yield _table(columns, [column.whole for column in columns])
        return
    rows = len(columns[0].cells)
    same = [column for column in columns if rows > 1 and column.is_same]
    rest = [column for column in columns if column not in same] or list(columns)
    places = _places(rest) if rows > 1 and not fit(rest, width) else []
    rest = [column for column in rest if column not in places]
    if rows <= _FEW and (_says_little(rest, same) or not fit([column.tight() for column in rest], width)):
        yield from _turned(columns, width)
        return
    yield from _said_once("in every row", same, width)
    yield from _said_once("in every row but totals", places, width)
    shown = _with_room(rest, width)
    yield _table(shown, widths(shown, width))
    if left_out := [column.name for column in rest if column.name not in {each.name for each in shown}]:
        names = ", ".join(map(printable, left_out))
        yield f"\nnot shown, for lack of room: {names} (a wider terminal, or {otherwise})"


def plain_lines(columns: Sequence[Column], more: Iterable[Sequence[str]] = ()) -> Iterator[str]:
    """Yield the lines of a table that is as wide as it needs to be; rows of `more` follow at the same widths."""
    whole = [column.whole for column in columns]
    rows = zip(*(column.cells for column in columns), strict=True)
    for texts in ([printable(column.name) for column in columns], *rows, *more):
        cells = [
            text.rjust(width) if column.right else text.ljust(width)
            for text, width, column in zip(texts, whole, columns, strict=True)
        ]
        yield (" " * GAP).join(cells).rstrip() + "\n"


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


def _places(columns: Sequence[Column]) -> list[Column]:
    """Return the account and region of all rows but the totals, where another name still tells the rows apart."""
    others = [column for column in columns if not column.is_place]
    return [column for column in columns if column.is_place] if others and not others[0].right else []


def _says_little(rest: Sequence[Column], same: Sequence[Column]) -> bool:
    """Whether all numbers are among those that would be said once: a total and the only row below it."""
    is_total = any(ALL in column.cells for column in rest)
    return is_total and any(column.right for column in same) and not any(column.right for column in rest)


def _with_room(columns: Sequence[Column], width: int) -> Sequence[Column]:
    if fit(columns, width):
        return columns
    tight = [column.tight() for column in columns]
    return tight if fit(tight, width) else most_telling(columns, width)


def _said_once(where: str, columns: Sequence[Column], width: int) -> Iterator[str]:
    """Yield a paragraph with the value of each column, broken between two of them only, and an empty line."""
    if not columns:
        return
    lines = [f"{where}:"]
    for column in columns:
        item = f"{printable(column.name)} {_only_value(column)}{'' if column is columns[-1] else ','}"
        if text_width(lines[-1]) + 1 + text_width(item) <= width:
            lines[-1] += f" {item}"
        else:
            lines.append(item)
    yield "\n".join([*lines, ""])


def _only_value(column: Column) -> str:
    found = set(column.cells)
    (value,) = found if column.is_same else found - {ALL, NULL}
    return value or "(none)"


def _table(columns: Sequence[Column], columns_widths: Sequence[int]) -> Table:
    from rich import box  # noqa: PLC0415 - a tenth of a second that only tables need
    from rich.table import Table  # noqa: PLC0415 - as above

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0))
    for column, width in zip(columns, columns_widths, strict=True):
        table.add_column(
            _text(column.header(width), "bold"),
            justify="right" if column.right else "left",
            overflow="fold",
            width=width,
        )
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*(_cell(wrapped(text, width)) for text, width in zip(row, columns_widths, strict=True)))
    return table


def _turned(columns: Sequence[Column], width: int) -> Iterator[RenderableType]:
    """Yield the table with names from top to bottom and a row from left to right; one row at a time if need be."""
    tight = [column.tight() for column in columns]
    for shown, broken in ((columns, False), (tight, False), (tight, True)):
        rows = list(zip(*(column.cells for column in shown), strict=True))
        room = width - GAP - taken([max(map(text_width, row)) for row in rows])
        names = [column.longest_word if broken else text_width(printable(column.name)) for column in columns]
        if max(names) <= room:
            yield _record(shown, rows, room, right=len(rows) > 1)
            return
    for row in zip(*(column.cells for column in columns), strict=True):
        yield _record(columns, [row], width, right=False)
        yield ""


def _record(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int, *, right: bool) -> Table:
    from rich.table import Table  # noqa: PLC0415 - as above

    record = Table.grid(padding=(0, GAP, 0, 0))
    record.add_column(no_wrap=True)
    for _ in rows:
        record.add_column(overflow="fold", justify="right" if right else "left")
    for place, column in enumerate(columns):
        record.add_row(_text(column.header(room), "bold"), *(_cell(row[place]) for row in rows))
    return record


def _cell(text: str) -> RenderableType:
    return _text(text, "dim" if text == NULL else "")


def _text(text: str, style: str) -> RenderableType:
    from rich.text import Text  # noqa: PLC0415 - as above

    return Text(text, style=style)
