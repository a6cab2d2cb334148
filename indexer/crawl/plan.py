"""What is still to be fetched, and from where.

A manifest never changes under its digest, so each digest is asked for once, ever, wherever it is listed. What a plan
knows beyond that: the other repositories that list a digest, asked only if the first one cannot give it, and the
images that a filter of config.yaml hides, which are fetched only if an index that is wanted lists them.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Final, Protocol

from indexer.crawl.queue import Listed, Place, Queue, Refusal, Wanted, key_of
from indexer.digests import KEY, keys_of
from indexer.ecr import FetchFailure, ListedImage, microseconds
from indexer.model import Digest

_BLOCK: Final = 5_000


class Known(Protocol):
    """The digests a store has."""

    def missing(self, digests: Sequence[str], /) -> list[bool]:
        """Return of each digest whether the store does not have the manifest."""


class Plan:
    """Filled while repositories are listed, then emptied while manifests are fetched. Threads may share it."""

    def __init__(self, known: Known, *, filtered: bool = False) -> None:
        self.shown: set[str] = set()
        """The digests that a filter lets through; only where there is a filter, for it is only needed then."""
        self._known = known
        self._filtered = filtered
        self._lock = threading.Lock()
        self._planned: set[bytes | str] = set()
        self._count = 0
        self._queues: dict[Place, Queue] = defaultdict(Queue)
        self._elsewhere: dict[Digest, list[tuple[Place, Listed]]] = defaultdict(list)
        self._hidden: dict[Digest, list[tuple[Place, Listed]]] = defaultdict(list)
        self._order = 0

    def missing(self, digests: Sequence[str]) -> list[bool]:
        """Return of each digest whether the store does not have the manifest."""
        return self._known.missing(digests)

    def want(self, place: Place, images: Sequence[ListedImage], missing: Sequence[bool] | None = None) -> int:
        """Plan to fetch what is neither stored nor planned; return how many that are.

        `images` stand in the order in which their rows are to stand in the store. `missing` says of each what `missing`
        said of its digest, where the caller has asked.
        """
        with self._lock:
            if self._filtered:
                self.shown.update(image.digest for image in images)
            if missing is None:
                missing = self.missing([image.digest for image in images])
            wanted = list(compress(images, missing))
            # Of a repository with 100,000 images, the objects of all of them would be 25 MB.
            return sum(self._want(place, wanted[at : at + _BLOCK]) for at in range(0, len(wanted), _BLOCK))

    def _want(self, place: Place, images: Sequence[ListedImage]) -> int:
        digests = [image.digest for image in images]
        together = keys_of(digests)
        keys = list(map(key_of, digests)) if together is None else _cut(together)
        new = set(keys)
        if len(new) < len(keys) or not new.isdisjoint(self._planned):
            images, keys = self._once(place, images, keys)
        self._add(place, images, keys)
        return len(keys)

    def _once(
        self, place: Place, images: Sequence[ListedImage], keys: Sequence[bytes | str]
    ) -> tuple[list[ListedImage], list[bytes | str]]:
        """Return images, and their keys, that are not planned yet, each once; note of the others where they are too."""
        new: dict[bytes | str, ListedImage] = {}
        for key, image in zip(keys, images, strict=True):
            if key in self._planned or key in new:
                self._elsewhere[Digest(image.digest)].append((place, _listed(image)))
            else:
                new[key] = image
        return list(new.values()), list(new)

    def hide(self, place: Place, images: Sequence[ListedImage]) -> None:
        """Remember images that a filter hides: an index may list them."""
        with self._lock:
            for image in compress(images, self.missing([image.digest for image in images])):
                self._hidden[Digest(image.digest)].append((place, _listed(image)))

    @property
    def hides(self) -> bool:
        """Whether there is any image that only an index could bring in."""
        return bool(self._hidden)

    @property
    def planned(self) -> int:
        """How many digests were ever planned."""
        return self._count

    def follow(self, children: Iterable[str]) -> int:
        """Plan to fetch those children of an index that a filter hid; return how many that are.

        A child that no listing shows is not in the registry and is not asked for: in the repository of a
        pull-through cache the question alone would import it.
        """
        with self._lock:
            before = self._count
            for child in children:
                digest, key = Digest(child), key_of(child)
                if digest in self._hidden and key not in self._planned:
                    place, image = self._hidden[digest].pop(0)
                    self._planned.add(key)
                    self._queues[place].add(Wanted(*image, self._order))
                    self._count += 1
                    self._order += 1
            return self._count - before

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
            self._queues[following].add(Wanted(*image, wanted.order, refused))
            return ()

    def take(self, *, more: bool = False) -> dict[Place, Queue]:
        """Return all that is waiting, in natural order, and forget it. `more` says whether more will be wanted."""
        with self._lock:
            if not more and not self._hidden:
                self._planned = set()  # only `follow` would look there again; of a million images it takes 120 MB
            queues = self._queues
            self._queues = defaultdict(Queue)
            return dict(sorted(queues.items(), key=lambda item: item[1].first))

    def _add(self, place: Place, images: Sequence[ListedImage], keys: Sequence[bytes | str]) -> None:
        if keys:
            self._planned.update(keys)
            self._count += len(keys)
            tags = [image.tags[0] if image.tags else None for image in images]
            pulled = [microseconds(image.last_pulled_at) for image in images]
            self._queues[place].add_all(tags, pulled, keys, self._order)
            self._order += len(keys)


def _cut(keys: bytes) -> list[bytes | str]:
    return [keys[at : at + KEY] for at in range(0, len(keys), KEY)]


def _listed(image: ListedImage) -> Listed:
    return Listed(Digest(image.digest), image.tags[0] if image.tags else None, microseconds(image.last_pulled_at))
