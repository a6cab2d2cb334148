"""The layers of nearly every manifest, as columns: what each costs is the time of a run and its memory.

Nearly every manifest says of its layers what it must, media type, digest and size, and nothing more. Such layers are
checked and kept as three lists. Against one object for each layer and one row for each, flattening a manifest with nine
layers takes half of the time, and writing it two thirds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, overload

from indexer.flatten.checks import MAX_BYTES, is_sha256, known_media_types
from indexer.tables import LayerRow

_BARE: Final = {3}
_INT: Final = {int}


class Layers(Sequence[LayerRow]):
    """The rows of `layers` of one manifest that repeats no layer and gives none annotations, without the rows.

    `digests`, `media_types`, `sizes` and `distributable` stand in the order of the document, base first.
    """

    __slots__ = ("digests", "distributable", "manifest_digest", "media_types", "sizes")

    def __init__(self, manifest_digest: str, bare: Bare, distributable: list[bool]) -> None:
        self.manifest_digest = manifest_digest
        self.digests, self.media_types, self.sizes = bare
        self.distributable = distributable

    def __len__(self) -> int:
        return len(self.digests)

    @overload
    def __getitem__(self, at: int) -> LayerRow: ...

    @overload
    def __getitem__(self, at: slice) -> list[LayerRow]: ...

    def __getitem__(self, at: int | slice) -> LayerRow | list[LayerRow]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        position = range(len(self))[at]
        about = self.digests[position], self.media_types[position], self.sizes[position], self.distributable[position]
        return LayerRow(self.manifest_digest, position, *about, annotations=None)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (list, Layers)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list: it compares by what it holds


class Bare(NamedTuple):
    """Checked members of layers that have no others."""

    digests: list[str]
    media_types: list[str]
    sizes: list[int]


def bare(layers: Any) -> Bare | None:
    """Return the members of `layers`, a JSON array, if it has the common form; None says nothing about what it has.

    The common form: some descriptors, of media type, digest and size alone, in a media type that was met before, with
    sha256 digests of which none stands twice.
    """
    try:
        digests = [_met_digests.get(each["digest"]) or meet(each["digest"]) for each in layers]
        media_types = [each["mediaType"] for each in layers]
        sizes = [each["size"] for each in layers]
        # Nearly always all have one media type: to compare it takes half of the time of looking each up.
        first = known_media_types[media_types[0]]
        count = len(media_types)
        if media_types.count(first) == count:
            media_types = [first] * count
        else:
            media_types = [known_media_types[each] for each in media_types]
        good = (
            set(map(len, layers)) == _BARE
            and set(map(type, sizes)) == _INT
            and min(sizes) >= 0
            and sum(sizes) <= MAX_BYTES
            and len(set(digests)) == count
        )
    except (TypeError, KeyError, ValueError, IndexError):  # what is no array or empty, no object, or of another type
        return None
    return Bare(digests, media_types, sizes) if good else None


_met_digests: Final[dict[str, str]] = {}
"""Digests of layers that were found to be such, each with itself: neighbours share most of their layers.

So most digests are checked once and kept once. A manifest all of whose nine layers were met takes
7 microseconds less. It holds 20,000 at most, then starts anew.
"""
_MET: Final = 20_000


def meet(digest: Any) -> str:
    """Return `digest` and remember it; TypeError or ValueError where it is no sha256 digest."""
    if not is_sha256(digest):
        raise ValueError(digest)
    if len(_met_digests) >= _MET:
        _met_digests.clear()
    _met_digests[digest] = digest
    return str(digest)
