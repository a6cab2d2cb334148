"""The check as a whole: the store, the queries, and every target at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from indexer.check.findings import Finding, Findings, Verdict
from indexer.check.targets import Trial
from indexer.config import Config
from indexer.ecr import Target
from indexer.errors import ConfigError, StoreError, UsageError
from indexer.store import try_writing

_AT_ONCE = 8


def check(config: Config) -> Findings:
    """Try what a run with this configuration would do. Raises ConfigError for a profile that does not exist."""
    trials = [
        Trial(Target.of(registry, region), registry, config.fetch)
        for registry in config.registries
        for region in registry.regions
    ]
    with ThreadPoolExecutor(min(_AT_ONCE, len(trials)), thread_name_prefix="check") as pool:
        found = list(pool.map(Trial.run, trials))
    return Findings([_store(config), *(finding for findings in found for finding in findings)])


def _store(config: Config) -> Finding:
    try:
        text = try_writing(config.store)
    except ConfigError:
        raise
    except (StoreError, UsageError) as error:
        return Finding(None, "store", Verdict.PROBLEM, str(error))
    return Finding(None, "store", Verdict.OK, text)
