"""Stacks of layers: how an image grows on its base, and which layers a new build shares with the one before.

It works like a builder's cache: a layer's identity is its repository, its platform, what it stands on and the version
of its own step. So a step that changes gives new layers to itself and to all steps after it, and a rebuilt base gives
new layers to everything that is built on it from then on. Sizes are bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from indexer.local_ecr.estate.dice import Dice, content_digest, share_of
from indexer.local_ecr.estate.manifests import Blob, Platform

AMD64 = Platform("linux", "amd64")
ARM64 = Platform("linux", "arm64")
ARMV7 = Platform("linux", "arm", "v7")

# The gzipped tar without files that BuildKit stores for steps that change nothing, such as WORKDIR.
EMPTY_LAYER = Blob("sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1", 32)


class Sizes(NamedTuple):
    """How large layers of one sort are, in bytes."""

    median: float
    sigma: float
    low: int
    high: int


SIZES = {
    "slim": Sizes(3.6e6, 0.15, 3_000_000, 8_000_000),
    "rootfs": Sizes(29e6, 0.3, 20_000_000, 80_000_000),
    "runtime": Sizes(38e6, 0.6, 10_000_000, 120_000_000),
    "packages": Sizes(12e6, 0.8, 1_000_000, 90_000_000),
    "dependencies": Sizes(55e6, 0.9, 5_000_000, 300_000_000),
    "app": Sizes(1.6e6, 1.4, 10_000, 30_000_000),
    "model": Sizes(5.6e9, 0.15, 4_400_000_000, 9_000_000_000),
    "script": Sizes(700, 0.8, 120, 9_000),
}


class Step(NamedTuple):
    """One line of a Dockerfile: its name, the sort of layer it makes, how likely a build is to change it."""

    name: str
    sort: str
    changes: float = 1.0


class Stack(NamedTuple):
    """An image's layers for each platform, base first; `key` names the content."""

    key: str
    layers: Mapping[Platform, tuple[Blob, ...]]


class Site(NamedTuple):
    """What the layers of one repository have in common."""

    seed: int
    repository: str
    platforms: Sequence[Platform]
    zstd: bool = False


def grow(site: Site, base: Stack | None, steps: Sequence[Step], versions: Sequence[int]) -> Stack:
    """The stack that `steps` in `versions` make on `base`; the base's layers come first, unchanged."""
    below = base.key if base else "scratch"
    key = content_digest(site.repository, below, *(step.name for step in steps), *versions)[-20:]
    layers = {
        platform: _on(base, platform) + _own(site, platform, below, steps, versions) for platform in site.platforms
    }
    return Stack(key, layers)


def _on(base: Stack | None, platform: Platform) -> tuple[Blob, ...]:
    return base.layers[platform] if base else ()


def _own(
    site: Site, platform: Platform, below: str, steps: Sequence[Step], versions: Sequence[int]
) -> tuple[Blob, ...]:
    path: tuple[object, ...] = (site.seed, site.repository, *platform, below)
    blobs = []
    for step, version in zip(steps, versions, strict=True):
        path = (*path, step.name, version)
        blobs.append(EMPTY_LAYER if step.sort == "empty" else _blob(site, step, content_digest(*path)))
    return tuple(blobs)


def _blob(site: Site, step: Step, digest: str) -> Blob:
    sizes = SIZES[step.sort]
    size = _typical(site.seed, site.repository, step) * (0.94 + 0.12 * share_of(digest))
    return Blob(digest, int(min(max(size, sizes.low), sizes.high)), zstd=site.zstd)


@lru_cache(maxsize=4096)
def _typical(seed: int, repository: str, step: Step) -> float:
    """The size that a step's layer has in this repository, give or take: builds differ little from one another."""
    sizes = SIZES[step.sort]
    drawn = Dice(seed, "size", repository, step.name).lognormal(sizes.median, sizes.sigma)
    return min(max(drawn, sizes.low), sizes.high)
