"""Repositories that are built by CI: every push shares most layers with its neighbours.

A line builds on its parent's newest stack (or lags behind, where the team pins its base), changes some of its steps,
tags by its habit, makes a release now and then, and promotes releases to a production repository under `prod/`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from indexer.local_ecr.estate import artifacts
from indexer.local_ecr.estate.builds import Job, Packing, Push, pack
from indexer.local_ecr.estate.dice import Dice
from indexer.local_ecr.estate.hours import Period, history, moment, working_time
from indexer.local_ecr.estate.manifests import Platform
from indexer.local_ecr.estate.stacks import AMD64, Site, Stack, Step, grow
from indexer.local_ecr.estate.tags import Habit, Release, Tagger
from indexer.local_ecr.estate.world import Settings, World

_RELEASE_EVERY = 8
_PROMOTION_TAKES = timedelta(hours=3)
_SIGNING_TAKES = timedelta(minutes=1)
_ARCHIVED_AFTER = timedelta(days=120)
_ARCHIVING_NIGHT = 5
_EVENING = 23 * 3600
_MIDNIGHT = 24 * 3600
_WEEK = 7
_HISTORY = 300
_LONGEST_CADENCE = 100
_DEPLOYED = 0.6
_PLAIN = Packing()
_USUAL = Settings()


@dataclass(frozen=True)
class Spec:
    """What there is to know about a repository that is built over and over.

    `builds` is the number in the history (at scale 1) over the last `span` days; every working day adds `pace` of it.
    A base image instead has `cadence`, the days between its rebuilds, and `rebuilt`, the night after which it is next
    rebuilt, and then weekly. `keep` is a lifecycle rule: that many newest builds stay. `follows` is how often a build
    takes the parent's newest version. `opens` and `closes` are the nights before which the repository comes and goes.
    """

    repository: str
    parent: str | None
    steps: tuple[Step, ...]
    builds: int = 0
    span: int = 240
    pace: float = 0.025
    cadence: int = 0
    rebuilt: int = 0
    platforms: tuple[Platform, ...] = (AMD64,)
    packing: Packing = _PLAIN
    zstd: bool = False
    habit: Habit = Habit.COMMIT
    series: tuple[str, ...] = ()
    settings: Settings = _USUAL
    follows: float = 1.0
    keep: int = 0
    promotes: str = ""
    referrers: bool = False
    archives: bool = False
    deployed: bool = True
    opens: int = 1
    closes: int = 0


class Kept(NamedTuple):
    """One build that is in the repository, and the digests of what is attached to it."""

    at: datetime
    push: Push
    attached: tuple[str, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """Everything to delete along with it, in that order."""
        return self.attached + self.push.digests


@dataclass
class Line:
    """A repository at work; `stack` is what its newest build is made of."""

    world: World
    spec: Spec
    scale: float
    parent: Line | None = None
    stack: Stack | None = None
    number: int = 0
    kept: deque[Kept] = field(default_factory=deque)

    def __post_init__(self) -> None:
        spec, seed = self.spec, self.world.seed
        self.site = Site(seed, spec.repository, spec.platforms, spec.zstd)
        self.dice = Dice(seed, "line", spec.repository)
        self.tagger = Tagger(spec.habit, Dice(seed, "tags", spec.repository), spec.series)
        self.release = Release(Dice(seed, "releases", spec.repository))
        self.versions = [0] * len(spec.steps)
        self.base: Stack | None = None
        self.live: Push | None = None

    @property
    def repository(self) -> str:
        """The repository's name."""
        return self.spec.repository

    @property
    def depth(self) -> int:
        """How many bases are below; a parent is rebuilt a day before its children."""
        return self.parent.depth + 1 if self.parent else 0

    def plan(self, period: Period) -> Sequence[datetime]:
        """When builds are pushed in `period`."""
        if period.number < self.spec.opens or 0 < self.spec.closes <= period.number:
            return ()
        if self.spec.cadence:
            return self._rebuilds(period)
        if period.is_history:
            return history(self.dice, self._count(self.spec.builds), self.spec.span, period.day)
        builds = self.dice.about(self._daily * period.activity)
        if period.number == self.spec.opens:
            builds += self._count(self.spec.builds)
        return sorted(working_time(self.dice, period.day) for _ in range(builds))

    def act(self, at: datetime) -> None:
        """Build and push once."""
        self.number += 1
        self.world.found(self.repository, at, self.spec.settings)
        self.stack = self._build()
        job = Job(self.site, self.spec.packing, self.number, at)
        push = pack(job, self.stack)
        names = self.tagger.tags(self.number, job.revision, at)
        if self._is_release():
            attached = self._publish(push, names, at)
        else:
            attached = ()
            self.world.push(self.repository, push, names, at)
        self._last_pull(at)
        self.kept.append(Kept(at, push, attached))

    def tidy(self, period: Period) -> None:
        """Apply the lifecycle rule, archive what is old, pull what runs in production, close the repository."""
        if period.number == self.spec.closes:
            self.world.close(self.repository)
        if period.number < self.spec.opens or 0 < self.spec.closes <= period.number:
            return
        if self.spec.keep:
            self._expire(self._count(self.spec.keep))
        if self.spec.archives:
            self._archive(period)
        if self.spec.deployed:
            self._pull(period)

    @property
    def _daily(self) -> float:
        """Builds on a working day; at least one where a lifecycle rule is to be seen at work."""
        return max(self.spec.builds * self.scale * self.spec.pace, 1.0 if self.spec.keep else self.spec.pace)

    def _count(self, number: int) -> int:
        return max(4, round(number * self.scale))

    def _rebuilds(self, period: Period) -> Sequence[datetime]:
        """A base's rebuilds go by the calendar; a larger scale does not make them more frequent."""
        spec = self.spec
        if not period.is_history:
            due = period.number % _WEEK == spec.rebuilt % _WEEK
            return [working_time(self.dice, period.day)] if due else ()
        cadence = min(round(spec.cadence / min(self.scale, 1)), _LONGEST_CADENCE)
        ages = range(_HISTORY - self.depth, 0, -cadence)
        return [working_time(self.dice, period.day - timedelta(days=age)) for age in ages]

    def _build(self) -> Stack:
        if self.parent and (self.base is None or self.dice.chance(self.spec.follows)):
            self.base = self.parent.stack
        for index, step in enumerate(self.spec.steps):
            if self.dice.chance(step.changes):
                self.versions[index] += 1
        return grow(self.site, self.base, self.spec.steps, self.versions)

    def _is_release(self) -> bool:
        releasing = self.spec.habit in {Habit.COMMIT, Habit.MOVING}
        return releasing and self.number % _RELEASE_EVERY == 1

    def _publish(self, push: Push, names: tuple[str, ...], at: datetime) -> tuple[str, ...]:
        version = self.release.advance()
        self.world.push(self.repository, push, (*names, version, *self.release.moving_tags), at)
        if self.spec.promotes:
            self._promote(push, version, at + _PROMOTION_TAKES)
        return self._attach(push, at) if self.spec.referrers else ()

    def _last_pull(self, at: datetime) -> None:
        """The build before ran until about now, if it was ever deployed."""
        if self.kept and self.spec.deployed and self.dice.chance(_DEPLOYED):
            self.world.pull(self.repository, self.kept[-1].push.pulled, at - timedelta(minutes=self.dice.whole(1, 600)))

    def _attach(self, push: Push, at: datetime) -> tuple[str, ...]:
        referrers = artifacts.referrers(self.world.seed, push.top, at)
        for referrer in referrers:
            self.world.push(self.repository, Push(referrer), (), at + _SIGNING_TAKES)
        return tuple(referrer.digest for referrer in referrers)

    def _promote(self, push: Push, version: str, at: datetime) -> None:
        if self.live:
            self.world.pull(self.spec.promotes, self.live.pulled, at - timedelta(minutes=self.dice.whole(1, 600)))
        self.live = push
        self.world.push(self.spec.promotes, push, (version, "live"), at)
        signature = artifacts.cosign_signature(self.world.seed, push.top)
        tag = artifacts.cosign_tag(push.top)
        self.world.push(self.spec.promotes, Push(signature), (tag,), at + _SIGNING_TAKES)

    def _expire(self, keep: int) -> None:
        while len(self.kept) > keep:
            self.world.retire(self.repository, self.kept.popleft().digests)

    def _archive(self, period: Period) -> None:
        """Archive builds of a certain age, and one night the older half of what is left: storage was to be saved."""
        before = period.at - _ARCHIVED_AFTER
        if period.number == _ARCHIVING_NIGHT:
            before = self.kept[len(self.kept) // 2].at
        while self.kept and self.kept[0].at < before:
            self.world.archive(self.repository, self.kept.popleft().digests)

    def _pull(self, period: Period) -> None:
        """Production pulls the newest builds and what is live, in the evening."""
        at = moment(period.day, self.dice.between(_EVENING, _MIDNIGHT))
        for kept in list(self.kept)[-2:]:
            self.world.pull(self.repository, kept.push.pulled, at)
        if self.live:
            self.world.pull(self.spec.promotes, self.live.pulled, at)
