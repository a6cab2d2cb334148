"""How teams tag: the habits that decide which images keep a name and which are left without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from indexer.local_ecr.estate.dice import Dice


class Habit(Enum):
    """How a repository's builds are named."""

    MOVING = "`main` follows the newest build, older ones lose their only tag"
    COMMIT = "`main` and one tag for each commit"
    NUMBERED = "`build-17` and `latest`"
    FIXED = "one tag that never moves, for immutable repositories"
    DATED = "of a base image: its series, and the series with the date"
    ADHOC = "by hand: some name, or `latest` again and again"


@dataclass
class Release:
    """The version of the newest release, by semantic versioning; `advance` goes to the next one."""

    dice: Dice
    number: tuple[int, int, int] | None = None

    def advance(self) -> str:
        """The next version: mostly a patch, sometimes a minor, rarely a major one. The first is 1.0.0."""
        self.number = self._next() if self.number else (1, 0, 0)
        return ".".join(map(str, self.number))

    @property
    def moving_tags(self) -> tuple[str, ...]:
        """Tags that the newest release takes from the one before: `1.4`, `1`, `latest`."""
        major, minor, _ = self.number or (0, 0, 0)
        return f"{major}.{minor}", str(major), "latest"

    def _next(self) -> tuple[int, int, int]:
        major, minor, patch = self.number or (0, 0, 0)
        if self.dice.chance(0.05):
            return major + 1, 0, 0
        return (major, minor + 1, 0) if self.dice.chance(0.25) else (major, minor, patch + 1)


@dataclass
class Tagger:
    """Names the builds of one repository after its habit."""

    habit: Habit
    dice: Dice
    series: tuple[str, ...] = ()
    used: int = field(default=0, init=False)

    def tags(self, number: int, revision: str, at: datetime) -> tuple[str, ...]:
        """The tags of build `number`, made from commit `revision` at `at`."""
        match self.habit:
            case Habit.MOVING:
                return ("main",)
            case Habit.COMMIT:
                return ("main", f"sha-{revision[:7]}")
            case Habit.NUMBERED:
                return (f"build-{number}", "latest")
            case Habit.FIXED:
                return (f"1.0.{number}-{revision[:7]}",)
            case Habit.DATED:
                return (*self.series, f"{self.series[0]}-{at:%Y%m%d}")
        return self._adhoc()

    def _adhoc(self) -> tuple[str, ...]:
        if self.dice.chance(0.35):
            return ("latest",)
        self.used += 1
        return (f"{self.dice.pick(('test', 'wip', 'try', 'demo', 'fix'))}-{self.used}",)
