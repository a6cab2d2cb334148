"""Spans of time, such as `finished_at - started_at` in SQL: for people, and exact.

An INTERVAL has months, days and a time of its own, as months and days have no fixed length; each may be negative.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple, Self

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_MONTHS = 12


class Span(NamedTuple):
    """The parts of an interval."""

    months: int
    days: int
    microseconds: int

    @classmethod
    def of(cls, value: object) -> Self | None:
        """Return what an interval of SQL is, as Arrow or Python gives it; None for anything else."""
        if isinstance(value, timedelta):
            whole = value // timedelta(microseconds=1)
            days, rest = divmod(abs(whole), _DAY)
            return cls(0, days, rest) if whole >= 0 else cls(0, -days, -rest)
        if type(value).__name__ != "MonthDayNano":  # by name: to load pyarrow takes a tenth of a second
            return None
        arrow: Any = value
        return cls(arrow.months, arrow.days, _whole(arrow.nanoseconds))

    @property
    def text(self) -> str:
        """As people read it: `1 year 2 months`, `3 days 04:05:06`; what is below a second shows where that is all."""
        sign, hours, minutes, seconds, fraction = self._clock
        years, months = divmod(abs(self.months), _MONTHS)
        minus = "-" if self.months < 0 else ""
        named = (
            (years, "year", minus),
            (months, "month", minus),
            (abs(self.days), "day", "-" if self.days < 0 else ""),
        )
        parts = [f"{before}{count:,} {unit}{'' if count == 1 else 's'}" for count, unit, before in named if count]
        if self.microseconds or not parts:
            exact = f".{fraction:06}".rstrip("0.") if not (parts or hours or minutes or seconds) else ""
            parts.append(f"{sign}{hours:02}:{minutes:02}:{seconds:02}{exact}")
        return " ".join(parts)

    @property
    def iso(self) -> str:
        """As a duration of ISO 8601: `P1Y2M3DT4H5M6.5S`, PT0S for none; parts below zero have a minus of their own."""
        sign, hours, minutes, seconds, fraction = self._clock
        minus = "-" if self.months < 0 else ""
        years, months = divmod(abs(self.months), _MONTHS)
        date = "".join(
            f"{before}{count}{unit}"
            for count, unit, before in ((years, "Y", minus), (months, "M", minus), (self.days, "D", ""))
            if count
        )
        exact = f"{seconds}.{fraction:06}".rstrip("0").rstrip(".")
        clock = "".join(f"{sign}{count}{unit}" for count, unit in ((hours, "H"), (minutes, "M")) if count)
        clock += f"{sign}{exact}S" if seconds or fraction else ""
        return f"P{date}T{clock}" if clock else f"P{date or 'T0S'}"

    @property
    def _clock(self) -> tuple[str, int, int, int, int]:
        """Sign, hours, minutes, seconds and microseconds of the time."""
        seconds, fraction = divmod(abs(self.microseconds), _SECOND)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return "-" if self.microseconds < 0 else "", hours, minutes, seconds, fraction


def _whole(nanoseconds: int) -> int:
    """Return microseconds, towards zero; DuckDB has no smaller unit."""
    return nanoseconds // 1_000 if nanoseconds >= 0 else -(-nanoseconds // 1_000)
