"""One run: list, fetch, commit.

    targets ─ list ─▶ repositories, images ─▶ the run's files
                 └──▶ plan ─ fetch ─▶ digest checked ─ flatten ─▶ segments

Segments are committed as they fill, each a whole; the run itself is committed last. A run that dies leaves its
segments behind, and the next one does not fetch them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import indexer
from indexer.crawl.crowd import Crowd
from indexer.crawl.globs import Globs, Remark
from indexer.crawl.halves import Fetched, Halves, check_answering
from indexer.crawl.memory import frugal
from indexer.crawl.plan import Plan
from indexer.crawl.processes import reserve
from indexer.crawl.progress import Progress
from indexer.crawl.report import Report
from indexer.crawl.shared import Shared, rare_collections
from indexer.crawl.spent import Spent, Work, cpu_seconds
from indexer.crawl.stop import Stop
from indexer.crawl.targets import Walk, walks
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
        with reserve(config.fetch, quotas, writer) as ready, stop.threads(1, "listing") as aside:
            halves = Halves(config, targets, shared, ready)
            listing = aside.submit(halves.list_all, store)
            fetched = halves.fetch(listing, writer)
            listed = listing.result()
        with (last := Work()).measured():
            writer.flush()
        check_answering(targets, shared)
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
