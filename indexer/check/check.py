"""The check as a whole: the store, the queries, and every target at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from indexer.check.findings import Finding, Findings, Verdict
from indexer.check.oddities import odd_processes
from indexer.check.targets import Trial
from indexer.config import Config
from indexer.ecr import Target
from indexer.errors import ConfigError, StoreError, UsageError
from indexer.store import try_writing

_AT_ONCE = 8


def check(config: Config, *, cache: Path | None = None) -> Findings:
    """Try what a run with this configuration would do. Raises ConfigError for a profile that does not exist.

    `cache` is where copies of what is in a bucket are kept.
    """
    trials = [
        Trial(Target.of(registry, region), registry, config.fetch)
        for registry in config.registries
        for region in registry.regions
    ]
    with ThreadPoolExecutor(min(_AT_ONCE, len(trials)), thread_name_prefix="check") as pool:
        found = list(pool.map(Trial.run, trials))
    if not any(trial.wants_any for trial in trials):
        found = [
            _nothing_wanted(each) if trial.is_shut_out else each for trial, each in zip(trials, found, strict=True)
        ]
    odd = odd_processes(config)
    machine = [_store(config, cache)] + ([] if odd is None else [Finding(None, "processes", Verdict.WARNING, odd)])
    return Findings([*machine, *(finding for findings in found for finding in findings)])


def _nothing_wanted(findings: list[Finding]) -> list[Finding]:
    """A run that indexes nothing at all, where it could, is not complete."""
    return [each._replace(verdict=Verdict.PROBLEM) if each.subject == "repositories" else each for each in findings]


def _store(config: Config, cache: Path | None) -> Finding:
    try:
        text = try_writing(config.store, cache=cache)
    except ConfigError:
        raise
    except (StoreError, UsageError) as error:
        return Finding(None, "store", Verdict.PROBLEM, str(error))
    return Finding(None, "store", Verdict.OK, text)
