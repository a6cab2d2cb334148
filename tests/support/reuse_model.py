"""What the queries about reuse should answer, in slow plain Python: layers used once, shared bytes, copies."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from support.slow_model import Home, Place, SlowModel

RUNNABLE = {"image", "schema1"}
DIGEST_TEXT = 73  # a layer's digest in a config, with its quotes


class Copies(NamedTuple):
    """Layers that have the same content, in one account and region."""

    layers: frozenset[str]
    size: int
    bytes_saved: int
    unknown: int
    manifests: int
    repositories: tuple[str, ...]


class ReuseModel(SlowModel):
    """The current state of an estate, and who shares what."""

    def known(self, home: Home) -> set[str]:
        return self._known(home)

    def used_once(self, pattern: str, *, artifacts: bool) -> set[tuple[Any, ...]]:
        """The rows of layers-used-once: layer, size, whether stored, first position, image, repositories."""
        held = set().union(*map(self.known, self.homes))
        shown = {image for home in self.homes if fnmatchcase(home[2], pattern) for image in self.known(home)}
        found = set()
        for image in shown:
            if self.kinds[image] not in RUNNABLE and not artifacts:
                continue
            rows = [row for row in self.estate.layers if row.manifest_digest == image]
            for layer in {row.layer_digest for row in rows}:
                if any(layer in self.needs[other] for other in held - {image}):
                    continue
                mentions = [row for row in rows if row.layer_digest == layer]
                size = max((row.size for row in mentions if row.size is not None), default=None)
                stored = any(row.distributable for row in mentions)
                homes = sum(image in self.held[home] for home in self.homes)
                found.add((layer, size, stored, min(row.position for row in mentions), image, homes))
        return found

    def shared_between(self, first: str, second: str) -> dict[Place, tuple[Any, ...]]:
        """The rows of shared-between by place: repositories, bytes and what is unknown."""
        found: dict[Place, tuple[Any, ...]] = {}
        for place in {home[:2] for home in self.homes}:
            homes = [home for home in self.homes if home[:2] == place]
            one = [home for home in homes if fnmatchcase(home[2], first)]
            two = [home for home in homes if fnmatchcase(home[2], second)]
            if not one or not two:
                continue
            ours = set().union(*map(self._stored_of, one))
            theirs = set().union(*map(self._stored_of, two))
            unknown = sum(len(self.held[home] - self.known(home)) for home in {*one, *two})
            found[place] = (
                *(len(one), len(two), len(set(one) & set(two))),
                *(self._bytes(ours), self._bytes(theirs), self._bytes(ours & theirs)),
                *(len(ours & theirs), sum(self.blobs[blob].size is None for blob in ours & theirs), unknown),
            )
        return found

    def similar(self, pattern: str, widespread: int) -> dict[tuple[Home, Home], tuple[Any, ...]]:
        """The rows of similar-repositories by pair: shared and all bytes, bytes of each, what is unknown."""
        blobs = {home: {blob for blob in self._stored_of(home) if self.blobs[blob].size} for home in self.homes}
        found: dict[tuple[Home, Home], tuple[Any, ...]] = {}
        for one in self.homes:
            for other in self.homes:
                asked = fnmatchcase(one[2], pattern) or fnmatchcase(other[2], pattern)
                if one[:2] != other[:2] or one[2] >= other[2] or not asked:
                    continue
                both = blobs[one] & blobs[other]
                holders = {
                    blob: sum(blob in blobs[home] for home in self.homes if home[:2] == one[:2]) for blob in both
                }
                if any(count <= widespread for count in holders.values()):
                    unknown = sum(len(self.held[home] - self.known(home)) for home in (one, other))
                    sets = (both, blobs[one] | blobs[other], blobs[one], blobs[other])
                    found[one, other] = (*map(self._bytes, sets), unknown)
        return found

    def copies(self, pattern: str) -> dict[Place, set[Copies]]:
        """The rows of dedup-missed by place."""
        contents = self._contents()
        found: dict[Place, set[Copies]] = defaultdict(set)
        for place in {home[:2] for home in self.homes}:
            homes = [home for home in self.homes if home[:2] == place]
            for content in contents:
                holders = {
                    layer: {(home, image) for home in homes for image in self.known(home) if self._has(image, layer)}
                    for layer in content
                    if self.blobs[layer].is_stored
                }
                layers = {layer for layer, its in holders.items() if its}
                names = {home[2] for layer in layers for home, _ in holders[layer]}
                if len(layers) < 2 or not any(fnmatchcase(name, pattern) for name in names):
                    continue
                sizes = [self.blobs[layer].size or 0 for layer in layers]
                images = {image for layer in layers for _, image in holders[layer]}
                unknown = sum(self.blobs[layer].size is None for layer in layers)
                figures = (sum(sizes), sum(sizes) - max(sizes), unknown, len(images), tuple(sorted(names)))
                found[place].add(Copies(frozenset(layers), *figures))
        return found

    def _contents(self) -> list[set[str]]:
        """Sets of layers that images with one config have at one position, joined where they meet."""
        by_place: dict[tuple[str, int, int], set[str]] = defaultdict(set)
        for home in self.homes:
            for image in self.known(home):
                row = next(row for row in self.estate.manifests if row.manifest_digest == image)
                layers = [row for row in self.estate.layers if row.manifest_digest == image]
                if row.kind != "image" or row.config_digest is None or not layers:
                    continue
                if row.config_size is None or row.config_size >= DIGEST_TEXT * len(layers):
                    for layer in layers:
                        by_place[row.config_digest, len(layers), layer.position].add(layer.layer_digest)
        contents: list[set[str]] = []
        for layers_there in by_place.values():
            if len(layers_there) > 1:
                met = [content for content in contents if content & layers_there]
                contents = [content for content in contents if content not in met]
                contents.append(layers_there.union(*met))
        return contents

    def _has(self, image: str, layer: str) -> bool:
        return any((row.manifest_digest, row.layer_digest) == (image, layer) for row in self.estate.layers)
