"""The cases that make figures over registries hard, each as a question to a random registry's current state."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable

from support.estates import Estate
from support.slow_model import SlowModel


class State(SlowModel):
    """What the repositories of `estate` hold now, children of indexes included, as rows."""

    def __init__(self, estate: Estate) -> None:
        super().__init__(estate)
        self.reached = set().union(*self.held.values())
        self.documents = [row for row in estate.manifests if row.manifest_digest in self.reached]
        self.layers = [row for row in estate.layers if row.manifest_digest in self.reached]
        self.configs = [row for row in estate.configs if row.manifest_digest in self.reached]
        self.entries = [row for row in estate.entries if row.index_digest in self.reached]
        listings = {(*home, self._listing_run(home)) for home in self.homes}
        self.listed = [
            row
            for run in estate.runs
            for row in run.images
            if (row.registry_id, row.region, row.repository, row.run_id) in listings
        ]

    def lists_indexes(self) -> bool:
        return any(
            self.kinds.get(row.manifest_digest) == "index" and row.manifest_digest != row.index_digest
            for row in self.entries
        )

    def shares_children(self) -> bool:
        parents = {(row.index_digest, row.manifest_digest) for row in self.entries}
        return max(Counter(child for _, child in parents).values(), default=0) > 1

    def has_circles(self) -> bool:
        return any(row.index_digest in self._with_children({row.manifest_digest}) for row in self.entries)

    def unlisted_children(self) -> set[str]:
        """Children that no repository with their index lists."""
        return set().union(*(self.held[home] - self.images[home] for home in self.homes))

    def in_several_repositories(self) -> bool:
        places = {(row[1], row[2], row[3], row.manifest_digest) for row in self.listed}
        return max(Counter((place[0], place[1], place[3]) for place in places).values(), default=0) > 1

    def has_unknown_schema1(self) -> bool:
        return any(self.kinds[row.manifest_digest] == "schema1" and row.size is None for row in self.layers)

    def refers(self) -> bool:
        """A manifest, or an image as it is listed, has a subject that its registry holds."""
        about = {row.subject_digest for row in self.documents} | {row.subject_digest for row in self.listed}
        return bool(about & self.reached)

    def claims_two_sizes(self) -> bool:
        sizes = defaultdict(set)
        for layer in self.layers:
            sizes[layer.layer_digest].add(layer.size)
        for config in self.configs:
            sizes[config.config_digest].add(config.size)
        return any(len(found - {None}) > 1 for found in sizes.values())

    def is_kept_by_a_failure(self) -> bool:
        """A repository's last good listing stands, as the newest run could not list it."""
        return any(row.status == "failed" and self.images[home] for home, row in self.homes.items())

    def has_archived(self, *, stored: bool) -> bool:
        documents = {row.manifest_digest for row in self.documents}
        return any(row.status == "ARCHIVED" and (row.manifest_digest in documents) == stored for row in self.listed)


AWKWARD: dict[str, Callable[[State], bool]] = {
    "layers repeated within a manifest": lambda state: any(row.repeated for row in state.layers),
    "a config that is also a layer of its manifest": lambda state: any(row.is_layer for row in state.configs),
    "one manifest in several repositories": State.in_several_repositories,
    "nested indexes": State.lists_indexes,
    "indexes in a circle": State.has_circles,
    "children of two indexes": State.shares_children,
    "children that are not stored": lambda state: bool(state.unlisted_children() - set(state.kinds)),
    "children that are stored and not listed": lambda state: bool(state.unlisted_children() & set(state.kinds)),
    "schema 1 with unknown sizes": State.has_unknown_schema1,
    "foreign layers": lambda state: any(not row.distributable for row in state.layers),
    "attestations": lambda state: any(row.kind == "attestation" for row in state.documents),
    "entries that are attestations": lambda state: any(row.is_attestation for row in state.entries),
    "subjects": State.refers,
    "archived images that were fetched before": lambda state: state.has_archived(stored=True),
    "archived images that are not stored": lambda state: state.has_archived(stored=False),
    "images that are not stored": lambda state: any(row.manifest_digest not in state.kinds for row in state.listed),
    "documents that cannot be read": lambda state: any(row.kind == "unknown" for row in state.documents),
    "one digest with two sizes": State.claims_two_sizes,
    "a last good listing": State.is_kept_by_a_failure,
}
