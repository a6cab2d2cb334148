"""What waits to be fetched from one repository, packed: a run of a million images holds all of it before it fetches."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from indexer.ecr import FetchFailure
from indexer.model import Digest

_PREFIX: Final = "sha256:"
_KEY: Final = 32
_NEVER: Final = -1
_KEPT: Final = 5_000


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


class Span:
    """Digests to fetch from one place, as columns: what `Wanted` has of each."""

    __slots__ = ("digests", "orders", "pulled", "refused", "tags")

    def __init__(self) -> None:
        self.digests: list[Digest] = []
        self.tags: list[str | None] = []
        self.pulled: list[int | None] = []
        self.orders: list[int] = []
        self.refused: list[tuple[Refusal, ...]] = []

    def __len__(self) -> int:
        return len(self.digests)

    def __iter__(self) -> Iterator[Wanted]:
        return map(Wanted, self.digests, self.tags, self.pulled, self.orders, self.refused)

    def add(self, wanted: Wanted) -> None:
        """Append one."""
        for column, value in zip(self._columns(), wanted, strict=True):
            column.append(value)

    def parts(self, size: int) -> Iterator[Span]:
        """Yield pieces of `size`, the last of which may have less."""
        for start in range(0, len(self), size):
            part = Span()
            for column, whole in zip(part._columns(), self._columns(), strict=True):
                column.extend(whole[start : start + size])
            yield part

    def _columns(self) -> tuple[list[Any], ...]:
        return (self.digests, self.tags, self.pulled, self.orders, self.refused)


class _Block(NamedTuple):
    """Images of one listing, of consecutive orders, in 55 bytes each where tuples took 400."""

    first: int
    keys: bytes
    tags: str
    pulled: array[int]

    def unpack(self, span: Span) -> None:
        """Append all to a span."""
        text, count = self.keys.hex(), len(self.pulled)
        span.digests += [Digest(_PREFIX + text[at : at + 2 * _KEY]) for at in range(0, len(text), 2 * _KEY)]
        span.tags += json.loads(self.tags)
        span.pulled += [None if at == _NEVER else at for at in self.pulled]
        span.orders += range(self.first, self.first + count)
        span.refused += [()] * count


class Queue:
    """What waits for one place, in the order in which it came."""

    def __init__(self) -> None:
        self._parts: list[_Block | Wanted] = []

    def add(self, wanted: Wanted) -> None:
        """Append one."""
        self._parts.append(wanted)

    def add_all(
        self, tags: Sequence[str | None], pulled: Sequence[int | None], keys: Sequence[bytes | str], first: int
    ) -> None:
        """Append images, given as columns, whose orders count from `first`; `keys` are those of their digests."""
        packed = [key for key in keys if type(key) is bytes]
        if len(packed) == len(keys):
            times = array("q", [_NEVER if at is None else at for at in pulled])
            self._parts.append(_Block(first, b"".join(packed), json.dumps(tags), times))
            return
        digests = (Digest(key if isinstance(key, str) else _PREFIX + key.hex()) for key in keys)
        self._parts += map(Wanted, digests, tags, pulled, range(first, first + len(keys)))

    def __len__(self) -> int:
        return sum(1 if isinstance(part, Wanted) else len(part.pulled) for part in self._parts)

    @property
    def first(self) -> int:
        """The order of the first."""
        first = self._parts[0]
        return first.order if isinstance(first, Wanted) else first.first

    def __iter__(self) -> Iterator[Wanted]:
        return chain.from_iterable(self.spans(_KEPT))

    def spans(self, size: int) -> Iterator[Span]:
        """Yield all in pieces of at most `size`, made as they are asked for."""
        held = Span()
        for part in self._parts:
            if isinstance(part, Wanted):
                held.add(part)
            else:
                part.unpack(held)
            if len(held) >= size:
                *whole, held = held.parts(size)
                yield from whole
        if len(held):
            yield held
