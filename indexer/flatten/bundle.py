"""The rows of several manifests together: what a run passes on, and what a segment is made of.

A manifest has ten rows of layers and one of each other table. Layers are kept as columns: a row for each would be an
object to make, to keep and to take apart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, Final, Protocol

from indexer.tables import ConfigRow, IndexEntryRow, LayerRow, ManifestRow

_OWN: Final = 2
"""The first columns of `layers`, the manifest's digest and the position, follow from the others."""


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

    `layers` is a list of values for each column from layer_digest on; `manifests` and `entries` are lists of rows.
    A row of `configs` says of a manifest what its own row says, and whether the config is one of its layers too: that
    is in `are_layers`, for each manifest that has a config.
    """

    __slots__ = ("are_layers", "counts", "entries", "layers", "manifests", "orders")

    def __init__(self) -> None:
        self.orders: list[int] = []
        self.counts: list[int] = []
        self.manifests: list[ManifestRow] = []
        self.layers: list[list[Any]] = [[] for _ in LayerRow._fields[_OWN:]]
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
            self.add_layers(*zip(*(row[_OWN:] for row in rows.layers), strict=True))

    def add_layers(self, *columns: Iterable[Any]) -> None:
        """Append the layers of the manifest that was added last, as columns."""
        for column, values in zip(self.layers, columns, strict=True):
            column.extend(values)

    def extend(self, other: Bundle) -> None:
        """Append another bundle's manifests."""
        self.orders += other.orders
        self.counts += other.counts
        self.manifests += other.manifests
        self.are_layers += other.are_layers
        self.entries += other.entries
        self.add_layers(*other.layers)

    def only(self, wanted: Sequence[bool]) -> Bundle:
        """Return the manifests of which `wanted` says so."""
        of_layers = [keep for keep, count in zip(wanted, self.counts, strict=True) for _ in range(count)]
        some = Bundle()
        some.orders, some.counts = list(compress(self.orders, wanted)), list(compress(self.counts, wanted))
        some.manifests = list(compress(self.manifests, wanted))
        some.layers = [list(compress(column, of_layers)) for column in self.layers]
        have_configs = [keep for keep, row in zip(wanted, self.manifests, strict=True) if row.config_digest is not None]
        some.are_layers = list(compress(self.are_layers, have_configs))
        digests = set(some.digests)
        some.entries = [row for row in self.entries if row.index_digest in digests]
        return some
