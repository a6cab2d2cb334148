"""What is done with one chunk of digests, in whichever thread of whichever process: fetch, check, flatten, store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from indexer.crawl.spent import Spent, Work
from indexer.ecr import Batch, Ecr, FetchFailure
from indexer.flatten import Bundle, Given, Source, flatten_all
from indexer.model import Digest

_OF_THE_REPOSITORY = frozenset({"AccessDeniedException", "RepositoryNotFoundException"})
"""Refusals that every further call for the repository would meet as well."""


_ORDER: Final = attrgetter("order")


class Ask(NamedTuple):
    """One call to make. `target` is the target's number.

    Of each digest, `orders` has its place in the natural order and `pulled` when the listing says that it was last
    pulled there (microseconds since 1970).
    """

    target: int
    repository: str
    digests: list[Digest]
    orders: list[int]
    pulled: list[int | None]

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to a worker with the digests as one text: as objects they take 3 microseconds a manifest."""
        return _asked, (self.target, self.repository, " ".join(self.digests), self.orders, self.pulled)


def _asked(target: int, repository: str, digests: str, orders: list[int], pulled: list[int | None]) -> Ask:
    return Ask(target, repository, [Digest(digest) for digest in digests.split(" ")], orders, pulled)


class Told(NamedTuple):
    """What became of an `Ask`; each of its digests is counted in `manifests` or is in `failures`."""

    manifests: int
    bytes: int
    failures: list[FetchFailure]
    problems: list[tuple[Digest, str]]
    """Digests that were stored and could not be flattened, with the reason."""
    children: list[str]
    """What the indexes among them list, where that is of interest."""


class RowSink(Protocol):
    """What takes facts about manifests and commits them; safe for threads."""

    def add_all(self, bundle: Bundle, /) -> object:
        """Add the rows of manifests."""


class Hands:
    """Does what it is asked, from several threads. `ecrs` and `accounts` (ids) are those of the targets, by number.

    `follow` says whether the children of indexes are of interest.
    """

    def __init__(
        self,
        ecrs: Sequence[Ecr],
        accounts: Sequence[str],
        sink: RowSink,
        *,
        now: Callable[[], datetime],
        follow: bool,
    ) -> None:
        self._ecrs = ecrs
        self._accounts = accounts
        self._sink = sink
        self._now = now
        self._follow = follow
        self.flattening, self.writing = Work(), Work()
        self._refused: dict[tuple[int, str], FetchFailure] = {}

    @property
    def spent(self) -> Spent:
        """The CPU of all so far; what requests waited is their pace's to say."""
        return Spent(self.flattening.seconds, self.writing.seconds)

    def do(self, ask: Ask) -> Told:
        """Fetch what is asked and store it. Raises StoreError."""
        batch = self._fetch(ask)
        with self.flattening.measured():
            bundle = flatten_all(self._given(ask, batch))
        with self.writing.measured():
            self._sink.add_all(bundle)
        size = sum([len(manifest.raw) for manifest in batch.manifests])
        problems = [(Digest(digest), problem) for digest, problem in bundle.problems]
        children = bundle.children if self._follow else []
        return Told(len(batch.manifests), size, list(batch.failures), problems, children)

    def _given(self, ask: Ask, batch: Batch) -> list[Given]:
        """Return what came, in the natural order."""
        where = (self._accounts[ask.target], self._ecrs[ask.target].target.region, ask.repository, self._now())
        known = dict(zip(ask.digests, zip(ask.orders, ask.pulled, strict=True), strict=True))
        # tuple.__new__ makes the same as the constructors, sooner.
        new, given = tuple.__new__, []
        for digest, text, raw, verified in batch.manifests:
            order, pulled_at = known[digest]
            given.append(new(Given, (digest, raw, new(Source, (*where, pulled_at)), verified, order, text)))
        given.sort(key=_ORDER)
        return given

    def _fetch(self, ask: Ask) -> Batch:
        """Ask the registry, except for a repository that refuses everything: that is asked once and not per chunk."""
        place = (ask.target, ask.repository)
        refused = self._refused.get(place)
        if refused is not None:
            return Batch((), tuple(refused._replace(digest=digest) for digest in ask.digests))
        batch = self._ecrs[ask.target].batch_get_image(ask.repository, ask.digests)
        refusal = next((failure for failure in batch.failures if failure.code in _OF_THE_REPOSITORY), None)
        if refusal is not None and not batch.manifests:
            self._refused[place] = refusal
        return batch
