"""Chance that comes out the same on every machine and every Python: the source of everything made up in the estate.

Of `random.Random` only `random()` is promised to give the same numbers in every Python version ("Notes on
Reproducibility" in its documentation), so all distributions are made from it here. A stream is named by a path of
words; streams of different names are independent, so one more repository does not change the others.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

_T = TypeVar("_T")
_SHARE_DIGITS = 13
_SHARE_SPAN = float(0x10_0000_0000_0000)
_BELL_SUM = 12


def content_digest(*path: object) -> str:
    """The sha256 digest of a blob that exists by name only: no content is made."""
    return "sha256:" + hashlib.sha256("|".join(map(str, path)).encode()).hexdigest()


def share_of(digest: str) -> float:
    """A number in [0, 1) that belongs to `digest`: cheaper than a stream of its own for one draw."""
    return int(digest[-_SHARE_DIGITS:], 16) / _SHARE_SPAN


class Dice:
    """A named stream of random numbers."""

    def __init__(self, *path: object) -> None:
        name = "|".join(map(str, path))
        self._random: Callable[[], float] = random.Random(name).random  # noqa: S311 - made-up data, nothing secret

    def between(self, low: float, high: float) -> float:
        """A number from `low` up to `high`, every one as likely."""
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """True with `probability` (0 to 1)."""
        return self._random() < probability

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of `choices`, every one as likely."""
        return choices[int(self._random() * len(choices))]

    def about(self, mean: float) -> int:
        """A whole number next to `mean` whose average is `mean`."""
        return int(mean) + self.chance(mean - int(mean))

    def lognormal(self, median: float, sigma: float) -> float:
        """A number around `median`, as file sizes are spread; the bell is the sum of twelve even draws."""
        bell = sum(self._random() for _ in range(_BELL_SUM)) - _BELL_SUM / 2
        return median * math.exp(sigma * bell)
