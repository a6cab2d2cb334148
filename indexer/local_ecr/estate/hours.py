"""When things happen in the estate: working hours, weekends, the months before the first night.

Times are aware UTC datetimes in whole seconds, as ECR gives push times.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.local_ecr.estate.dice import Dice

_DAY_STARTS = 8 * 3600
_DAY_ENDS = 19 * 3600
_SATURDAY = 5
_WEEKEND_SHARE = 0.15
_RECENT = 1.4
_NIGHT = time(2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Period:
    """The time that one night's run looks back on: months before night 1, one day before every other."""

    number: int
    at: datetime

    @classmethod
    def before(cls, number: int, start: date) -> Period:
        """The period that ends with night `number` (from 1), where night 1 is the one of `start`, 02:00 UTC."""
        return cls(number, datetime.combine(start + timedelta(days=number - 1), _NIGHT))

    @property
    def is_history(self) -> bool:
        """Whether this is the first period, which fills the registries."""
        return self.number == 1

    @property
    def day(self) -> date:
        """The last working day before the run."""
        return self.at.date() - timedelta(days=1)

    @property
    def activity(self) -> float:
        """How busy the day is: 1 on working days, little at weekends."""
        return _WEEKEND_SHARE if self.day.weekday() >= _SATURDAY else 1.0


def moment(day: date, seconds: float) -> datetime:
    """The time `seconds` after midnight (UTC) of `day`."""
    return datetime.combine(day, time(tzinfo=UTC)) + timedelta(seconds=int(seconds))


def working_time(dice: Dice, day: date) -> datetime:
    """Some time in the working hours of `day`."""
    return moment(day, dice.between(_DAY_STARTS, _DAY_ENDS))


def history(dice: Dice, count: int, span: int, last: date) -> list[datetime]:
    """`count` times in the `span` days up to `last`, mostly on working days and denser towards the end."""
    days = (_days_ago(dice, (index + dice.between(0, 1)) / count, span, last) for index in range(count))
    return sorted(working_time(dice, day) for day in days)


def _days_ago(dice: Dice, share: float, span: int, last: date) -> date:
    day = last - timedelta(days=int(span * (1 - share) ** _RECENT))
    weekend = day.weekday() - _SATURDAY
    if weekend >= 0 and not dice.chance(_WEEKEND_SHARE):
        return day - timedelta(days=weekend + 1)
    return day
