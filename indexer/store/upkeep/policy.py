"""Which snapshots to keep: all of the newest days, then one a day, a week and a month."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from indexer.store import layout


class Policy(NamedTuple):
    """All runs of the last `days` days; of the last `daily` days, `weekly` weeks (Monday to Sunday) and `monthly`
    months, which are counted back from the newest run's, the last run of each that is complete, or else its last.

    Times are UTC. A number of 0 keeps nothing of its sort.
    """

    days: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0


def kept(policy: Policy, runs: Iterable[str], complete: set[str]) -> set[str]:
    """Return the ids of the runs that the policy keeps; `complete` are those without failures."""
    ordered = sorted(runs)
    if not ordered:
        return set()
    newest = layout.time_of(ordered[-1])
    found = {run for run in ordered if newest - layout.time_of(run) < timedelta(days=policy.days)}
    for count, period in ((policy.daily, _day), (policy.weekly, _week), (policy.monthly, _month)):
        found |= _last_of_each(ordered, complete, count, period)
    return found


def _last_of_each(ordered: list[str], complete: set[str], count: int, period: Callable[[datetime], int]) -> set[str]:
    last: dict[int, str] = {}
    for run in ordered:
        at = period(layout.time_of(run))
        if at not in last or run in complete or last[at] not in complete:
            last[at] = run
    newest = max(last)
    return {run for at, run in last.items() if newest - at < count}


def _day(at: datetime) -> int:
    return at.toordinal()


def _week(at: datetime) -> int:
    return (at.toordinal() - 1) // 7


def _month(at: datetime) -> int:
    return at.year * 12 + at.month
