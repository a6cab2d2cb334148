"""Reads an estate's registries for the tests of it, from the manifests alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from indexer.local_ecr import Image, Registry
from indexer.local_ecr.estate import Estate, Night

ONE_OFFS = ("sandbox/alice", "sandbox/bob", "research/prototypes", "data/notebooks")
CI = (
    "payments/api",
    "payments/worker",
    "payments/ledger",
    "checkout/web",
    "checkout/cart",
    "checkout/api",
    "mobile/bff",
)


class Played(NamedTuple):
    """An estate after its last night."""

    estate: Estate
    nights: tuple[Night, ...]

    @property
    def main(self) -> Registry:
        return self.estate.registries()[0]

    @property
    def second(self) -> Registry:
        return self.estate.registries()[1]

    def images(self, repository: str) -> list[Image]:
        """The images of a repository of the main region, oldest first."""
        return list(self.main.repositories[repository].images.values())

    def everything(self) -> Iterator[tuple[str, str, Image]]:
        """Region, repository and image of all there is."""
        for registry in self.estate.registries():
            for name, home in registry.repositories.items():
                for image in home.images.values():
                    yield registry.region, name, image


@cache
def played(seed: int = 7, scale: float = 1.0, nights: int = 6) -> Played:
    """An estate that was played to its end; nobody may change it, tests share it."""
    estate = Estate(seed=seed, scale=scale, nights=nights)
    return Played(estate, tuple(estate.play()))


def document(image: Image) -> dict[str, Any]:
    """The manifest, parsed."""
    parsed: dict[str, Any] = json.loads(image.manifest)
    return parsed


def file_layers(image: Image) -> list[str]:
    """Digests of the layers of an image's file system, base first; none of what is no image."""
    layers = document(image).get("layers", [])
    return [
        layer["digest"] for layer in layers if "rootfs" in layer["mediaType"] or "image.layer" in layer["mediaType"]
    ]


def children(image: Image) -> list[dict[str, Any]]:
    """The entries of an index; none of what is no index."""
    entries: list[dict[str, Any]] = document(image).get("manifests", [])
    return entries


def layer_uses(images: Iterable[Image]) -> Counter[str]:
    """How many images have each layer."""
    return Counter(layer for image in images for layer in set(file_layers(image)))
