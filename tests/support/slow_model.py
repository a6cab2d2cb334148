"""What the byte queries should answer, worked out slowly in plain Python from an estate's rows.

Written from the definitions (blob, logical, unique, exclusive bytes), not from the SQL: sets and loops, no joins.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from support.estates import Estate

from indexer.tables import ImageRow, RepositoryRow

Place = tuple[str, str]
Home = tuple[str, str, str]


class Blob(NamedTuple):
    """A blob as all reachable manifests together describe it."""

    size: int | None
    is_layer: bool
    is_stored: bool


class SlowModel:
    """The current state of `estate`, and the figures over it."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.homes = self._current_homes()
        self.images = {home: self._listed(home) for home in self.homes}
        self.kinds = {row.manifest_digest: row.kind for row in estate.manifests}
        self.children: dict[str, list[str]] = defaultdict(list)
        for entry in estate.entries:
            self.children[entry.index_digest].append(entry.manifest_digest)
        self.held = {home: self._with_children(images) for home, images in self.images.items()}
        self.needs = self._needs()
        self.blobs = self._blobs()

    def repository(self, home: Home) -> dict[str, object]:
        """The row of storage-by-repository, without its name; all None where it was never listed."""
        elsewhere: set[str] = set()
        for other in self.homes:
            if other != home and other[:2] == home[:2]:
                elsewhere |= self._blobs_of(self._known(other))
        known = self._known(home)
        blobs = self._blobs_of(known)
        stored = {blob for blob in blobs if self.blobs[blob].is_stored}
        logical, unique = self._logical(known), self._bytes(stored)
        exclusive = self._bytes(stored - elsewhere)
        figures: dict[str, object] = {
            "images": len(self.images[home]),
            "manifests": len(known),
            "logical_bytes": logical,
            "unique_bytes": unique,
            "exclusive_bytes": exclusive,
            "shared_bytes": unique - exclusive,
            "dedup_ratio": self._ratio(logical, unique),
            "config_bytes": self._bytes({blob for blob in stored if not self.blobs[blob].is_layer}),
            "foreign_bytes": self._bytes(blobs - stored),
            "images_unknown": len(self.images[home] - known),
            "children_unknown": len(self.held[home] - self.images[home] - known),
            "blobs_unknown_size": sum(self.blobs[blob].size is None for blob in stored),
            "unknown_elsewhere": sum(self._doubts(other) for other in self.homes if other[:2] == home[:2])
            - self._doubts(home),
        }
        if self._listing_run(home) is None:
            return dict.fromkeys(figures)
        return figures

    def totals(self) -> dict[Place, dict[str, object]]:
        """The rows of registry-totals by place; the grand total is left to the caller."""
        return {place: self._registry(place) for place in {home[:2] for home in self.homes}}

    def histogram(self) -> dict[int, tuple[int, int, int, int]]:
        """layer-reuse-histogram: used_by to layers, layer_bytes, stored_bytes, layers_unknown_size."""
        manifests = set().union(*(self._known(home) for home in self.homes))
        images = {manifest for manifest in manifests if self.kinds[manifest] in {"image", "schema1"}}
        pairs = {(row.layer_digest, row.manifest_digest) for row in self.estate.layers if row.manifest_digest in images}
        used_by = Counter(layer for layer, _ in pairs)
        found: dict[int, tuple[int, int, int, int]] = {}
        for uses in set(used_by.values()):
            layers = {layer for layer, count in used_by.items() if count == uses}
            stored = {layer for layer in layers if self.blobs[layer].is_stored}
            unknown = sum(self.blobs[layer].size is None for layer in layers)
            found[uses] = (len(layers), self._bytes(layers), self._bytes(stored), unknown)
        return found

    def _registry(self, place: Place) -> dict[str, object]:
        homes = [home for home in self.homes if home[:2] == place]
        manifests = set().union(*(self._known(home) for home in homes))
        pools: dict[tuple[str | None, str | None], set[str]] = defaultdict(set)
        for home in homes:
            row = self.homes[home]
            pools[row.encryption_type, row.kms_key] |= self._stored_of(home)
        everywhere = set().union(*pools.values())
        logical, unique = self._logical(manifests), self._bytes(everywhere)
        high = sum(self._bytes(self._stored_of(home)) for home in homes)
        listed = {row.manifest_digest: row.layer_bytes for row in self.estate.manifests}
        missing = set().union(*(self.held[home] - self.images[home] - self._known(home) for home in homes))
        return {
            "repositories": len(homes),
            "images": sum(len(self.images[home]) for home in homes),
            "manifests": len(manifests),
            "logical_bytes": logical,
            "unique_bytes": unique,
            "per_repository_unique_bytes": high,
            "stored_bytes_low": sum(self._bytes(blobs) for blobs in pools.values()),
            "stored_bytes_high": high,
            "dedup_ratio": self._ratio(logical, unique),
            "listed_layer_bytes": sum(listed[manifest] or 0 for manifest in manifests),
            "images_unknown": sum(len(self.images[home] - self._known(home)) for home in homes),
            "children_unknown": len(missing),
            "blobs_unknown_size": sum(self.blobs[blob].size is None for blob in everywhere),
            "repositories_unknown": sum(self._listing_run(home) is None for home in homes),
        }

    def _history(self) -> dict[Home, list[RepositoryRow]]:
        found: dict[Home, list[RepositoryRow]] = defaultdict(list)
        for run in self.estate.runs:
            for row in run.repositories:
                found[row.registry_id, row.region, row.repository].append(row)
        return found

    def _current_homes(self) -> dict[Home, RepositoryRow]:
        return {home: rows[-1] for home, rows in self._history().items() if rows[-1].status != "deleted"}

    def _listing_run(self, home: Home) -> str | None:
        for row in reversed(self._history()[home]):
            if row.status == "deleted":
                return None
            if row.status == "listed":
                return row.run_id
        return None

    def _listed(self, home: Home) -> set[str]:
        run_id = self._listing_run(home)
        every: list[ImageRow] = [row for run in self.estate.runs for row in run.images]
        return {
            row.manifest_digest
            for row in every
            if row.run_id == run_id and (row.registry_id, row.region, row.repository) == home
        }

    def _doubts(self, home: Home) -> int:
        """Images of unknown contents, or one for a repository that was never listed."""
        return len(self.images[home] - self._known(home)) + (self._listing_run(home) is None)

    def _with_children(self, images: set[str]) -> set[str]:
        found: set[str] = set()
        todo = list(images)
        while todo:
            manifest = todo.pop()
            if manifest not in found:
                found.add(manifest)
                todo += self.children[manifest]
        return found

    def _known(self, home: Home) -> set[str]:
        return {manifest for manifest in self.held[home] if self.kinds.get(manifest, "unknown") != "unknown"}

    def _needs(self) -> dict[str, set[str]]:
        needs: dict[str, set[str]] = defaultdict(set)
        for layer in self.estate.layers:
            needs[layer.manifest_digest].add(layer.layer_digest)
        for config in self.estate.configs:
            needs[config.manifest_digest].add(config.config_digest)
        return needs

    def _blobs(self) -> dict[str, Blob]:
        reachable = set().union(*self.held.values())
        claims: dict[str, list[Blob]] = defaultdict(list)
        for layer in self.estate.layers:
            if layer.manifest_digest in reachable:
                claims[layer.layer_digest].append(Blob(layer.size, is_layer=True, is_stored=layer.distributable))
        for config in self.estate.configs:
            if config.manifest_digest in reachable:
                claims[config.config_digest].append(Blob(config.size, is_layer=False, is_stored=True))
        return {digest: _together(found) for digest, found in claims.items()}

    def _blobs_of(self, manifests: set[str]) -> set[str]:
        return set().union(*(self.needs[manifest] for manifest in manifests))

    def _stored_of(self, home: Home) -> set[str]:
        return {blob for blob in self._blobs_of(self._known(home)) if self.blobs[blob].is_stored}

    def _bytes(self, blobs: set[str]) -> int:
        return sum(self.blobs[blob].size or 0 for blob in blobs)

    def _logical(self, manifests: set[str]) -> int:
        return sum(
            self._bytes({blob for blob in self.needs[manifest] if self.blobs[blob].is_stored}) for manifest in manifests
        )

    @staticmethod
    def _ratio(logical: int, unique: int) -> float | None:
        return logical / unique if unique else None


def _together(claims: list[Blob]) -> Blob:
    sizes = [claim.size for claim in claims if claim.size is not None]
    return Blob(
        max(sizes) if sizes else None,
        is_layer=any(claim.is_layer for claim in claims),
        is_stored=any(claim.is_stored for claim in claims),
    )
