"""What the queries about bases and indexes should answer, worked out slowly in plain Python from an estate's rows."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from support.estates import Estate
from support.lineage_estates import EMPTY
from support.slow_model import Home, SlowModel

from indexer.tables import ImageRow, IndexEntryRow

Layers = tuple[str, ...]
RUNNABLE = {"image", "schema1"}


class Step(NamedTuple):
    """A base of an image: how many layers it has, and the images that have just these."""

    layers: int
    bases: frozenset[str]


def platform_of(entry: IndexEntryRow) -> str | None:
    """The platform of an index's entry as the queries write it."""
    if entry.is_attestation or not entry.os or entry.os == "unknown" or not entry.architecture:
        return None
    usual = {"arm64": "v8", "amd64": "v1"}.get(entry.architecture)
    variant = entry.variant or ("v7" if entry.architecture == "arm" else None)
    return "/".join([entry.os, entry.architecture, *([variant] if variant and variant != usual else [])])


class LineageModel(SlowModel):
    """The current state of `estate`, everything ever stored, and what stands on what."""

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.rows = {home: self._rows(home) for home in self.homes}
        self.below = {row.index_digest: self._below(row.index_digest) for row in estate.entries}
        self.platforms: dict[str, set[str]] = defaultdict(set)
        for entry in estate.entries:
            if (platform := platform_of(entry)) is not None:
                self.platforms[entry.manifest_digest].add(platform)
        self.lists = self._lists()

    def names(self, home: Home, manifest: str) -> list[str]:
        """The tags that lead to a manifest in a repository."""
        return sorted({tag for row in self.rows[home] if self.leads(row.manifest_digest, manifest) for tag in row.tags})

    def leads(self, holder: str, manifest: str) -> bool:
        """Whether `holder` is the manifest, or an index that it is below."""
        return holder == manifest or manifest in self.below.get(holder, ())

    def shown(self) -> set[tuple[Home, str]]:
        """The images that repositories hold and whose layers are known."""
        return {
            (home, manifest)
            for home in self.homes
            for manifest in self.held[home]
            if self.kinds.get(manifest) in RUNNABLE
        }

    def fit(self, one: str, other: str) -> bool:
        """Whether two images may have the same platform."""
        mine, its = self.platforms.get(one), self.platforms.get(other)
        return not mine or not its or bool(mine & its)

    def assumed(self, one: str, other: str) -> bool:
        return not (self.platforms.get(one, set()) & self.platforms.get(other, set()))

    def steps(self, image: str) -> list[Step]:
        """The bases of an image, the nearest first."""
        layers = self.lists.get(image, ())
        found = []
        for count in range(len(layers) - 1, 0, -1):
            bases = frozenset(
                base for base, its in self.lists.items() if its == layers[:count] and self.fit(image, base)
            )
            if bases and set(layers[:count]) != {EMPTY}:
                found.append(Step(count, bases))
        return found

    def tags_anywhere(self, manifest: str) -> set[str]:
        """repository:tag for every tag that leads to a manifest."""
        return {f"{home[2]}:{tag}" for home in self.homes for tag in self.names(home, manifest)}

    def is_held(self, manifest: str) -> bool:
        return any(manifest in held for held in self.held.values())

    def base_images(self, depth: int) -> set[tuple[Any, ...]]:
        """The rows of base-images, as far as they do not depend on a limit."""
        found: set[tuple[Any, ...]] = set()
        for home, image in self.shown():
            front = (home, image, tuple(self.names(home, image)))
            steps = self.steps(image)[:depth]
            for number, step in enumerate(steps, start=1):
                tags = tuple(sorted(set().union(*map(self.tags_anywhere, step.bases))))
                held = any(map(self.is_held, step.bases))
                assumed = all(self.assumed(image, base) for base in step.bases)
                found.add((*front, number, step.layers, step.bases, tags, held, assumed))
            if not steps:
                found.add((*front, None, None, frozenset(), None, None, None))
        return found

    def derived(self, asked: set[str]) -> set[tuple[Any, ...]]:
        """The rows of derived-images for these digests: home, image, layers on top, base, whether assumed to fit."""
        targets = asked | {manifest for index in asked for manifest in self.below.get(index, ())}
        return {
            (home, image, len(self.lists[image]) - len(self.lists[base]), base, self.assumed_unknown(image, base))
            for home, image in self.shown()
            for base in targets & set(self.lists)
            if self.stands_on(image, base)
        }

    def stands_on(self, image: str, base: str) -> bool:
        return any(base in step.bases for step in self.steps(image))

    def assumed_unknown(self, one: str, other: str) -> bool:
        return not self.platforms.get(one) or not self.platforms.get(other)

    def top_bases(self) -> dict[frozenset[str], tuple[Any, ...]]:
        """By the images with the same layers: images and direct images on top, repositories, bytes below and above."""
        found: dict[frozenset[str], tuple[Any, ...]] = {}
        held = {image for _, image in self.shown()}
        for layers in set(self.lists.values()):
            bases = frozenset(base for base, its in self.lists.items() if its == layers)
            standing = {image for image in held for step in self.steps(image) if step.bases & bases}
            direct = {image for image in standing if self.steps(image)[0].bases & bases}
            if standing:
                homes = {home for home, image in self.shown() if image in standing}
                found[bases] = (len(standing), len(direct), len(homes), *self._bytes_on(layers, standing))
        return found

    def _bytes_on(self, base: Layers, standing: set[str]) -> tuple[int, int, int]:
        claims: dict[str, list[int]] = defaultdict(list)
        stored = set()
        for row in self.estate.layers:
            if row.manifest_digest in standing:
                claims[row.layer_digest] += [] if row.size is None else [row.size]
                stored |= {row.layer_digest} if row.distributable else set()
        below = sum(max(claims[layer], default=0) for layer in stored & set(base))
        above = sum(max(claims[layer], default=0) for layer in stored - set(base))
        return below, above, sum(not claims[layer] for layer in stored)

    def outdated(self) -> set[tuple[Any, ...]]:
        """The rows of outdated-bases, images without a tag included."""
        found: set[tuple[Any, ...]] = set()
        named = self._namings()
        for home, image in self.shown():
            for step in self.steps(image):
                named_base = any(
                    name[2] != home[2] and self._ever(digests, step.bases) for name, digests in named.items()
                )
                if named_base:
                    found |= {(home, image, *move) for move in self._moves(home, image, step, named)}
                    break
        return found

    def _namings(self) -> dict[tuple[str, str, str, str], dict[str, str]]:
        """What each tag ever named, with the newest run that saw it."""
        found: dict[tuple[str, str, str, str], dict[str, str]] = defaultdict(dict)
        for run in self.estate.runs:
            for row in run.images:
                for tag in row.tags:
                    found[row.registry_id, row.region, row.repository, tag][row.manifest_digest] = run.run_id
        return found

    def _ever(self, digests: dict[str, str], bases: frozenset[str]) -> bool:
        return any(self.leads(digest, base) for digest in digests for base in self._twins(bases))

    def _twins(self, bases: frozenset[str]) -> set[str]:
        """All images with the layers of these, whatever their platform."""
        layers = {self.lists[base] for base in bases}
        return {image for image, its in self.lists.items() if its in layers}

    def _moves(
        self, home: Home, image: str, step: Step, named: dict[tuple[str, str, str, str], dict[str, str]]
    ) -> set[tuple[Any, ...]]:
        moves: dict[tuple[Home, str, str], list[str]] = defaultdict(list)
        for (*place, tag), digests in named.items():
            base_home = (place[0], place[1], place[2])
            now = [row.manifest_digest for row in self.rows.get(base_home, ()) if tag in row.tags]
            for was in digests:
                if base_home[2] == home[2] or not now or now == [was] or self._stands_on_any(image, now[0]):
                    continue
                if any(self.leads(was, base) for base in step.bases):
                    moves[base_home, was, now[0]].append(tag)
        return {(*key, tuple(sorted(tags))) for key, tags in moves.items()}

    def _stands_on_any(self, image: str, holder: str) -> bool:
        """Whether the image is, or stands on, anything that the holder leads to, whatever the platform there."""
        lists = {self.lists[target] for target in self.lists if self.leads(holder, target)}
        mine = {self.lists[base] for step in self.steps(image) for base in step.bases}
        return self.leads(holder, image) or bool(mine & lists)

    def _rows(self, home: Home) -> list[ImageRow]:
        run_id = self._listing_run(home)
        return [
            row
            for run in self.estate.runs
            for row in run.images
            if row.run_id == run_id and (row.registry_id, row.region, row.repository) == home
        ]

    def _below(self, index: str) -> set[str]:
        return self._with_children({index}) - {index}

    def _lists(self) -> dict[str, Layers]:
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for row in self.estate.layers:
            if self.kinds[row.manifest_digest] in RUNNABLE:
                found[row.manifest_digest].append((row.position, row.layer_digest))
        return {manifest: tuple(layer for _, layer in sorted(rows)) for manifest, rows in found.items()}
