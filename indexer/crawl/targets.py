"""The accounts and regions of a configuration, each with its client."""

from __future__ import annotations

from dataclasses import dataclass

from indexer.config import Config, RegistryConfig
from indexer.ecr import Ecr, Pace, Target, connect


@dataclass(frozen=True, slots=True)
class Walk:
    """One target and which of its repositories the configuration wants; `number` is its place in the run.

    Walks with the same `quota` draw on the same of ECR's, and share one pace.
    """

    number: int
    target: Target
    registry: RegistryConfig
    ecr: Ecr
    quota: int


def walks(config: Config) -> list[Walk]:
    """Return a walk per region of each entry; ConfigError for a profile that is not there.

    Entries for the same account and region share one pace: they share ECR's quota.
    """
    paces: dict[tuple[str | None, ...], Pace] = {}
    quotas: dict[Pace, int] = {}
    found: list[Walk] = []
    for registry in config.registries:
        for region in registry.regions:
            target = Target.of(registry, region)
            pace = paces.setdefault(_quota(target), Pace(config.fetch.requests_per_second))
            client = connect(target, connections=config.fetch.connections)
            ecr = Ecr(client, target, pace, max_attempts=config.fetch.max_attempts)
            found.append(Walk(len(found), target, registry, ecr, quotas.setdefault(pace, len(quotas))))
    return found


def _quota(target: Target) -> tuple[str | None, ...]:
    account = (target.registry_id,) if target.registry_id else (target.profile, target.role_arn)
    return (target.region, target.endpoint_url, *account)
