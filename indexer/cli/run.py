"""`indexer run`: the batch job, what it did, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.cli import output
from indexer.cli.cells import counted, human_bytes, number
from indexer.cli.places import CONFIG, cache_folder, read_config, refuse_demo
from indexer.cli.progress import watching
from indexer.cli.signals import exit_code
from indexer.crawl import Progress, Summary, crawl
from indexer.errors import EXIT_DONE, EXIT_INCOMPLETE
from indexer.front import OpenStore
from indexer.store import Store

if TYPE_CHECKING:
    from indexer.config import Config

_SHOWN = 5


def run_job(config: str | None, store: str | None, *, quiet: bool) -> int:
    """Run the job; return the exit code. Errors that end the run are raised."""
    loaded = read_config(config)
    if store:
        loaded = loaded.model_copy(update={"store": store})
    refuse_demo(Path(config or CONFIG), loaded.store)
    try:
        summary = _crawl(loaded, quiet=quiet)
    except KeyboardInterrupt as stop:
        output.say("interrupted: this run is not committed, but the manifests it fetched are kept; run it again")
        return exit_code(stop)
    if not quiet:
        _tell(summary, loaded.store)
    return EXIT_DONE if summary.complete else EXIT_INCOMPLETE


def _crawl(config: Config, *, quiet: bool) -> Summary:
    store = Store.create_or_open(config.store, cache=cache_folder())
    progress = Progress()
    with watching(progress, quiet=quiet):
        return crawl(config, store, progress=progress)


def _tell(summary: Summary, location: str) -> None:
    row = summary.row
    state = "complete" if summary.complete else f"incomplete: {counted(row.failures, 'failure')}"
    output.say(f"run {row.run_id}, {state}")
    output.say(f"  {number(row.repositories)} repositories with {number(row.images)} images")
    output.say(
        f"  {number(row.manifests_fetched)} manifests fetched ({human_bytes(row.bytes)}), "
        f"{number(row.requests)} requests, {summary.seconds:,.1f} seconds"
    )
    if not summary.complete:
        _tell_failures(location, row.run_id)
    output.say(f"next: indexer query registry-totals --store {location}")


def _tell_failures(location: str, run_id: str) -> None:
    """Say the most frequent reasons why things are missing, each with one example."""
    with OpenStore(location, cache=cache_folder()) as store:
        failures = store.sql(
            "select code, operation, count(*), min(coalesce(repository, region)), min_by(reason, manifest_digest) "
            "from failure_history where run_id = $run group by code, operation order by count(*) desc, code, operation",
            run=run_id,
        ).fetchall()
    for code, operation, count, where, reason in failures[:_SHOWN]:
        output.say(f"  {count:,} x {operation} {code}, such as {where}: {reason}")
    if len(failures) > _SHOWN:
        output.say(f"  and {len(failures) - _SHOWN} other kinds")
    output.say(f"  all of them: indexer query failures --store {location}")
