"""The accounts and regions of a configuration, each with its client."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.crawl.stop import Stop
from indexer.ecr import Ecr, Health, Pace, Target, reach

if TYPE_CHECKING:
    from indexer.config import Config, RegistryConfig  # pydantic: a worker does without


@dataclass(frozen=True, slots=True)
class Walk:
    """One target and which of its repositories the configuration wants; `number` is its place in the run.

    Walks with the same `quota` draw on the same of ECR's: they share one pace, and what is known of ECR's health.
    """

    number: int
    target: Target
    registry: RegistryConfig
    ecr: Ecr
    quota: int


def walks(config: Config, stop: Stop) -> list[Walk]:
    """Return a walk per region of each entry; ConfigError for a profile that is not there.

    Entries for the same account and region share one pace: they share ECR's quota.
    """
    quotas: dict[tuple[str | None, ...], tuple[int, Pace, Health]] = {}
    found: list[Walk] = []
    for registry in config.registries:
        for region in registry.regions:
            target = Target.of(registry, region)
            new = (len(quotas), Pace(config.fetch.requests_per_second, sleep=stop.sleep), Health())
            quota, pace, health = quotas.setdefault(_quota(target), new)
            ecr = reach(
                target,
                pace,
                health,
                connections=config.fetch.connections,
                max_attempts=config.fetch.max_attempts,
                sleep=stop.sleep,
                stopped=lambda: stop.asked,
            )
            found.append(Walk(len(found), target, registry, ecr, quota))
    return found


def _quota(target: Target) -> tuple[str | None, ...]:
    account = (target.registry_id,) if target.registry_id else (target.profile, target.role_arn)
    return (target.region, target.endpoint_url, *account)
