"""The rows of several manifests together: what a run passes on, and what a segment is made of.

A manifest has ten rows of layers and one of each other table. Layers are kept as columns: a row for each would be an
object to make, to keep and to take apart again. And what is nearly always the same for all layers of a manifest is kept
once for these: a run of layers. Both are made rows where columns become Arrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress
from typing import Any, Final, Protocol

from indexer.tables import ConfigRow, IndexEntryRow, LayerRow, ManifestRow

_OWN: Final = 2
"""The first columns of `layers`, the manifest's digest and the position, follow from the others."""


@dataclass(slots=True)
class Runs:
    """Layers that follow each other, alike in media type and the like: how many they are (`lengths`), and in what.

    Of a manifest they are one run, or as many as it has layers.
    """

    lengths: list[int] = field(default_factory=list)
    media_types: list[str | None] = field(default_factory=list)
    distributable: list[bool] = field(default_factory=list)
    annotations: list[Mapping[str, str] | None] = field(default_factory=list)
    repeated: list[bool] = field(default_factory=list)

    def add_one(self, length: int, media_type: str | None, distributable: bool) -> None:
        """Append the layers of a manifest that differ in nothing, have no annotations and of which none is repeated."""
        self.lengths.append(length)
        self.media_types.append(media_type)
        self.distributable.append(distributable)
        self.annotations.append(None)
        self.repeated.append(False)

    def add_each(
        self,
        media_types: Sequence[str | None],
        distributable: Sequence[bool],
        annotations: Sequence[Mapping[str, str] | None],
        repeated: Sequence[bool],
    ) -> None:
        """Append the layers of a manifest."""
        count = len(media_types)
        alike = media_types.count(media_types[0]) == distributable.count(distributable[0]) == count
        if alike and annotations.count(None) == count and not any(repeated):
            self.add_one(count, media_types[0], distributable[0])
            return
        self.lengths += [1] * count
        self.media_types += media_types
        self.distributable += distributable
        self.annotations += annotations
        self.repeated += repeated

    def extend(self, other: Runs) -> None:
        """Append other runs."""
        for mine, others in zip(self._columns(), other._columns(), strict=True):
            mine.extend(others)

    def only(self, wanted: Sequence[bool]) -> Runs:
        """Return the runs of which `wanted` says so."""
        return Runs(*(list(compress(column, wanted)) for column in self._columns()))

    def _columns(self) -> Sequence[list[Any]]:
        return (self.lengths, self.media_types, self.distributable, self.annotations, self.repeated)


class Rows(Protocol):
    """One manifest's rows."""

    @property
    def manifest(self) -> ManifestRow:
        """Its row of `manifests`."""

    @property
    def layers(self) -> Sequence[LayerRow]:
        """Its rows of `layers`, base first."""

    @property
    def configs(self) -> Sequence[ConfigRow]:
        """Its row of `configs`, if it has one."""

    @property
    def index_entries(self) -> Sequence[IndexEntryRow]:
        """Its rows of `index_entries`, in order."""


