"""What is still to be fetched, and from where.

A manifest never changes under its digest, so each digest is asked for once, ever, wherever it is listed. What a plan
knows beyond that: the other repositories that list a digest, asked only if the first one cannot give it, and the
images that a filter of config.yaml hides, which are fetched only if an index that is wanted lists them.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

from indexer.ecr import FetchFailure
from indexer.model import Digest


class Place(NamedTuple):
    """A repository of a target; `target` is the target's number in this run."""

    target: int
    repository: str


class Listed(NamedTuple):
    """An image as one repository lists it: a tag of it, for messages, and when it was last pulled (microseconds)."""

    digest: Digest
    tag: str | None = None
    pulled_at: int | None = None


class Refusal(NamedTuple):
    """Where a digest was asked for, under which tag it is there, and why it was not given."""

    place: Place
    tag: str | None
    failure: FetchFailure


class Wanted(NamedTuple):
    """A digest to fetch; `order` is its place in the natural order, `refused` what other places said."""

    digest: Digest
    tag: str | None
    pulled_at: int | None
    order: int
    refused: tuple[Refusal, ...] = ()


class Known(Protocol):
    """The digests a store has."""

    def __contains__(self, digest: object, /) -> bool:
        """Whether the store has the manifest."""


class Plan:
    """Filled while repositories are listed, then emptied while manifests are fetched. Threads may share it."""

    def __init__(self, known: Known, *, filtered: bool = False) -> None:
        self.shown: set[str] = set()
        """The digests that a filter lets through; only where there is a filter, for it is only needed then."""
        self._known = known
        self._filtered = filtered
        self._lock = threading.Lock()
        self._planned: set[Digest] = set()
        self._queues: dict[Place, list[Wanted]] = defaultdict(list)
        self._elsewhere: dict[Digest, list[tuple[Place, Listed]]] = defaultdict(list)
        self._hidden: dict[Digest, list[tuple[Place, Listed]]] = defaultdict(list)
        self._order = 0

    def want(self, place: Place, images: Iterable[Listed]) -> int:
        """Plan to fetch what is neither stored nor planned; return how many that are.

        `images` stand in the order in which their rows are to stand in the store.
        """
        with self._lock:
            before = len(self._planned)
            for image in images:
                if self._filtered:
                    self.shown.add(image.digest)
                if image.digest in self._known:
                    continue
                if image.digest in self._planned:
                    self._elsewhere[image.digest].append((place, image))
                    continue
                self._add(place, image)
            return len(self._planned) - before

    def hide(self, place: Place, images: Iterable[Listed]) -> None:
        """Remember images that a filter hides: an index may list them."""
        with self._lock:
            for image in images:
                if image.digest not in self._known:
                    self._hidden[image.digest].append((place, image))

    @property
    def hides(self) -> bool:
        """Whether there is any image that only an index could bring in."""
        return bool(self._hidden)

    @property
    def planned(self) -> int:
        """How many digests were ever planned."""
        return len(self._planned)

    def follow(self, children: Iterable[str]) -> int:
        """Plan to fetch those children of an index that a filter hid; return how many that are.

        A child that no listing shows is not in the registry and is not asked for: in the repository of a
        pull-through cache the question alone would import it.
        """
        with self._lock:
            before = len(self._planned)
            for child in children:
                digest = Digest(child)
                if digest in self._hidden and digest not in self._planned:
                    self._add(*self._hidden[digest].pop(0))
            return len(self._planned) - before

    def elsewhere(self, wanted: Wanted, place: Place, failure: FetchFailure) -> tuple[Refusal, ...]:
        """Plan to fetch a digest that `place` did not give from the next repository that lists it.

        Where there is none left, return what each of them said.
        """
        refused = (*wanted.refused, Refusal(place, wanted.tag, failure))
        with self._lock:
            homes = self._elsewhere.get(wanted.digest) or self._hidden.get(wanted.digest)
            if not homes:
                return refused
            following, image = homes.pop(0)
            self._queues[following].append(Wanted(*image, wanted.order, refused))
            return ()

    def take(self) -> dict[Place, list[Wanted]]:
        """Return all that is waiting, in natural order, and forget it."""
        with self._lock:
            queues = self._queues
            self._queues = defaultdict(list)
            return dict(sorted(queues.items(), key=lambda item: item[1][0].order))

    def _add(self, place: Place, image: Listed) -> None:
        self._planned.add(image.digest)
        self._queues[place].append(Wanted(*image, self._order))
        self._order += 1


def chunks(queue: list[Wanted], size: int) -> Iterator[list[Wanted]]:
    """Yield `queue` in pieces of at most `size`."""
    for start in range(0, len(queue), size):
        yield queue[start : start + size]
