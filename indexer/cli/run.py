"""`indexer run`: the batch job, what it did, and what to do next; and who is told how it ended."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import indexer
from indexer.check import odd_processes, odd_regions
from indexer.cli.cells import counted, human_bytes, number
from indexer.cli.places import CONFIG, cache_folder, read_config, refuse_demo
from indexer.cli.progress import watching
from indexer.cli.signals import INTERRUPTED, acknowledge_by, asked_to_end, exit_code
from indexer.cli.voice import Voice
from indexer.crawl import NOTHING_INCLUDED, Progress, Remark, Summary, crawl
from indexer.ecr import advice, in_short
from indexer.errors import EXIT_DONE, EXIT_FAILED, EXIT_INCOMPLETE, IndexerError, UsageError
from indexer.front import OpenStore
from indexer.outcome import (
    FailureCount,
    Outcome,
    call_hook,
    check_writable,
    document,
    variables,
    write_metrics,
    write_summary,
)
from indexer.store import Store

_STOPPING = "stopping: what is in hand is being kept, which may take some seconds"
_SHOWN = 5
_PROMETHEUS = ".prom"
_KEPT = "this run is not committed, but the manifests it fetched are kept; run it again"


def _cpu() -> float:
    """Seconds of CPU of this process and of its workers that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Watchers(NamedTuple):
    """Who is told how the run ended: two files, and a command for the shell."""

    metrics_file: str | None = None
    summary_file: str | None = None
    on_failure: str | None = None


@dataclass
class _Run:
    """What is known of a run so far."""

    progress: Progress = field(default_factory=Progress)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began: float = field(default_factory=time.monotonic)
    cpu: float = field(default_factory=_cpu)
    store: str | None = None

    def outcome(self, code: int, error: str | None = None) -> Outcome:
        """Return how a run ended that was not committed."""
        now = self.progress
        return Outcome(
            exit_code=code,
            version=indexer.__version__,
            started_at=self.started_at,
            finished_at=datetime.now(UTC),
            store=self.store,
            error=error,
            repositories=now.repositories_listed,
            images=now.images,
            manifests_fetched=now.fetched,
            bytes=now.bytes,
            failures=now.failures,
            seconds=time.monotonic() - self.began,
            cpu_seconds=_cpu() - self.cpu,
            phases=now.seconds,
        )

    def committed(self, summary: Summary) -> Outcome:
        """Return how a run ended that was."""
        row = summary.row
        return replace(
            self.outcome(EXIT_DONE if summary.complete else EXIT_INCOMPLETE),
            run_id=row.run_id,
            repositories=row.repositories,
            images=row.images,
            manifests_fetched=row.manifests_fetched,
            bytes=row.bytes,
            failures=row.failures,
            requests=row.requests,
            failure_counts=() if summary.complete else _counts_if_let(self.store or "", row.run_id),
        )


def run_job(config: str | None, store: str | None, voice: Voice, watchers: Watchers) -> int:
    """Run the job; return the exit code. Whoever watches is told of every end that a process can tell of.

    UsageError where a file of `watchers` could not be written; nothing has been called then.
    """
    _check_files(watchers)
    acknowledge_by(lambda text: voice.fail("stopping", text, word=""), _STOPPING)
    run = _Run()
    try:
        outcome = run.committed(_crawl(run, config, store, voice))
    except IndexerError as error:
        outcome = run.outcome(error.exit_code, str(error))
        voice.fail("failed", str(error), document(outcome))
    except (KeyboardInterrupt, Exception) as error:
        stop = error if isinstance(error, KeyboardInterrupt) else asked_to_end()
        if stop is None:
            _tell_watchers(run.outcome(EXIT_FAILED, f"{type(error).__name__}: {error}"), voice, watchers)
            raise
        # Of a signal a module in C may have made an error of its own.
        outcome = _interrupted(run, stop, voice)
    try:
        if outcome.run_id is not None:
            voice.tell("finished", list(_lines(outcome)), document(outcome))
    finally:  # a signal while it is told is no reason not to tell the others
        _tell_watchers(outcome, voice, watchers)
    return outcome.exit_code


def _interrupted(run: _Run, stop: KeyboardInterrupt, voice: Voice) -> Outcome:
    """Return how a run ended that a signal broke off, and tell it; after its commit it is a run like any other."""
    if run.progress.committed is not None:
        return run.committed(run.progress.committed)
    outcome = run.outcome(exit_code(stop), "interrupted")
    kept = _KEPT if run.progress.fetched else "nothing was fetched yet"
    voice.fail("interrupted", f"interrupted: {kept}", document(outcome), word="")
    return outcome


def _check_files(watchers: Watchers) -> None:
    metrics, summary = watchers.metrics_file, watchers.summary_file
    if metrics is not None and not metrics.endswith(_PROMETHEUS):
        raise UsageError(
            f"--metrics-file: {metrics} does not end in {_PROMETHEUS}, and the textfile collector of Prometheus' node "
            "exporter reads no other file; name it so"
        )
    if metrics is not None and summary is not None and Path(metrics).resolve() == Path(summary).resolve():
        raise UsageError(f"--metrics-file and --summary-file both name {metrics}; name two files")
    for option, path in (("--metrics-file", metrics), ("--summary-file", summary)):
        if path is not None:
            check_writable(Path(path), option)


