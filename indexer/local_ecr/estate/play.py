"""The play: an estate of registries, and several nights of what happens to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

from indexer.local_ecr.estate.hours import Period
from indexer.local_ecr.estate.landscape import settle
from indexer.local_ecr.estate.world import Actor, World
from indexer.local_ecr.registry import Registry

_Place = tuple[str, str, str]


@dataclass(frozen=True)
class Summary:
    """What a listing of all registries after the period shows that one before did not; all counts.

    An image is a manifest in a repository in a region: promoted and replicated images count wherever they are. Images
    of a deleted repository count as deleted. A tag moved if it names another image than before.
    """

    pushed: int
    deleted: int
    archived: int
    tags_moved: int
    repositories_created: int
    repositories_deleted: int


@dataclass(frozen=True)
class Night:
    """A night on which the batch job may run: `at` is its time (UTC), `summary` what changed since the night before."""

    number: int
    at: datetime
    summary: Summary


@dataclass(frozen=True)
class Estate:
    """A company's registries, made up from `seed`: the same seed gives the same bytes on every machine.

    `start` is the date of the first night, `nights` how many are played. `scale` multiplies the number of images that
    repositories hold, not the number of repositories; some of each sort are there at any scale.

        estate = Estate(seed=7)
        with Server(estate.registries()) as server:
            for night in estate.play():
                ...  # run the job against server.url
    """

    seed: int = 7
    nights: int = 6
    start: date = date(2026, 1, 12)
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.nights < 1 or self.scale <= 0:
            raise ValueError(f"an estate needs nights >= 1 and scale > 0, got {self.nights} and {self.scale}")

    def registries(self) -> list[Registry]:
        """The main region's registry, then the second region's; always the same two, empty until `play` starts.

        Their clocks show the time of the night that was played last.
        """
        return self._world.registries

    def play(self) -> Iterator[Night]:
        """Apply one period after the other to the registries, and give the night that ends each. Once per estate."""
        if self._world.main.repositories:
            raise RuntimeError("this estate was played already; make another Estate of the same seed")
        actors = settle(self._world, self.scale)
        for number in range(1, self.nights + 1):
            period = Period.before(number, self.start)
            # Counted anew each time: what others did over the API between two nights is not of this play.
            before = Census.of(self._world)
            _live(actors, period)
            self._world.now = period.at
            yield Night(number, period.at, Census.of(self._world).since(before))

    @cached_property
    def _world(self) -> World:
        return World(self.seed, Period.before(1, self.start).at)


@dataclass(frozen=True)
class Census:
    """What a listing of all registries shows."""

    repositories: frozenset[tuple[str, str]]
    statuses: Mapping[_Place, str]
    tags: Mapping[_Place, str]

    @classmethod
    def of(cls, world: World) -> Census:
        """List everything."""
        repositories: set[tuple[str, str]] = set()
        statuses: dict[_Place, str] = {}
        tags: dict[_Place, str] = {}
        for registry in world.registries:
            with registry.lock:
                for name, home in registry.repositories.items():
                    place = (registry.region, name)
                    repositories.add(place)
                    statuses |= {(*place, digest): image.status for digest, image in home.images.items()}
                    tags |= {(*place, tag): digest for tag, digest in home.tags.items()}
        return cls(frozenset(repositories), statuses, tags)

    def since(self, before: Census) -> Summary:
        """What is different from `before`."""
        stayed = self.statuses.keys() & before.statuses.keys()
        return Summary(
            pushed=len(self.statuses.keys() - before.statuses.keys()),
            deleted=len(before.statuses.keys() - self.statuses.keys()),
            archived=sum(self.statuses[place] != before.statuses[place] for place in stayed),
            tags_moved=sum(self.tags[place] != before.tags[place] for place in self.tags.keys() & before.tags.keys()),
            repositories_created=len(self.repositories - before.repositories),
            repositories_deleted=len(before.repositories - self.repositories),
        )


def _live(actors: list[Actor], period: Period) -> None:
    """Everything that happens in `period`, in the order of its times, then what goes by the calendar."""
    events = [(at, place, actor) for place, actor in enumerate(actors) for at in actor.plan(period)]
    for at, _, actor in sorted(events, key=lambda event: event[:2]):
        actor.act(at)
    for actor in actors:
        actor.tidy(period)
