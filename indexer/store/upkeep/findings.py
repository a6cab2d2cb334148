"""What `verify` finds, and what is to be done about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

DAMAGE: Final = "damage"
NOTE: Final = "note"
_SHOWN: Final = 20


class Finding(NamedTuple):
    """One thing that is not as it should be. `damage` makes answers wrong or impossible, a `note` does not."""

    level: Literal["damage", "note"]
    problem: str
    """A few fixed words, such as `missing file`."""
    file: str
    """The file's key, such as `layers/<segment>.parquet`."""
    subject: str | None
    """The digest, repository or other key of the row; None for the file as a whole."""
    detail: str
    advice: str


class Findings:
    """Gathers findings: of each problem in a file the first twenty, and then how many more there are."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts: Counter[tuple[str, str]] = Counter()

    def damage(self, problem: str, file: str, detail: str, advice: str, subject: str | None = None) -> None:
        """Add something that makes answers wrong or impossible."""
        self._add(Finding(DAMAGE, problem, file, subject, detail, advice))

    def note(self, problem: str, file: str, detail: str, advice: str, subject: str | None = None) -> None:
        """Add something that harms no answer."""
        self._add(Finding(NOTE, problem, file, subject, detail, advice))

    def extend(self, others: Findings) -> None:
        """Add what others gathered."""
        self._kept += others._kept
        self._counts += others._counts

    def any_damage(self) -> bool:
        """Whether anything makes answers wrong or impossible."""
        return any(each.level == DAMAGE for each in self._kept)

    def all(self) -> tuple[Finding, ...]:
        """Return what was found, damage first."""
        found = sorted([*self._kept, *self._rest()], key=lambda each: each.level)
        return tuple(found)

    def _rest(self) -> Iterable[Finding]:
        for each in self._kept:
            more = self._counts[each.problem, each.file] - _SHOWN
            if more > 0:
                self._counts[each.problem, each.file] = 0
                yield each._replace(subject=None, detail=f"and {more} more like these")

    def _add(self, finding: Finding) -> None:
        place = (finding.problem, finding.file)
        self._counts[place] += 1
        if self._counts[place] <= _SHOWN:
            self._kept.append(finding)