class Bundle:
    """Rows of manifests, each of which has its order (in `orders`) and so many layers (in `counts`).

    Of layers, `layer_digests` and `sizes` are columns and `runs` has the rest; `manifests` and `entries` are lists of
    rows. A row of `configs` says of a manifest what its own row says, and whether the config is one of its layers too:
    that is in `are_layers`, for each manifest that has a config.
    """

    __slots__ = ("are_layers", "counts", "entries", "layer_digests", "manifests", "orders", "runs", "sizes")

    def __init__(self) -> None:
        self.orders: list[int] = []
        self.counts: list[int] = []
        self.manifests: list[ManifestRow] = []
        self.layer_digests: list[str] = []
        self.sizes: list[int | None] = []
        self.runs = Runs()
        self.are_layers: list[bool] = []
        self.entries: list[IndexEntryRow] = []

    @classmethod
    def of(cls, each: Iterable[tuple[Rows, int]]) -> Bundle:
        """Return the bundle of manifests' rows, each with its order."""
        bundle = cls()
        for rows, order in each:
            bundle.add(rows, order)
        return bundle

    def __len__(self) -> int:
        return len(self.manifests)

    @property
    def digests(self) -> list[str]:
        """The manifests' digests."""
        return [row[0] for row in self.manifests]

    @property
    def layers(self) -> list[LayerRow]:
        """The rows of `layers`."""
        owners = ((row[0], at) for row, count in zip(self.manifests, self.counts, strict=True) for at in range(count))
        runs = self.runs
        kinds = zip(runs.media_types, runs.distributable, runs.annotations, runs.repeated, strict=True)
        said = (kind for kind, length in zip(kinds, runs.lengths, strict=True) for _ in range(length))
        each = zip(owners, self.layer_digests, self.sizes, said, strict=True)
        return [
            LayerRow(manifest, at, digest, media_type, size, distributable, annotations, repeated)
            for (manifest, at), digest, size, (media_type, distributable, annotations, repeated) in each
        ]

    @property
    def configs(self) -> list[ConfigRow]:
        """The rows of `configs`."""
        having = (row for row in self.manifests if row.config_digest is not None)
        return [
            ConfigRow(row.manifest_digest, str(row.config_digest), row.config_media_type, row.config_size, is_layer)
            for row, is_layer in zip(having, self.are_layers, strict=True)
        ]

    @property
    def bytes(self) -> int:
        """The bytes of all the documents."""
        return sum([row.manifest_bytes for row in self.manifests])

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The digests of manifests that could not be flattened, with what is wrong with each."""
        return [(row.manifest_digest, row.problem) for row in self.manifests if row.problem is not None]

    @property
    def children(self) -> list[str]:
        """The digests that the indexes among the manifests list."""
        return [entry.manifest_digest for entry in self.entries]

    def add(self, rows: Rows, order: int) -> None:
        """Append one manifest's rows. ValueError where just one of its row and of `configs` has a config."""
        if len(rows.configs) != (rows.manifest.config_digest is not None):
            raise ValueError(f"{rows.manifest.manifest_digest}: its row and its rows of configs differ")
        self.orders.append(order)
        self.counts.append(len(rows.layers))
        self.manifests.append(rows.manifest)
        self.are_layers += [row.is_layer for row in rows.configs]
        self.entries += rows.index_entries
        if rows.layers:
            digests, types, sizes, *others = zip(*(row[_OWN:] for row in rows.layers), strict=True)
            self.layer_digests += digests
            self.sizes += sizes
            self.runs.add_each(types, *others)

    def extend(self, other: Bundle) -> None:
        """Append another bundle's manifests."""
        self.orders += other.orders
        self.counts += other.counts
        self.manifests += other.manifests
        self.are_layers += other.are_layers
        self.entries += other.entries
        self.layer_digests += other.layer_digests
        self.sizes += other.sizes
        self.runs.extend(other.runs)

    def only(self, wanted: Sequence[bool]) -> Bundle:
        """Return the manifests of which `wanted` says so."""
        of_layers = _each(wanted, self.counts)
        some = Bundle()
        some.orders, some.counts = list(compress(self.orders, wanted)), list(compress(self.counts, wanted))
        some.manifests = list(compress(self.manifests, wanted))
        some.layer_digests = list(compress(self.layer_digests, of_layers))
        some.sizes = list(compress(self.sizes, of_layers))
        # A run is of one manifest, so its first layer tells.
        starts = accumulate(self.runs.lengths[:-1], initial=0) if of_layers else ()
        some.runs = self.runs.only([of_layers[start] for start in starts])
        have_configs = [keep for keep, row in zip(wanted, self.manifests, strict=True) if row.config_digest is not None]
        some.are_layers = list(compress(self.are_layers, have_configs))
        digests = set(some.digests)
        some.entries = [row for row in self.entries if row.index_digest in digests]
        return some


def _each(values: Sequence[bool], counts: Sequence[int]) -> list[bool]:
    return [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
