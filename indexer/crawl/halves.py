"""The two halves of a run: what there is gets listed, and what is not stored yet gets fetched.

All of a repository is listed before any of it is fetched. Worker processes may begin with repositories that are listed
while others are not, so that no processor waits for the listing (benchmarks/README.md has what that gains).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, as_completed
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from indexer.crawl.fetching import Fetcher, Supply, Threads
from indexer.crawl.hands import Hands
from indexer.crawl.listing import Listing
from indexer.crawl.processes import Reserve, early, most, turns
from indexer.crawl.shared import Shared
from indexer.crawl.spent import Spent
from indexer.crawl.targets import Walk
from indexer.crawl.worker import Place, Setup
from indexer.crawl.workers import workers
from indexer.ecr import Turn, advised
from indexer.errors import IndexerError
from indexer.store import Store, Writer

if TYPE_CHECKING:
    from indexer.config import Config  # pydantic: a worker does without


class Fetched(NamedTuple):
    """What came of fetching; `requests`, and what `spent` has of waiting, are those of worker processes alone."""

    manifests: int
    bytes: int
    requests: int
    spent: Spent


class Halves:
    """Both halves of one run: `list_all` in a thread of its own, and `fetch`."""

    def __init__(self, config: Config, targets: list[Walk], shared: Shared, ready: Reserve) -> None:
        self._config = config
        self._targets = targets
        self._shared = shared
        self._ready = ready
        self._enough = threading.Event()
        quotas = len({walk.quota for walk in targets})
        # What a filter hides is fetched only where an index lists it, which is not known before all is listed.
        overlap = early(config.fetch, quotas) and not config.images.hides
        self._overlap_with = most(config.fetch, quotas) if overlap else 0

    def list_all(self, store: Store) -> float:
        """List and plan; return when that was done (`time.monotonic`).

        Raises IndexerError where no target could be listed, or none answers any more.
        """
        targets, shared, connections = self._targets, self._shared, self._config.fetch.connections
        shared.progress.phase = "listing"
        listing = Listing(self._config.images, store.problems(), shared, self._planned)
        with shared.stop.threads(len(targets), "target") as pool:
            for done in as_completed([pool.submit(listing.list_target, walk, connections) for walk in targets]):
                done.result()
        if shared.stop.asked:
            return time.monotonic()  # broken off: of half a listing nothing is said, and nothing is fetched
        if len(shared.report.target_errors) == len(targets):
            raise _none_answered(targets, shared)
        check_answering(targets, shared)
        shared.globs.judge(targets, shared.report)
        shared.report.write_deleted(store.last_repositories())
        _follow_stored(store, shared, listing)
        shared.progress.phase = "fetching"
        return time.monotonic()

    def _planned(self, count: int) -> None:
        """Have the processes that are to fetch so many manifests, and let them begin once there is work for all."""
        if self._ready.grow(count) == self._overlap_with and self._shared.report.heard(self._targets):
            self._enough.set()

    def fetch(self, listing: Future[float], writer: Writer) -> Fetched:
        """Fetch all that `listing` plans, when that is done or a little before. Raises the error of either half."""
        listing.add_done_callback(lambda _: self._enough.set())
        self._enough.wait()

        def listed() -> bool:
            if listing.done():
                listing.result()  # raises what went wrong
                return True
            return False

        fetcher = Fetcher(self._targets, self._shared, Supply(self._shared.plan, self._config.fetch.chunk_size, listed))
        count = self._ready.grow(self._shared.plan.planned)
        if count == 1:
            return self._fetch_here(fetcher, writer)
        return self._fetch_among(count, fetcher, writer)

    def _fetch_here(self, fetcher: Fetcher, writer: Writer) -> Fetched:
        hands = self._hands(writer)
        fetcher.run(Threads(hands, self._config.fetch.connections, self._shared))
        return Fetched(fetcher.manifests, fetcher.bytes, 0, hands.spent)

    def _fetch_among(self, count: int, fetcher: Fetcher, writer: Writer) -> Fetched:
        """Fetch as the first of so many processes."""
        (_, connections), *others = turns(count, self._config.fetch.connections)
        writer.first_of(count)
        hands = self._hands(writer)
        here = Threads(hands, connections, self._shared)
        setups, ecrs = self._setups(writer, others), [walk.ecr for walk in self._targets]
        with workers(self._ready, setups, ecrs, here) as crew:
            fetcher.run(crew)
            crew.finish(writer.flush)
        requests = sum(done.requests for done in crew.done)
        spent = sum((done.spent for done in crew.done), hands.spent)
        return Fetched(fetcher.manifests, fetcher.bytes, requests, spent)

    def _hands(self, writer: Writer) -> Hands:
        ecrs, follow = [walk.ecr for walk in self._targets], self._shared.plan.hides
        return Hands(ecrs, self._accounts(), writer, now=self._shared.now, follow=follow)

    def _setups(self, writer: Writer, others: Sequence[tuple[Turn, int]]) -> list[Setup]:
        fetch, walks, accounts = self._config.fetch, self._targets, self._accounts()
        paces = {walk.quota: walk.ecr.pace for walk in walks}
        before = {quota: pace.divide(len(others) + 1) for quota, pace in paces.items()}
        ahead = self._shared.now() - datetime.now(UTC)

        def place(walk: Walk, connections: int) -> Place:
            rate = fetch.requests_per_second
            of = (walk.target, accounts[walk.number], walk.quota)
            return Place(*of, rate, before[walk.quota], connections, fetch.max_attempts)

        return [
            Setup(
                writer.share,
                writer.run_id,
                turn,
                os.getpid(),
                ahead,
                self._shared.plan.hides,
                [place(walk, connections) for walk in walks],
            )
            for turn, connections in others
        ]

    def _accounts(self) -> list[str]:
        return [self._shared.report.account(walk) or "" for walk in self._targets]


def _follow_stored(store: Store, shared: Shared, listing: Listing) -> None:
    """Plan what a filter hides and an index that is already stored lists: an earlier run may not have got it.

    What such a run got and could not flatten is told again.
    """
    seen: set[str] = set()
    level = shared.plan.shown if shared.plan.hides or listing.hides_problems else set()
    while level:
        children = {child for _, child in store.children(level)}
        shared.progress.count(wanted=shared.plan.follow(children))
        listing.repeat_hidden_problems(children)
        seen |= level
        level = children - seen


def check_answering(targets: list[Walk], shared: Shared) -> None:
    """Raise IndexerError where no target answers any more: such a run says less than the last good one."""
    down = {walk.number: walk.ecr.health.down for walk in targets if walk.ecr.health.down is not None}
    told = shared.report.target_errors | down
    if down and len(told) == len(targets):
        lines = [f"{walk.target}: {told[walk.number]}" for walk in targets]
        first = "no registry answers any more; this run is not committed, what it fetched is kept: run it again later"
        raise IndexerError("\n".join([first, *lines]))


def _none_answered(targets: list[Walk], shared: Shared) -> IndexerError:
    lines = [f"{walk.target}: {advised(shared.report.target_errors[walk.number])}" for walk in targets]
    first = "nothing could be listed; the store is as it was"
    return IndexerError("\n".join([first, *lines, "indexer check tries what a run needs, and says what is missing"]))
