"""Many manifests together into a bundle: what each costs is the time of a run and its memory.

Nearly every document has a common form (`indexer.flatten.forms`): its own media type, a config, and layers that say of
themselves media type, digest and size, and at most annotations; or, of an index, entries with their platforms. Of such
a document the members are taken while what was parsed is still in the processor's cache, and those of a call are
checked at once: 9 microseconds where the careful way, `flatten`, takes 27. Every other document goes the careful way,
and so does a call of which anything is amiss. Both ways give the same rows, which a test holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from msgspec import MsgspecError
from msgspec.structs import astuple

from indexer.flatten.bundle import Bundle
from indexer.flatten.checks import MAX_BYTES, are_sha256, known_media_types
from indexer.flatten.forms import annotations_of, decode, decode_index, has_each_key_once
from indexer.flatten.manifests import kind_of
from indexer.flatten.rows import Flattened, Source, flatten, is_distributable, of_index
from indexer.model import Descriptor, ImageIndex, Platform
from indexer.tables import ManifestRow

_SCHEMA_VERSION: Final = 2


class Given(NamedTuple):
    """A document to flatten, whose digest was computed where `verified` says so; `order` goes with its rows.

    `text` is `raw` decoded, where the caller has that already.
    """

    digest: str
    raw: bytes
    source: Source
    verified: bool = True
    order: int = 0
    text: str | None = None


class _Unchecked(NamedTuple):
    """What was taken of documents and is still to be looked at; `totals` are the bytes of each one's layers."""

    digests: list[str]
    sizes: list[int]
    totals: list[int]


def flatten_all(each: Sequence[Given]) -> Bundle:
    """Return the rows of the documents, in their order, as `flatten` gives them; never raises for what they hold."""
    bundle, unchecked = Bundle(), _Unchecked([], [], [])
    for given in each:
        if not (_take(bundle, unchecked, given) or _take_index(bundle, unchecked, given)):
            bundle.add(_carefully(given), given.order)
    if _are_good(unchecked):
        return bundle
    return Bundle.of((_carefully(given), given.order) for given in each)


def _carefully(given: Given) -> Flattened:
    return flatten(given.digest, given.raw, given.source, verified=given.verified)


def _take(bundle: Bundle, unchecked: _Unchecked, given: Given) -> bool:
    """Put a document that seems to be of the common form into the bundle; False, and nothing is done, for any other."""
    digest, raw, source, verified, order, text = given
    try:
        document = decode(raw)
        if text is None:
            text = raw.decode()
        config, layers = document.config, document.layers
        config_type = known_media_types[config.mediaType]  # the text that was met before and found to be one
    except (MsgspecError, UnicodeDecodeError, KeyError):
        return False
    count = len(layers)
    annotations = annotations_of(text, document)
    if not count or annotations is None:
        return False
    digests, types = [layer.digest for layer in layers], [layer.mediaType for layer in layers]
    sizes = [layer.size for layer in layers]
    # As nearly always all are of one type; a set of them takes 0.3 microseconds.
    alike = types.count(types[0]) == count
    kind, stored = _told(document.mediaType, config_type, types[0] if alike else frozenset(types))
    total, distinct, named = sum(sizes), set(digests), config.digest
    unchecked.digests.append(named)
    unchecked.digests.extend(digests)
    unchecked.sizes.append(config.size)
    unchecked.sizes.extend(sizes)
    unchecked.totals.append(total)
    # tuple.__new__ makes the same as the keyword constructor, sooner.
    row = (
        digest,
        document.mediaType,
        kind,
        _SCHEMA_VERSION,
        None,
        named,
        config_type,
        config.size,
        None,
        count,
        total,
        len(raw),
        document.annotations,
        text,
        verified,
        None,
        *source,
    )
    bundle.manifests.append(tuple.__new__(ManifestRow, row))
    bundle.are_layers.append(named in distinct)
    bundle.orders.append(order)
    bundle.counts.append(count)
    bundle.layer_digests += digests
    bundle.sizes += sizes
    if alike and not annotations and len(distinct) == count:
        bundle.runs.add_one(count, types[0], stored)
    else:
        bundle.runs.add_each(
            types, [is_distributable(each) for each in types], annotations or [None] * count, _repeated(digests)
        )
    return True


def _take_index(bundle: Bundle, unchecked: _Unchecked, given: Given) -> bool:
    """Do as `_take` with a document that seems to be an index of the common form."""
    digest, raw, source, verified, order, text = given
    try:
        document = decode_index(raw)
        if text is None:
            text = raw.decode()
    except (MsgspecError, UnicodeDecodeError):
        return False
    if not has_each_key_once(text, document):
        return False
    entries = [
        Descriptor(
            entry.mediaType, entry.digest, entry.size, None, entry.annotations, Platform(*astuple(entry.platform))
        )
        for entry in document.manifests
    ]
    if not all(entry.platform.os and entry.platform.architecture for entry in document.manifests):
        return False
    unchecked.digests.extend([entry.digest for entry in entries])
    unchecked.sizes.extend([entry.size for entry in document.manifests])
    found = ImageIndex(document.mediaType, _SCHEMA_VERSION, None, tuple(entries), None, document.annotations)
    bundle.add(of_index(digest, text, len(raw), found, source, verified), order)
    return True


def _are_good(unchecked: _Unchecked) -> bool:
    digests, sizes, totals = unchecked
    return not sizes or (
        min(sizes) >= 0
        and max(sizes) <= MAX_BYTES
        and max(totals, default=0) <= MAX_BYTES
        # Neighbours share layers, so that of ten digests some three are new to the call.
        and are_sha256([*set(digests)])
    )


def _repeated(digests: Sequence[str]) -> list[bool]:
    seen: set[str] = set()
    repeated = []
    for digest in digests:
        repeated.append(digest in seen)
        seen.add(digest)
    return repeated


@lru_cache(maxsize=4096)  # a registry has a few dozen of these
def _told(declared: str, config_type: str, types: str | frozenset[str]) -> tuple[str, bool]:
    """Return the kind of a manifest with these media types, and whether all of its layers are stored."""
    all_ = frozenset({types}) if isinstance(types, str) else types
    return kind_of(declared, config_type, all_), all(map(is_distributable, all_))
