"""One run: list, fetch, commit.

    targets ─ list ─▶ repositories, images ─▶ the run's files
                 └──▶ plan ─ fetch ─▶ digest checked ─ flatten ─▶ segments

Segments are committed as they fill, each a whole; the run itself is committed last. A run that dies leaves its
segments behind, and the next one does not fetch them again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import indexer
from indexer.crawl.crowd import Crowd
from indexer.crawl.fetching import Fetcher, Threads
from indexer.crawl.globs import Globs, Remark
from indexer.crawl.hands import Hands
from indexer.crawl.listing import Listing
from indexer.crawl.memory import frugal
from indexer.crawl.plan import Plan
from indexer.crawl.progress import Progress
from indexer.crawl.report import Report
from indexer.crawl.shared import Shared, rare_collections
from indexer.crawl.spent import Spent, Work, cpu_seconds
from indexer.crawl.stop import Stop
from indexer.crawl.targets import Walk, walks
from indexer.crawl.worker import Place, Setup
from indexer.crawl.workers import Reserve, reserve, turns, workers
from indexer.ecr import advised
from indexer.errors import IndexerError
from indexer.store import Store, Writer
from indexer.tables import RunRow

if TYPE_CHECKING:
    from indexer.config import Config  # pydantic: a worker does without


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did. `row` is its row in `runs`, with where the time went; `seconds` is wall time.

    `waited` is what the pace made requests wait, in seconds, added up over all threads and processes.
    """

    row: RunRow
    failed_targets: int
    seconds: float
    waited: float

    @property
    def complete(self) -> bool:
        """Whether everything that the configuration wants was indexed."""
        return self.row.complete


class Fetched(NamedTuple):
    """What came of fetching; `requests`, and what `spent` has of waiting, are those of worker processes alone."""

    manifests: int
    bytes: int
    requests: int
    spent: Spent


def crawl(
    config: Config,
    store: Store,
    *,
    progress: Progress | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    tell: Callable[[Remark], object] = lambda _: None,
) -> Summary:
    """Walk all targets of `config` and commit what they hold to `store`.

    `tell` is given what is odd about the configuration, as soon as the listing shows it.

    Raises StoreLocked where another run holds the store, ConfigError for a profile that is not there, and
    IndexerError where no target at all could be listed, or none answers any more; the store is then as it was, but for
    the segments of what was fetched. Everything less is a row in `failures` of a committed run.
    """
    progress = progress or Progress()
    frugal()
    began, cpu = time.monotonic(), cpu_seconds()
    stop = Stop()
    targets = progress.targets = walks(config, stop)
    with rare_collections(), store.writer(now=now, version=indexer.__version__) as writer:
        plan = Plan(writer.known(), filtered=config.images.hides)
        crowd = Crowd(config.fetch.connections * len(targets))
        shared = Shared(plan, Report(writer, progress), progress, now, stop, crowd, Globs(tell))
        quotas = len({walk.quota for walk in targets})
        with reserve(config.fetch, quotas, writer) as ready:
            _list(config, targets, store, shared, ready)
            listed = time.monotonic()
            fetched = _fetch(config, targets, writer, shared, ready)
        with (last := Work()).measured():
            writer.flush()
        _check_answering(targets, shared)
        progress.phase = "committing"
        spent = fetched.spent + Spent(0.0, last.seconds, _waited(targets))
        times = _milliseconds(cpu_seconds() - cpu, listed - began, time.monotonic() - listed, *spent)
        row = _row(config, writer, targets, shared, fetched)._replace(**times)
        summary = Summary(row, len(shared.report.target_errors), time.monotonic() - began, spent.waiting)
        _commit(writer, store, summary, progress)
    progress.phase = "done"
    return summary


def _commit(writer: Writer, store: Store, summary: Summary, progress: Progress) -> None:
    """Commit the run and note that it is, also where a signal comes right after the name that is the commit."""
    try:
        writer.commit_run(summary.row)
    except BaseException:
        with suppress(IndexerError):
            if summary.row.run_id in store.files().runs:
                progress.committed = summary
        raise
    progress.committed = summary


def _waited(targets: list[Walk]) -> float:
    return sum(pace.waited for pace in {walk.ecr.pace for walk in targets})


def _milliseconds(*seconds: float) -> dict[str, Any]:
    names = ("cpu_ms", "listing_ms", "fetching_ms", "flattening_ms", "writing_ms", "waiting_ms")
    return dict(zip(names, (round(1000 * each) for each in seconds), strict=True))


def _list(config: Config, targets: list[Walk], store: Store, shared: Shared, ready: Reserve) -> None:
    shared.progress.phase = "listing"
    listing = Listing(config.images, store.problems(), shared, ready.grow)
    connections = config.fetch.connections
    with shared.stop.threads(len(targets), "target") as pool:
        for done in as_completed([pool.submit(listing.list_target, walk, connections) for walk in targets]):
            done.result()
    if len(shared.report.target_errors) == len(targets):
        raise _none_answered(targets, shared)
    _check_answering(targets, shared)
    shared.globs.judge(targets, shared.report)
    shared.report.write_deleted(store.last_repositories())
    _follow_stored(store, shared, listing)


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


def _check_answering(targets: list[Walk], shared: Shared) -> None:
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


def _fetch(config: Config, targets: list[Walk], writer: Writer, shared: Shared, ready: Reserve) -> Fetched:
    shared.progress.phase = "fetching"
    fetcher = Fetcher(targets, shared)
    accounts = [shared.report.account(walk) or "" for walk in targets]
    count = ready.grow(shared.plan.planned)
    if count == 1:
        ecrs = [walk.ecr for walk in targets]
        hands = Hands(ecrs, accounts, writer, now=shared.now, follow=shared.plan.hides)
        fetcher.run(Threads(hands, config.fetch.connections, shared), config.fetch.chunk_size)
        spent = Spent(hands.flattening.seconds, hands.writing.seconds)
        return Fetched(fetcher.manifests, fetcher.bytes, 0, spent)
    ahead = shared.now() - datetime.now(UTC)
    setups = [
        Setup(
            writer.share,
            writer.run_id,
            turn,
            os.getpid(),
            ahead,
            shared.plan.hides,
            [_place(config, walk, account, connections) for walk, account in zip(targets, accounts, strict=True)],
        )
        for turn, connections in turns(count, config.fetch.connections)
    ]
    with workers(ready, setups, [walk.ecr for walk in targets]) as crew:
        fetcher.run(crew, config.fetch.chunk_size)
    requests = sum(done.requests for done in crew.done)
    return Fetched(fetcher.manifests, fetcher.bytes, requests, sum((done.spent for done in crew.done), Spent()))


def _place(config: Config, walk: Walk, account: str, connections: int) -> Place:
    fetch = config.fetch
    left = walk.ecr.pace.recent
    return Place(walk.target, account, walk.quota, fetch.requests_per_second, left, connections, fetch.max_attempts)


def _row(config: Config, writer: Writer, targets: list[Walk], shared: Shared, fetched: Fetched) -> RunRow:
    report = shared.report
    return RunRow(
        run_id=writer.run_id,
        started_at=writer.started_at,
        finished_at=shared.now(),
        complete=report.failures == 0,
        version=indexer.__version__,
        targets=report.targets(targets),
        repositories=report.repositories,
        images=report.image_rows,
        requests=sum(walk.ecr.requests for walk in targets) + fetched.requests,
        manifests_fetched=fetched.manifests,
        failures=report.failures,
        bytes=fetched.bytes,
        tag_status=config.images.tag_status,
        image_status=config.images.image_status,
    )
