"""A column of a table for people: how wide it is, how narrow it can be made, and how soon it may be left out.

What a column holds is told by its cells and its name, so that answers of any SQL are treated as those of our queries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import chain

from indexer.cli.cells import ALL, NULL, printable

GAP = 2
"""Columns of the terminal between two columns of a table."""
_TEXT, _READABLE_TEXT = 16, 24
"""Columns of the terminal that a text may be squeezed to, and without pains; numbers, digests and times are never."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_DIGESTS = re.compile(r"sha256:[0-9a-f]{12}(, sha256:[0-9a-f]{12})*")
_COUNT = re.compile(r"\d[\d,]*")
_YES_NO = re.compile(r"yes|no")
_ID = re.compile(r".*run_id|kms_key")
_UNKNOWN = re.compile(r"(.*_)?unknown(_.*)?")
_KIND = re.compile(r"kind|status|(encryption|artifact|content)_type")
_DAYS = re.compile(r".*_days")
_WORD = re.compile(r"[^_]*_|[^_]+")
_ITEM = re.compile(r".+?(?:, |$)")
_PART = re.compile(r"[^ /:]*[ /:]+|[^ /:]+")


class Rank(IntEnum):
    """Which columns go first where there is no room for all: the last of these."""

    FIRST = 0
    ANSWER = 1
    COUNT = 2
    DIGEST = 3
    DETAIL = 4
    CAVEAT = 5
    TIME = 6
    ID = 7


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
        return max((text_width(text) for text in self.cells), default=0)

    @property
    def least(self) -> int:
        """The fewest columns of the terminal that it can do with."""
        return self._squeezed(_TEXT)

    @property
    def readable(self) -> int:
        """The fewest columns of the terminal that make no tower of a text."""
        return self._squeezed(_READABLE_TEXT)

    @property
    def longest_word(self) -> int:
        """Columns of the terminal that the name takes, broken wherever it can be."""
        return max(map(text_width, _words(self.name)), default=0)

    @property
    def whole(self) -> int:
        """Columns of the terminal that it takes if nothing is broken."""
        return max(self.widest, text_width(printable(self.name)))

    @property
    def is_same(self) -> bool:
        """Whether it says the same in every row."""
        return len(set(self.cells)) == 1

    @property
    def is_place(self) -> bool:
        """Whether it names the one account or region that all rows are about, but the totals."""
        return self.name in {"registry_id", "region"} and len(set(self.cells) - {ALL, NULL}) == 1

    def header(self, width: int) -> str:
        """The name, broken at underscores so that it is not wider than `width` if that can be."""
        return "\n".join(_joined(_words(self.name), width))

    def tight(self) -> Column:
        """Return it with times to the minute, and digests without their algorithm, as `indexer find` takes them."""
        if self._all(_TIME):
            return replace(self, cells=[text if text == NULL else text[:16] for text in self.cells])
        if self._all(_DIGESTS):
            return replace(self, cells=[text.replace("sha256:", "") for text in self.cells])
        return self

    def rank(self, *, first_digest: bool) -> Rank:
        """How soon it is left out; a table's first digest says what the row is about, others refer to elsewhere."""
        told_by_name = (_ID, Rank.ID), (_UNKNOWN, Rank.CAVEAT), (_KIND, Rank.DETAIL), (_DAYS, Rank.ANSWER)
        told_by_cells = (_TIME, Rank.TIME), (_YES_NO, Rank.DETAIL), (_COUNT, Rank.COUNT)
        by_name = (rank for pattern, rank in told_by_name if pattern.fullmatch(self.name))
        by_cells = (rank for pattern, rank in told_by_cells if self._all(pattern))
        if (found := next(chain(by_name, by_cells), None)) is not None:
            return found
        if self.is_digest:
            return Rank.ANSWER if first_digest else Rank.DIGEST
        is_sparse = 2 * list(self.cells).count(NULL) > len(self.cells)
        return Rank.DETAIL if is_sparse else Rank.ANSWER

    @property
    def is_digest(self) -> bool:
        """Whether its cells are digests, or lists of them."""
        return self._all(_DIGESTS)

    def _squeezed(self, text: int) -> int:
        return max(min(self.widest, text) if self.squeezes else self.widest, self.longest_word)

    def _all(self, pattern: re.Pattern[str]) -> bool:
        known = [text for text in self.cells if text not in {NULL, ""}]
        return bool(known) and all(map(pattern.fullmatch, known))


def taken(widths: Sequence[int]) -> int:
    """Return the columns of the terminal that columns of these widths take beside each other."""
    return sum(widths) + GAP * (len(widths) - 1)


def fit(columns: Sequence[Column], width: int) -> bool:
    """Whether `columns` have room beside each other and can still be read well."""
    return taken([column.readable for column in columns]) <= width


def most_telling(columns: Sequence[Column], width: int) -> list[Column]:
    """Return those of `columns` that say most in a terminal `width` wide, made tight, in their order; at least one.

    Texts are squeezed to the utmost for the sake of what is asked for, and for nothing else.
    """
    tight = [column.tight() for column in columns]
    digests = [place for place, column in enumerate(columns) if column.is_digest]
    ranks = [column.rank(first_digest=place in digests[:1]) for place, column in enumerate(columns)]
    ranks[0] = Rank.FIRST
    chosen: list[int] = []
    for place in sorted(range(len(columns)), key=lambda each: (ranks[each], each)):
        together = sorted([*chosen, place])
        beside = [tight[each] for each in together]
        asked_for = ranks[place] <= Rank.COUNT and taken([column.least for column in beside]) <= width
        if not chosen or asked_for or fit(beside, width):
            chosen = together
    return [tight[place] for place in chosen]


def widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return how wide to make each of `columns`: texts are given what there is to spare, then names of columns."""
    found = [column.readable if fit(columns, width) else min(column.least, width) for column in columns]
    spare = width - taken(found)
    while spare > 0 and (narrow := [place for place, column in enumerate(columns) if found[place] < column.widest]):
        found[min(narrow, key=found.__getitem__)] += 1
        spare -= 1
    for place, column in enumerate(columns):
        if found[place] < column.whole <= found[place] + spare:
            spare -= column.whole - found[place]
            found[place] = column.whole
    return found


def wrapped(text: str, width: int) -> str:
    """Return `text` in lines of at most `width`: broken between items of a list, else between the parts of a name."""
    if text_width(text) <= width:
        return text
    items = (part for item in _ITEM.findall(text) for part in _apart(item, width))
    return "\n".join(line.rstrip() for line in _joined(items, width))


def text_width(text: str) -> int:
    """Return the columns of the terminal that `text` takes."""
    from rich.cells import cell_len  # noqa: PLC0415 - a tenth of a second that only tables need

    return cell_len(text)


def _words(name: str) -> list[str]:
    """Return the parts that a name may be broken into, underscores at their ends: `unique_`, `bytes`."""
    return _WORD.findall(printable(name))


def _apart(item: str, width: int) -> list[str]:
    return [item] if text_width(item.rstrip()) <= width else _PART.findall(item)


def _joined(parts: Iterable[str], width: int) -> Iterator[str]:
    """Yield lines of as many parts as fit; a part that is too wide for a line is left to whoever prints it."""
    line = ""
    for part in parts:
        if line and text_width((line + part).rstrip()) > width:
            yield line
            line = ""
        line += part
    yield line
