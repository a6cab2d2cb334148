"""What is odd about a configuration that is valid: told by `check`, and by a run before it calls anything."""

from __future__ import annotations

from indexer.config import Config, RegistryConfig
from indexer.ecr import doubt
from indexer.machine import cores

_PROCESSES_A_CORE = 2


def odd_region(registry: RegistryConfig, region: str) -> str | None:
    """Return what is odd about a region's name; whoever names an endpoint may call its region as they like."""
    return None if registry.endpoint_url is not None else doubt(region)


def odd_regions(config: Config) -> list[str]:
    """Return what is odd about the names of all regions, once each."""
    found = [odd_region(registry, region) for registry in config.registries for region in registry.regions]
    return list(dict.fromkeys(filter(None, found)))


def odd_processes(config: Config) -> str | None:
    """Return what is odd about the number of processes on this machine."""
    wanted, here = config.fetch.processes, cores()
    if wanted == "auto" or wanted <= _PROCESSES_A_CORE * here:
        return None
    there = "there is 1 core" if here == 1 else f"there are {here} cores"
    return (
        f"fetch.processes is {wanted}, and {there} here: each process takes 100 MB, and more than one for each core "
        "bring nothing; auto takes what is of use"
    )
