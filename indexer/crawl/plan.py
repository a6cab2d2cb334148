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

from indexer.model import Digest


class Place(NamedTuple):
    """A repository of a target; `target` is the target's number in this run."""

    target: int
    repository: str


class Wanted(NamedTuple):
    """A digest to fetch; `tag` is one of its tags, for messages, `order` its place in the natural order."""

    digest: Digest
    tag: str | None
    order: int


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
        self._elsewhere: dict[Digest, list[Place]] = defaultdict(list)
        self._hidden: dict[Digest, list[Place]] = defaultdict(list)
        self._order = 0

    def want(self, place: Place, images: Iterable[tuple[Digest, str | None]]) -> int:
        """Plan to fetch what is neither stored nor planned; return how many that are.

        `images` stand in the order in which their rows are to stand in the store.
        """
        with self._lock:
            before = len(self._planned)
            for digest, tag in images:
                if self._filtered:
                    self.shown.add(digest)
                if digest in self._known:
                    continue
                if digest in self._planned:
                    self._elsewhere[digest].append(place)
                    continue
                self._add(place, digest, tag)
            return len(self._planned) - before

    def hide(self, place: Place, digests: Iterable[Digest]) -> None:
        """Remember images that a filter hides: an index may list them."""
        with self._lock:
            for digest in digests:
                if digest not in self._known:
                    self._hidden[digest].append(place)

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
                    self._add(self._hidden[digest].pop(0), digest, None)
            return len(self._planned) - before

    def elsewhere(self, wanted: Wanted) -> bool:
        """Plan to fetch a digest from the next repository that lists it; False where there is none left."""
        with self._lock:
            places = self._elsewhere.get(wanted.digest) or self._hidden.get(wanted.digest)
            if not places:
                return False
            self._queues[places.pop(0)].append(wanted)
            return True

    def take(self) -> dict[Place, list[Wanted]]:
        """Return all that is waiting, in natural order, and forget it."""
        with self._lock:
            queues = self._queues
            self._queues = defaultdict(list)
            return dict(sorted(queues.items(), key=lambda item: item[1][0].order))

    def _add(self, place: Place, digest: Digest, tag: str | None) -> None:
        self._planned.add(digest)
        self._queues[place].append(Wanted(digest, tag, self._order))
        self._order += 1


def chunks(queue: list[Wanted], size: int) -> Iterator[list[Wanted]]:
    """Yield `queue` in pieces of at most `size`."""
    for start in range(0, len(queue), size):
        yield queue[start : start + size]
