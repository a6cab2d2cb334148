"""Many manifests together into a bundle: what each costs is the time of a run and its memory.

Nearly every manifest has the common form: its own media type, a config and layers that say of themselves media type,
digest and size and nothing more, and at most annotations besides. Of such a document the members are taken while what
was parsed is still in the processor's cache, and those of a call are checked at once: 13 microseconds where the careful
way, `flatten`, takes 27. Every other document goes the careful way, and so does a call of which anything is amiss. Both
ways give the same rows, which a test holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

import orjson

from indexer.flatten.bundle import Bundle
from indexer.flatten.checks import MAX_BYTES, are_sha256, known_media_types
from indexer.flatten.manifests import family_of_media_type, kind_of
from indexer.flatten.rows import Source, flatten, flatten_parsed, is_distributable
from indexer.tables import ConfigRow, ManifestRow

_SCHEMA_VERSION: Final = {2}
_INT: Final = {int}
_TEXT: Final = frozenset({str})


class Given(NamedTuple):
    """A document to flatten, whose digest was computed where `verified` says so; `order` goes with its rows."""

    digest: str
    raw: bytes
    source: Source
    verified: bool = True
    order: int = 0


class _Unchecked(NamedTuple):
    """What was taken of a document and is still to be looked at."""

    version: Any
    config: Any
    config_size: Any
    total: Any
    digests: list[Any]
    sizes: list[Any]


def flatten_all(each: Sequence[Given]) -> Bundle:
    """Return the rows of the documents, in their order, as `flatten` gives them; never raises for what they hold."""
    bundle, unchecked = Bundle(), []
    for given in each:
        digest, raw, source, verified, order = given
        try:
            text = raw.decode()
            document = orjson.loads(raw)
        except ValueError:  # of both: `flatten` says what is wrong
            bundle.add(flatten(digest, raw, source, verified=verified), order)
            continue
        taken = _take(bundle, given, text, document)
        if taken is not None:
            unchecked.append(taken)
        else:
            bundle.add(flatten_parsed(digest, raw, text, document, source, verified), order)
    if _are_good(unchecked):
        return bundle
    return Bundle.of((flatten(digest, raw, source, verified=good), order) for digest, raw, source, good, order in each)


def _take(bundle: Bundle, given: Given, text: str, document: Any) -> _Unchecked | None:
    """Put a document that seems to be of the common form into the bundle; None, and nothing is done, for any other.

    That it has no other members, and no key twice, is seen by its quotation marks: two stand around each key and each
    text, so that a document with the members that are looked at here has at least `marks`. To count them takes 0.7
    microseconds, a quarter of the time of writing the document out again.
    """
    digest, raw, source, verified, order = given
    try:
        layers, config = document["layers"], document["config"]
        annotations = document.get("annotations")
        count = len(layers)
        marks = 20 + 10 * count + (0 if annotations is None else 2 + 4 * len(annotations))
        if raw.count(b'"') != marks or not count or type(layers) is not list or not _is_text_to_text(annotations):
            return None
        digests = [each["digest"] for each in layers]
        # Of a media type, the text that was met before and found to be one: all share it.
        types = [known_media_types[each["mediaType"]] for each in layers]
        sizes = [each["size"] for each in layers]
        named, config_type, config_size = config["digest"], known_media_types[config["mediaType"]], config["size"]
        declared, version = known_media_types[document["mediaType"]], document["schemaVersion"]
        kind, stored = _told(declared, config_type, frozenset(types))
        total, distinct = sum(sizes), set(digests)
        is_layer = named in distinct
    except (AttributeError, TypeError, KeyError):  # no object, other members, other types
        return None
    if kind is None:
        return None
    # tuple.__new__ makes the same as the keyword constructors, sooner.
    new, about = tuple.__new__, (named, config_type, config_size)
    row = (
        digest,
        declared,
        kind,
        version,
        None,
        *about,
        None,
        count,
        total,
        len(raw),
        annotations,
        text,
        verified,
        None,
    )
    bundle.manifests.append(new(ManifestRow, (*row, *source)))
    bundle.configs.append(new(ConfigRow, (digest, *about, is_layer)))
    bundle.orders.append(order)
    bundle.counts.append(count)
    bundle.add_layers(
        digests,
        types,
        sizes,
        [True] * count if stored else [*map(is_distributable, types)],
        [None] * count,
        [False] * count if len(distinct) == count else _repeated(digests),
    )
    return new(_Unchecked, (version, named, config_size, total, digests, sizes))


def _are_good(unchecked: Sequence[_Unchecked]) -> bool:
    if not unchecked:
        return True
    versions, configs, config_sizes, totals, digests, sizes = zip(*unchecked, strict=True)
    all_sizes = [*config_sizes, *chain.from_iterable(sizes)]
    return (
        set(map(type, versions)) == _INT
        and set(versions) == _SCHEMA_VERSION
        and set(map(type, all_sizes)) == _INT
        and min(all_sizes) >= 0
        and max(config_sizes) <= MAX_BYTES
        and max(totals) <= MAX_BYTES
        and are_sha256([*configs, *chain.from_iterable(digests)])
    )


def _repeated(digests: Sequence[str]) -> list[bool]:
    seen: set[str] = set()
    repeated = []
    for digest in digests:
        repeated.append(digest in seen)
        seen.add(digest)
    return repeated


def _is_text_to_text(annotations: object) -> bool:
    if annotations is None:
        return True
    return type(annotations) is dict and _TEXT.issuperset(map(type, annotations.values()))


@lru_cache(maxsize=4096)  # a registry has a few dozen of these
def _told(declared: str, config_type: str, types: frozenset[str]) -> tuple[str | None, bool]:
    """Return the kind of a manifest with these media types (None: it is none), and whether all layers are stored."""
    kind = kind_of(declared, config_type, types) if family_of_media_type(declared) == "manifest" else None
    return kind, all(map(is_distributable, types))
