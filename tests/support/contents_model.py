"""What the queries about single layers and images should answer, in slow plain Python: the largest, the most shared."""

from __future__ import annotations

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import Any

from support.slow_model import Home, Place, SlowModel

RUNNABLE = {"image", "schema1"}


class ContentsModel(SlowModel):
    """The current state of an estate, layer by layer and image by image."""

    def largest_layers(self) -> set[tuple[Any, ...]]:
        """The rows of largest-layers, without the media type: layer, size, whether stored, manifests, repositories."""
        return {
            (layer, self.blobs[layer].size, self.blobs[layer].is_stored, len(users), len(self._holders(users)))
            for layer, users in self._users(self._reached()).items()
        }

    def most_shared(self, pattern: str, *, artifacts: bool) -> set[tuple[Any, ...]]:
        """The rows of most-shared-layers: layer, size, manifests, repositories, bytes saved."""
        homes = [home for home in self.homes if fnmatchcase(home[2], pattern)]
        counted = {
            home: {each for each in self._known(home) if artifacts or self.kinds[each] in RUNNABLE} for home in homes
        }
        found: set[tuple[Any, ...]] = set()
        for layer, users in self._users(set().union(*counted.values())).items():
            places: dict[Place, set[str]] = defaultdict(set)
            for home, manifests in counted.items():
                places[home[:2]] |= manifests & users
            again = sum(len(manifests) - 1 for manifests in places.values() if manifests)
            size, _, stored = self.blobs[layer]
            saved = 0 if not stored else None if size is None else size * again
            holders = sum(bool(manifests & users) for manifests in counted.values())
            found.add((layer, size, len(users), holders, saved))
        return found

    def images_with(self, layer: str) -> list[tuple[Any, ...]]:
        """The rows of images-with-layer: home, manifest, position, the index by which it is held."""
        return [
            (home, row.manifest_digest, row.position, None if image == row.manifest_digest else image)
            for home, images in self.images.items()
            for image in images
            for row in self.estate.layers
            if row.layer_digest == layer and row.manifest_digest in self._with_children({image})
        ]

    def largest_images(self, pattern: str, *, children: bool) -> set[tuple[Any, ...]]:
        """The rows of largest-images: home, image, kind, bytes, blobs of unknown size, children not stored."""
        found: set[tuple[Any, ...]] = set()
        for home, images in self.images.items():
            parts = set().union(*(self._with_children({image}) - {image} for image in images))
            for image in images & self._known(home):
                if fnmatchcase(home[2], pattern) and (children or image not in parts):
                    found.add((home, image, self.kinds[image], *self._size_of(home, image)))
        return found

    def media_types(self) -> set[tuple[Any, ...]]:
        """The rows of media-types: role, media type, artifact type, mentions, documents, bytes, unknown sizes."""
        sizes: dict[tuple[str | None, ...], dict[str, list[int | None]]] = defaultdict(lambda: defaultdict(list))
        reached = set().union(*self.held.values())
        for one in self.estate.manifests:
            if one.manifest_digest in reached:
                group = ("manifest", one.media_type, one.artifact_type)
                sizes[group][one.manifest_digest].append(one.manifest_bytes)
        for config in self.estate.configs:
            if config.manifest_digest in reached:
                sizes["config", config.media_type, None][config.config_digest].append(config.size)
        for layer in self.estate.layers:
            if layer.manifest_digest in reached:
                sizes["layer", layer.media_type, None][layer.layer_digest].append(layer.size)
        return {(*group, *_counted(list(found.values()))) for group, found in sizes.items()}

    def _size_of(self, home: Home, image: str) -> tuple[int, int, int]:
        family = self._with_children({image})
        stored = {blob for blob in self._blobs_of(family & self._known(home)) if self.blobs[blob].is_stored}
        unknown = sum(self.blobs[blob].size is None for blob in stored)
        return self._bytes(stored), unknown, len(family - self._known(home))

    def _reached(self) -> set[str]:
        return set().union(*map(self._known, self.homes))

    def _users(self, manifests: set[str]) -> dict[str, set[str]]:
        """By layer those of `manifests` that have it."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.estate.layers:
            if row.manifest_digest in manifests:
                found[row.layer_digest].add(row.manifest_digest)
        return found

    def _holders(self, manifests: set[str]) -> set[Home]:
        return {home for home in self.homes if manifests & self.held[home]}


def _counted(mentions: list[list[int | None]]) -> tuple[int, int, int, int]:
    """What a row of media-types counts; `mentions` are the sizes that are given of each digest."""
    known = [[size for size in sizes if size is not None] for sizes in mentions]
    total = sum(max(sizes) for sizes in known if sizes)
    return sum(map(len, mentions)), len(mentions), total, sum(not sizes for sizes in known)
