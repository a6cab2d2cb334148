"""The world that the estate plays in: two regions of one account, their clock, and what can be done to them.

The second region replicates some repositories as ECR does: pushes and tags follow after a minute or two, deletions do
not. One repository exists in the second region alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from indexer.local_ecr.estate.builds import Push
from indexer.local_ecr.estate.hours import Period
from indexer.local_ecr.estate.manifests import Document
from indexer.local_ecr.registry import Registry

ACCOUNT = "123456789012"
MAIN_REGION = "eu-west-1"
SECOND_REGION = "us-east-1"
REPLICATED = ("prod/payments/", "prod/checkout/")
_REPLICA_LAG = timedelta(seconds=90)
_MEMBER_LEAD = timedelta(seconds=4)
_RECENT_PUSHES = 2


@dataclass(frozen=True)
class Settings:
    """How a repository is set up."""

    tag_mutability: str = "MUTABLE"
    encryption_type: str = "AES256"
    kms_key: str | None = None
    second_region: bool = False


class Actor(Protocol):
    """Something that acts on repositories at times it plans itself."""

    @property
    def repository(self) -> str:
        """The repository it mostly acts on."""

    def plan(self, period: Period) -> Sequence[datetime]:
        """When it acts in `period`."""

    def act(self, at: datetime) -> None:
        """Do one thing, as if it was `at`."""

    def tidy(self, period: Period) -> None:
        """What goes by the calendar at the end of `period`: lifecycle rules, archiving, pulls by production."""


class World:
    """The registries of the estate, and the doors through which actors change them.

    `recent` holds the newest indexes that were pushed with their children, by repository.
    """

    def __init__(self, seed: int, now: datetime) -> None:
        self.seed = seed
        self.now = now
        self.main = Registry(registry_id=ACCOUNT, region=MAIN_REGION, clock=self.clock)
        self.second = Registry(registry_id=ACCOUNT, region=SECOND_REGION, clock=self.clock)
        self.recent: dict[str, deque[Document]] = {}
        self._settings: dict[str, Settings] = {}

    @property
    def registries(self) -> list[Registry]:
        """The main region's registry first."""
        return [self.main, self.second]

    def clock(self) -> datetime:
        """The simulated time, for the registries."""
        return self.now

    def found(self, repository: str, at: datetime, settings: Settings | None = None) -> None:
        """Create a repository; one that exists already is left as it is."""
        self._settings.setdefault(repository, settings or Settings())
        for registry in self._homes(repository):
            if repository not in registry.repositories:
                self._create(registry, repository, at)

    def close(self, repository: str) -> None:
        """Delete a repository with all its images, where it was pushed to (a replica stays)."""
        registry = self._home(repository)
        if repository in registry.repositories:
            registry.delete_repository(repository)

    def push(self, repository: str, push: Push, tags: Iterable[str], at: datetime) -> None:
        """Put a push's members, then its top manifest with `tags`; replicas follow."""
        self.found(repository, at)
        if push.members:
            self.recent.setdefault(repository, deque(maxlen=_RECENT_PUSHES)).append(push.top)
        names = tuple(tags)
        for lag, registry in enumerate(self._homes(repository)):
            _put(registry, repository, push, names, at + lag * _REPLICA_LAG)

    def retire(self, repository: str, digests: Iterable[str]) -> None:
        """Delete manifests in the order given; indexes go before their children, as ECR demands."""
        registry = self._home(repository)
        for digest in _held(registry, repository, digests):
            registry.delete_image(repository, digest)

    def archive(self, repository: str, digests: Iterable[str]) -> None:
        """Move images to the archive: they are listed from then on, and cannot be pulled."""
        registry = self._home(repository)
        for digest in _held(registry, repository, digests):
            registry.set_status(repository, digest, "ARCHIVED")

    def pull(self, repository: str, digests: Iterable[str], at: datetime) -> None:
        """Note a pull by production, in every region that has the repository.

        Pull times go forward only: never before the push or an earlier pull.
        """
        asked = tuple(digests)
        for registry in self._homes(repository):
            for digest in _held(registry, repository, asked):
                image = registry.image(repository, digest)
                registry.pull_image(repository, digest, max(at, image.pushed_at, image.pulled_at or at))

    def tagged(self, repository: str, tag: str) -> tuple[str, ...]:
        """The digest that has `tag`, or nothing."""
        home = self._home(repository).repositories.get(repository)
        return (home.tags[tag],) if home and tag in home.tags else ()

    def _homes(self, repository: str) -> list[Registry]:
        home = self._home(repository)
        return [home, self.second] if home is self.main and repository.startswith(REPLICATED) else [home]

    def _home(self, repository: str) -> Registry:
        settings = self._settings.get(repository)
        return self.second if settings and settings.second_region else self.main

    def _create(self, registry: Registry, repository: str, at: datetime) -> None:
        settings = self._settings[repository]
        registry.create_repository(
            repository,
            tag_mutability=settings.tag_mutability,
            encryption_type=settings.encryption_type,
            kms_key=settings.kms_key,
            created_at=at - timedelta(minutes=20),
        )


def _held(registry: Registry, repository: str, digests: Iterable[str]) -> list[str]:
    """Those of `digests` that are there: whoever plays with the registry may have deleted some over its API."""
    home = registry.repositories.get(repository)
    return [digest for digest in digests if home and digest in home.images]


def _put(registry: Registry, repository: str, push: Push, tags: Iterable[str], at: datetime) -> None:
    for member in push.members:
        registry.put_image(
            repository,
            member.body,
            media_type=member.media_type,
            digest=member.digest,
            pushed_at=at - _MEMBER_LEAD,
        )
    top = push.top
    registry.put_image(repository, top.body, tags=tags, media_type=top.media_type, digest=top.digest, pushed_at=at)