def _crawl(run: _Run, config: str | None, store: str | None, voice: Voice) -> Summary:
    loaded = read_config(config)
    if store:
        loaded = loaded.model_copy(update={"store": store})
    run.store = loaded.store
    refuse_demo(Path(config or CONFIG), loaded.store)
    for odd in odd_regions(loaded):
        voice.warn("region", odd)
    if (many := odd_processes(loaded)) is not None:
        voice.warn("config", many)
    opened = Store.create_or_open(loaded.store, cache=cache_folder())
    with watching(run.progress, voice, loaded.fetch.requests_per_second):
        return crawl(loaded, opened, progress=run.progress, tell=lambda remark: _remark(remark, voice))


def _remark(remark: Remark, voice: Voice) -> None:
    if remark.is_warning:
        voice.warn("config", remark.text)
    else:
        voice.tell("config", [f"note: {remark.text}"])


def _tell_watchers(outcome: Outcome, voice: Voice, watchers: Watchers) -> None:
    """Write the files and call the command; what goes wrong with that is told and changes nothing else."""
    try:
        if watchers.summary_file is not None:
            write_summary(Path(watchers.summary_file), outcome)
        if watchers.metrics_file is not None:
            warning = write_metrics(Path(watchers.metrics_file), outcome)
            if warning is not None:
                voice.warn("metrics", warning)
    except OSError as error:
        voice.warn("watchers", f"{error.filename} cannot be written: {error.strerror or error}")
    # Who pressed Ctrl-C knows.
    if watchers.on_failure is not None and outcome.exit_code not in {EXIT_DONE, INTERRUPTED}:
        _call(watchers.on_failure, outcome, voice)


def _call(command: str, outcome: Outcome, voice: Voice) -> None:
    try:
        code, said = call_hook(command, {**os.environ, **variables(outcome)})
    except OSError as error:
        voice.warn("on_failure", f"the command of --on-failure could not be run: {error}")
        return
    words = f": {said}" if said else ""
    if code == 0:
        voice.tell("on_failure", [f"the command of --on-failure was run{words}"])
    else:
        how = "was ended for taking too long" if code is None else f"ended with code {code}"
        voice.warn("on_failure", f"the command of --on-failure {how}{words}")


def _lines(outcome: Outcome) -> Iterator[str]:
    """Yield what a person wants to know of a run that was committed."""
    state = f"incomplete: {counted(outcome.failures, 'failure')}" if outcome.failures else "complete"
    yield f"run {outcome.run_id}, {state}"
    yield (
        f"  {counted(outcome.repositories, 'repository', 'repositories')} with "
        f"{counted(outcome.images, 'image')}; {counted(outcome.manifests_fetched, 'manifest')} fetched "
        f"({human_bytes(outcome.bytes)})"
    )
    phases = ", ".join(f"{name} {seconds:,.1f}" for name, seconds in outcome.phases.items())
    yield (
        f"  {counted(outcome.requests or 0, 'request')} in {outcome.seconds:,.1f} seconds ({phases}), "
        f"{number(round(outcome.requests_per_second or 0, 1))} a second; {outcome.cpu_seconds:,.1f} seconds of CPU"
    )
    for each in outcome.failure_counts[:_SHOWN]:
        if each.code == NOTHING_INCLUDED:  # a warning has said all of it when that was listed
            yield f"  {each.failures:,} x {each.operation} {each.code}, as said above"
            continue
        said = f"{each.failures:,} x {each.operation} {each.code}, such as {each.where}: {in_short(each.reason)}"
        what_to_do = advice(each.code)
        yield f"  {said}" if what_to_do is None else f"  {said.rstrip('.')}; {what_to_do}"
    if len(outcome.failure_counts) > _SHOWN:
        yield f"  and {len(outcome.failure_counts) - _SHOWN} other kinds"
    if outcome.failures:
        yield f"  all of them: indexer query failures --store {outcome.store}"
    yield f"next: {_next(outcome)}"


def _next(outcome: Outcome) -> str:
    if any(each.code == NOTHING_INCLUDED for each in outcome.failure_counts):
        return "mend include and exclude in the configuration, and run it again"
    question = "query registry-totals" if outcome.images else "status"  # a registry without images has no totals
    return f"indexer {question} --store {outcome.store}"


def _counts_if_let(location: str, run_id: str) -> tuple[FailureCount, ...]:
    """Return `_failure_counts`; nothing where a signal comes meanwhile: the run is committed, which is to be told."""
    try:
        return _failure_counts(location, run_id)
    except (KeyboardInterrupt, Exception):
        if asked_to_end() is None:
            raise
        return ()


def _failure_counts(location: str, run_id: str) -> tuple[FailureCount, ...]:
    """Return why things are missing, the most frequent reasons first, each with one example."""
    with OpenStore(location, cache=cache_folder()) as store:
        rows = store.sql(
            # By a text that is never NULL: of targets and repositories that failed as a whole min_by would give none.
            "select operation, code, count(*), min_by(coalesce(repository, region), place), min_by(reason, place) from "
            "(select *, concat_ws(' ', region, repository, manifest_digest) as place from failure_history) "
            "where run_id = $run group by code, operation order by count(*) desc, code, operation",
            run=run_id,
        ).fetchall()
    return tuple(FailureCount(*row) for row in rows)
