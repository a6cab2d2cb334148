"""Answers as pictures: SVG that takes its colours from the page around it, so that it is right in light and in dark.

Each chart is drawn twice, wide and narrow: a picture that is merely made smaller cannot be read on a phone. They are
drawn here and now, so the page needs no script to show them, prints as it looks, and opens without a network.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import altair as alt

Row = Mapping[str, Any]

_STEP: Final = 1024
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_WIDTHS: Final = {"wide": 560, "narrow": 230}
_LONGEST_LABEL: Final = {"wide": 260, "narrow": 110}
_BANDS: Final = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, 999))
_COLOURS: Final = ("var(--first)", "var(--second)")


class Picture(NamedTuple):
    """A chart as two SVG elements, and what it shows in words."""

    wide: str
    narrow: str
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars from left to right, one per row, in the order of the rows; several `parts` stand side by side or stacked.

    `parts` maps columns of bytes to how the legend calls them.
    """

    name: str
    parts: Mapping[str, str]
    stacked: bool
    label: str

    def draw(self, rows: Sequence[Row]) -> Picture | None:
        """Return the picture of `rows`; None where there is nothing to see."""
        largest = max((sum(row[part] or 0 for part in self.parts) for row in rows), default=0)
        if not largest:
            return None
        divisor, unit = _unit(largest)
        values = [
            {"name": name, "part": words, "value": (row[part] or 0) / divisor, "place": place}
            for name, row in zip(_names(rows, self.name), rows, strict=True)
            for place, (part, words) in enumerate(self.parts.items())
        ]
        return _pictures(values, lambda chart, width: self._bars(chart, width, unit), self.label)

    def _bars(self, chart: alt.Chart, width: str, unit: str) -> Any:
        side_by_side: dict[str, Any] = (
            {} if self.stacked else {"yOffset": alt.YOffset("part:N", sort=list(self.parts.values()))}
        )
        return chart.mark_bar().encode(
            y=alt.Y("name:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LONGEST_LABEL[width], ticks=False)),
            x=alt.X("value:Q", title=unit, axis=alt.Axis(tickCount=5)),
            color=_colour(list(self.parts.values())),
            order=alt.Order("place:Q"),
            **side_by_side,
        )


@dataclass(frozen=True, slots=True)
class Lines:
    """Columns of bytes over time, one line each; `parts` maps columns to how the legend calls them."""

    time: str
    parts: Mapping[str, str]
    label: str

    def draw(self, rows: Sequence[Row]) -> Picture | None:
        """Return the picture of `rows`; None where there are too few points for a line."""
        points = [row for row in rows if row[self.time] is not None]
        largest = max((row[part] or 0 for row in points for part in self.parts), default=0)
        if len(points) < 2 or not largest:  # noqa: PLR2004 - a line has two ends
            return None
        divisor, unit = _unit(largest)
        values = [
            {"time": _iso(row[self.time]), "part": words, "value": (row[part] or 0) / divisor}
            for row in points
            for part, words in self.parts.items()
        ]
        times = sorted({str(point["time"]) for point in values})
        return _pictures(values, lambda chart, width: self._lines(chart, width, unit, times), self.label)

    def _lines(self, chart: alt.Chart, width: str, unit: str, times: Sequence[str]) -> Any:
        # Vega puts its own ticks at full hours where there are few days, each with the same label.
        few = 6 if width == "wide" else 3
        shown = sorted({times[round(place * (len(times) - 1) / (few - 1))] for place in range(few)})
        axis = alt.Axis(values=shown, format="%d %b %Y", labelOverlap=True, labelFlush=False, grid=False)
        return chart.mark_line(point=True, strokeWidth=2).encode(
            x=alt.X("time:T", title=None, scale=alt.Scale(type="utc"), axis=axis),
            y=alt.Y("value:Q", title=unit, axis=alt.Axis(tickCount=5)),
            color=_colour(list(self.parts.values())),
        )


@dataclass(frozen=True, slots=True)
class Histogram:
    """How much is in each band of a count, from 1 to the many; `count` and `amount` are columns."""

    count: str
    amount: str
    title: str
    label: str

    def draw(self, rows: Sequence[Row]) -> Picture | None:
        """Return the picture of `rows`; None where there is nothing to see."""
        bands = [
            (_band_name(*band), sum(_within(rows, band, self.count, self.amount))) for band in _bands(rows, self.count)
        ]
        largest = max((amount for _, amount in bands), default=0)
        if not largest:
            return None
        divisor, unit = _unit(largest)
        values = [{"name": name, "value": amount / divisor, "part": ""} for name, amount in bands]
        return _pictures(values, lambda chart, width: self._columns(chart, width, unit), self.label)

    def _columns(self, chart: alt.Chart, _width: str, unit: str) -> Any:
        return chart.mark_bar(color=_COLOURS[0]).encode(
            x=alt.X("name:N", sort=None, title=self.title, axis=alt.Axis(labelAngle=0, labelOverlap=True, ticks=False)),
            y=alt.Y("value:Q", title=unit, axis=alt.Axis(tickCount=5)),
        )


Chart = Bars | Lines | Histogram


def _names(rows: Sequence[Row], column: str) -> list[str]:
    """Return what to call each row; where a name is there twice, with its region and account."""
    names = [str(row[column]) for row in rows]
    for more in ("region", "registry_id"):
        if len(set(names)) < len(names) and more in rows[0]:
            names = [f"{row[more]} {name}" for row, name in zip(rows, names, strict=True)]
    return names


def _pictures(values: list[dict[str, Any]], encode: Any, label: str) -> Picture:
    wide, narrow = (_svg(encode(alt.Chart(alt.InlineData(values=values)), width), width) for width in _WIDTHS)
    return Picture(wide, narrow, label)


def _svg(chart: alt.Chart, width: str) -> str:
    drawn = io.StringIO()
    axis: dict[str, Any] = {"labelColor": "currentColor", "titleColor": "currentColor", "titleFontWeight": "normal"}
    lines: dict[str, Any] = {"domainColor": "var(--line)", "gridColor": "var(--line)", "tickColor": "var(--line)"}
    chart.properties(width=_WIDTHS[width], background="transparent").configure(
        font="system-ui, sans-serif",
        axis=alt.AxisConfig(**axis, **lines, labelFontSize=12, titleFontSize=12),
        legend=alt.LegendConfig(labelColor="currentColor", labelFontSize=12, orient="top", direction="vertical"),
        view=alt.ViewConfig(stroke=None),
    ).save(drawn, format="svg")
    # One fixed size would overflow a phone; with the view box alone it takes the room there is, up to its own width.
    return re.sub(r'width="(\d+)" height="\d+" viewBox', r'style="max-width: \1px" viewBox', drawn.getvalue(), count=1)


def _colour(parts: Sequence[str]) -> alt.Color:
    legend = alt.Legend(title=None) if len(parts) > 1 else None
    return alt.Color("part:N", scale=alt.Scale(domain=list(parts), range=list(_COLOURS[: len(parts)])), legend=legend)


def _unit(largest: float) -> tuple[int, str]:
    """Return what to divide bytes by so that the largest has one to four digits, and the unit that this gives."""
    power = 0
    while largest >= _STEP ** (power + 1) and power < len(_UNITS) - 1:
        power += 1
    return _STEP**power, _UNITS[power]


def _iso(moment: object) -> str:
    return moment.isoformat() if isinstance(moment, datetime) else str(moment)


def _bands(rows: Iterable[Row], count: str) -> list[tuple[int, int | None]]:
    most = max((row[count] for row in rows), default=0)
    every: list[tuple[int, int | None]] = [*_BANDS, (_BANDS[-1][1] + 1, None)]
    return [band for band in every if band[0] <= most]


def _band_name(low: int, high: int | None) -> str:
    return f"{low:,}+" if high is None else str(low) if low == high else f"{low}–{high}"  # noqa: RUF001 - a range


def _within(rows: Iterable[Row], band: tuple[int, int | None], count: str, amount: str) -> list[int]:
    low, high = band
    return [row[amount] or 0 for row in rows if low <= row[count] and (high is None or row[count] <= high)]
