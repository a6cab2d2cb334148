"""Repositories of images built once, by hand or without a cache: about nine layers in ten are used by one image only.

Every image has steps of its own on some base (or on none); once in a while the last step is built again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from indexer.local_ecr.estate.lines import Line
from indexer.local_ecr.estate.stacks import Stack, Step, grow

_BUILT_AGAIN = 0.09
_ON_NOTHING = 0.3
_SORTS = ("packages", "packages", "dependencies", "dependencies", "app", "app", "app", "script", "script")
_FEWEST, _MOST = 4, 12


@dataclass
class Workbench(Line):
    """A repository that people use for trying things; `bases` are what their images may stand on."""

    bases: Sequence[Line] = field(default_factory=tuple)
    steps: tuple[Step, ...] = ()

    def _build(self) -> Stack:
        again = bool(self.steps) and self.dice.chance(_BUILT_AGAIN)
        if again:
            self.versions[-1] = -self.number
        else:
            self._start_over()
        return grow(self.site, self.base, self.steps, self.versions)

    def _start_over(self) -> None:
        sorts = [self.dice.pick(_SORTS) for _ in range(self.dice.whole(_FEWEST, _MOST))]
        self.steps = tuple(Step(f"{sort}-{index}", sort) for index, sort in enumerate(sorts))
        self.versions = [self.number] * len(sorts)
        self.base = None if self.dice.chance(_ON_NOTHING) else self.dice.pick(self.bases).stack
