"""What waits to be fetched from one repository, packed: a run of a million images holds all of it before it fetches."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from indexer.ecr import FetchFailure
from indexer.model import Digest

_PREFIX: Final = "sha256:"
_KEY: Final = 32
_NEVER: Final = -1


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


def key_of(digest: str) -> bytes | str:
    """Return 32 bytes that stand for a sha256 digest, and any other digest as it is."""
    return bytes.fromhex(digest[len(_PREFIX) :]) if digest.startswith(_PREFIX) else digest


class _Block(NamedTuple):
    """Images of one listing, of consecutive orders, in 55 bytes each where the tuples took 400."""

    first: int
    keys: bytes
    tags: str
    pulled: array[int]

    @classmethod
    def of(cls, images: Sequence[Listed], keys: Sequence[bytes], first: int) -> _Block:
        pulled = array("q", [_NEVER if each.pulled_at is None else each.pulled_at for each in images])
        return cls(first, b"".join(keys), json.dumps([each.tag for each in images]), pulled)

    def wanted(self) -> Iterator[Wanted]:
        text = self.keys.hex()
        for at, (tag, pulled) in enumerate(zip(json.loads(self.tags), self.pulled, strict=True)):
            digest = Digest(_PREFIX + text[2 * _KEY * at : 2 * _KEY * (at + 1)])
            yield Wanted(digest, tag, None if pulled == _NEVER else pulled, self.first + at)


class Queue:
    """What waits for one place, in the order in which it came."""

    def __init__(self) -> None:
        self._parts: list[_Block | Wanted] = []

    def add(self, wanted: Wanted) -> None:
        """Append one."""
        self._parts.append(wanted)

    def add_all(self, images: Sequence[Listed], keys: Sequence[bytes | str], first: int) -> None:
        """Append images whose orders count from `first`; `keys` are those of their digests."""
        packed = [key for key in keys if type(key) is bytes]
        if len(packed) == len(images):
            self._parts.append(_Block.of(images, packed, first))
        else:
            self._parts += [Wanted(*image, order) for order, image in enumerate(images, first)]

    @property
    def first(self) -> int:
        """The order of the first."""
        first = self._parts[0]
        return first.order if isinstance(first, Wanted) else first.first

    def __iter__(self) -> Iterator[Wanted]:
        for part in self._parts:
            if isinstance(part, Wanted):
                yield part
            else:
                yield from part.wanted()

    def spans(self, size: int) -> Iterator[list[Wanted]]:
        """Yield all in pieces of at most `size`, made as they are asked for."""
        waiting = iter(self)
        while span := list(islice(waiting, size)):
            yield span
