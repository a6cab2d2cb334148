"""The page: sections of a store's answers, put into one file that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import indexer
from indexer.catalog import fetch, python_rows
from indexer.cli import cells
from indexer.cli.exact import plain
from indexer.cli.remarks import remarks
from indexer.cli.report.charts import Picture, Row
from indexer.cli.report.sections import MOST_ROWS, SECTIONS, TOTALS, Answer, Asking, Section
from indexer.front import OpenStore

_FOLDER: Final = Path(__file__).parent
_NUMBERS: Final = (int, float, Decimal)
_PLACES: Final = frozenset({"registry_id", "region"})
_LONG: Final = 36


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as people read it, whole (`title`, None where that is the same), and as sorting compares it."""

    shown: str
    title: str | None
    key: str

    @property
    def long(self) -> bool:
        """Whether it may be broken, anywhere, to make room."""
        return len(self.shown) > _LONG


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a section. `same` is what every row says; `more`, whether the answer has rows that the page does not."""

    same: Sequence[tuple[str, str]]
    columns: Sequence[str]
    numbers: Sequence[bool]
    rows: Sequence[Sequence[Cell]]
    more: bool


@dataclass(frozen=True, slots=True)
class Part:
    """A section with its answer, ready for the template."""

    section: Section
    answer: Answer
    table: Table | None
    picture: Picture | None


def page(store: OpenStore, *, title: str, price: float, now: datetime) -> str:
    """Return the page about `store` as HTML; `price` is what a GB (10^9 bytes) costs a month."""
    asking = Asking(store, price)
    parts = [_part(section, section.ask(asking)) for section in SECTIONS]
    totals = next(part.answer.rows for part in parts if part.section is TOTALS)
    newest = next(iter(python_rows(fetch(store.runs().limit(1)))), None)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            parts=parts,
            cards=list(_cards(totals[0])) if totals else [],
            remarks=remarks(store) if newest else [],
            newest=newest,
            now=now.astimezone(UTC),
            version=indexer.__version__,
            most=MOST_ROWS,
            style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),  # noqa: S704 - a file of ours
            script=Markup((_FOLDER / "page.js").read_text(encoding="utf-8")),  # noqa: S704 - as above
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = Markup  # drawn by charts.py, whose texts Vega escapes
    environment.filters["moment"] = lambda moment: f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    return environment


def _part(section: Section, answer: Answer) -> Part:
    chart = section.chart and section.chart.draw(answer.rows[: section.pictured])
    return Part(section, answer, _table(section, answer.rows) if answer.rows else None, chart or None)


def _table(section: Section, rows: Sequence[Row]) -> Table:
    columns = section.columns or tuple(rows[0])
    same = [name for name in columns if name in _PLACES and len(rows) > 1 and len({row[name] for row in rows}) == 1]
    columns = [name for name in columns if name not in same]
    numbers = [any(_is_number(row[name]) for row in rows) for name in columns]
    shown = [[_cell(name, row[name]) for name in columns] for row in rows[:MOST_ROWS]]
    return Table([(name, str(rows[0][name])) for name in same], columns, numbers, shown, len(rows) > MOST_ROWS)


def _cell(column: str, value: Any) -> Cell:
    if isinstance(value, datetime):
        text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
        return Cell(text, None, text)
    shown = cells.cell(column, value)
    if _is_number(value):
        exact = f"{plain(value):,}"
        return Cell(shown, exact if exact != shown else None, str(plain(value)))
    whole = cells.printable(value) if isinstance(value, str) else shown
    return Cell(shown, whole if whole != shown else None, "" if value is None else shown.lower())


def _is_number(value: Any) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool)


def _cards(row: Row) -> Iterable[tuple[str, str, str]]:
    """Yield the figures at the top: what, how much, and what that means."""
    low, high = cells.human_bytes(row["stored_bytes_low"]), cells.human_bytes(row["stored_bytes_high"])
    yield "stored", low if low == high else f"{low} – {high}", "layers and configs, compressed"  # noqa: RUF001 - a range
    yield "a month", _money(row["cost_low"], row["cost_high"]), "at the price that the report was given"
    yield (
        "images",
        cells.number(row["images"]),
        f"in {cells.counted(row['repositories'], 'repository', 'repositories')}",
    )
    yield "if nothing were shared", cells.human_bytes(row["logical_bytes"]), "every image with layers of its own"
    ratio = row["dedup_ratio"]
    yield "sharing", "unknown" if ratio is None else f"{cells.number(ratio)} ×", "logical over unique bytes"  # noqa: RUF001 - times
    if row["images_unknown"]:
        yield "left out", cells.counted(row["images_unknown"], "image"), "of unknown content"


def _money(low: float, high: float) -> str:
    texts = [f"{amount:,.2f}" for amount in (low, high)]
    return texts[0] if texts[0] == texts[1] else " – ".join(texts)  # noqa: RUF001 - a range
