"""A page of text and tables on stdout, read from top to bottom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from indexer.cli import cells, output
from indexer.cli.columns import Column
from indexer.cli.tables import escaped, fitted, markdown_lines, plain_lines

_NUMBERS = (int, float, Decimal)
_MORE = " (--limit)"


class Page:
    """Prints as it goes. Titles are bold in a terminal; tables fit it, and `otherwise` says how to see all of one."""

    def __init__(self, otherwise: str = "--format csv") -> None:
        self._begun = False
        self._otherwise = otherwise

    def title(self, text: str) -> None:
        """Begin a section."""
        if self._begun:
            output.emit("\n")
        self._print(text, "bold")

    def text(self, text: str) -> None:
        """Print a paragraph."""
        self._print(text, "")

    def facts(self, facts: Iterable[tuple[str, str | None]]) -> None:
        """Print names with their values, one below the other, without those that have no value (None)."""
        found = [(name, text) for name, text in facts if text is not None]
        width = max((len(name) for name, _ in found), default=0)
        for name, text in found:
            self._print(text, "", before=f"{name:<{width}}  " if width else "- ")

    def table(
        self, title: str, rows: Sequence[Mapping[str, Any]], *, limit: int | None = None, more: str = _MORE
    ) -> None:
        """Print `rows` under a title, at most `limit` of them; `more` says how to see the rest. Nothing for no rows."""
        if not rows:
            return
        if title:
            self.title(title)
        self._begun = True
        columns = [_column(name, [row[name] for row in rows[:limit]]) for name in rows[0]]
        if (width := output.table_width()) is not None:
            for part in fitted(columns, width, otherwise=self._otherwise):
                output.show(part)
        else:
            for line in plain_lines(columns):
                output.emit(line)
        if limit is not None and len(rows) > limit:
            self.text(f"... and {len(rows) - limit:,} more{more}")

    def _print(self, text: str, style: str, before: str = "") -> None:
        self._begun = True
        text = cells.printable(text)
        if output.table_width() is None:
            output.emit(f"{before}{text}\n")
            return
        from rich.table import Table  # noqa: PLC0415 - a tenth of a second that a pipe needs not
        from rich.text import Text  # noqa: PLC0415 - as above

        if not before:
            output.show(Text(text, style=style))
            return
        line = Table.grid()
        line.add_column(no_wrap=True, min_width=len(before))
        line.add_column(overflow="fold")
        line.add_row(Text(before, style="dim"), Text(text, style=style))
        output.show(line)


class MarkdownPage(Page):
    """The same page as Markdown, for an issue or a chat; lists are cut as on the screen."""

    def title(self, text: str) -> None:
        self._text(f"## {escaped(text)}")

    def text(self, text: str) -> None:
        self._text(escaped(text))

    def facts(self, facts: Iterable[tuple[str, str | None]]) -> None:
        found = [(name, text) for name, text in facts if text is not None]
        if found:
            self._text("\n".join(f"- {f'**{name}**: ' if name else ''}{escaped(text)}" for name, text in found))

    def table(
        self, title: str, rows: Sequence[Mapping[str, Any]], *, limit: int | None = None, more: str = _MORE
    ) -> None:
        if not rows:
            return
        if title:
            self.title(title)
        columns = [_column(name, [row[name] for row in rows[:limit]]) for name in rows[0]]
        cells_ = zip(*(column.cells for column in columns), strict=True)
        self._text("".join(markdown_lines([(column.name, column.right) for column in columns], cells_)).rstrip("\n"))
        if limit is not None and len(rows) > limit:
            self.text(f"... and {len(rows) - limit:,} more{more}")

    def _text(self, text: str) -> None:
        output.emit(("\n" if self._begun else "") + text + "\n")
        self._begun = True


def _column(name: str, values: Sequence[Any]) -> Column:
    known = [value for value in values if value is not None]
    right = bool(known) and all(isinstance(value, _NUMBERS) and not isinstance(value, bool) for value in known)
    texts = [cells.cell(name, value) for value in values]
    texts_wrap = any(isinstance(value, (str, list, tuple, Mapping)) for value in known)
    return Column(name, texts, right=right, squeezes=texts_wrap and cells.may_wrap(name, texts))
