"""The page about a digest: what it is, in every role that it has, and what has to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from indexer.aside import Aside
from indexer.front.asking import Asking, Row
from indexer.model import Kind

_PLACE = ("registry_id", "region", "repository")
_CLAIM = ("role", "media_type", "size", "distributable", "manifests")
_NEEDING = (*_PLACE, "tags", "manifest_digest", "via_index", "manifests", "pushed_at", "status")
_ARCHIVED = "ECR does not give the manifests of archived images"
_NOT_HELD = "blob that no repository holds any longer"
_NOT_LISTED = "blob of manifests that no committed run has listed yet"
_UNFETCHED = "the newest run did not fetch it; indexer run tries again"


def digest_page(asking: Asking, digest: str, *, is_image: bool = False) -> dict[str, Any]:
    """Return everything known about a whole digest. That `is_image` is known of some spares time, and changes nothing.

    Keys: `digest`; `roles` (kinds of manifest, layer, config, index entry, subject; empty where nothing is known);
    `manifest` (its row, None where it is not in the store) with `unknown` saying why not; `images`, `formerly`,
    `layers`, `children`, `parents`, `referrers`, `failures`; `blob` (None where it is neither layer nor config).
    """
    with Aside() as aside:
        content = aside.do(lambda: _blob(asking, digest, is_rare=is_image))
        where = aside.do(lambda: _places(asking, digest))
        manifest = next(iter(asking.rows("manifest", digest=digest)), None)
        named = aside.do(lambda: _is_named(asking, digest)) if manifest else None
        layers = asking.rows("manifest_layers", digest=digest) if manifest else []
        children = asking.rows("manifest_children", digest=digest) if _is_index(manifest) else []
        blob = content.result()
        is_new = blob is not None and not blob["claims"] and bool(asking.rows("newest_users", digest=digest))
    places = where.result()
    # Such tags are of manifests. Of what is a layer or config and nothing else, they are not looked at: of a million
    # images that is a tenth of the time.
    is_mere_blob = blob is not None and not (places.images or places.formerly or places.parents or places.subjects)
    is_named = named.result() if named is not None else not is_mere_blob and _is_named(asking, digest)
    referrers = asking.rows("manifest_referrers", digest=digest) if places.subjects or is_named else []
    return {
        "digest": digest,
        "roles": _roles(manifest, places.images, places.parents, referrers, blob, is_new=is_new),
        "manifest": manifest,
        "unknown": None if manifest or not (places.images or places.parents) else _why_unknown(places),
        "images": places.images,
        "formerly": places.formerly,
        "layers": layers,
        "children": children,
        "parents": places.parents,
        "referrers": referrers,
        "failures": places.failures,
        "blob": blob,
    }


class _Places(NamedTuple):
    """Where the digest is listed, and was; what went wrong with it; indexes above it; how many have it as subject."""

    images: list[Row]
    formerly: list[Row]
    failures: list[Row]
    parents: list[Row]
    subjects: int


def _places(asking: Asking, digest: str) -> _Places:
    # In every run's file the column of digests and the places, and no other: the rest of the row only where it is one.
    places = asking.rows("manifest_places", digest=digest)
    left = {_place(row): row["run_id"] for row in places if not row["is_current"]}
    images = asking.rows("manifest_images", digest=digest) if len(left) < len(places) else []
    formerly = asking.rows("manifest_former_images", digest=digest, run_ids=sorted({*left.values()})) if left else []
    failures = asking.rows("manifest_failures", digest=digest)
    (mentions,) = asking.rows("mentions", digest=digest)
    parents = asking.rows("manifest_parents", digest=digest) if mentions["entries"] else []
    formerly = [row for row in formerly if _place(row) in left]
    return _Places(images, formerly, failures, parents, mentions["subjects"])


def _is_named(asking: Asking, digest: str) -> bool:
    return bool(asking.rows("tag_mentions", digest=digest)[0]["mentions"])


def _is_index(manifest: Row | None) -> bool:
    return manifest is not None and manifest["kind"] == Kind.INDEX


def _roles(  # noqa: PLR0913 - what the page has
    manifest: Row | None,
    images: list[Row],
    parents: list[Row],
    referrers: list[Row],
    blob: dict[str, Any] | None,
    *,
    is_new: bool,
) -> list[str]:
    roles = [] if manifest is None else [_manifest_role(manifest)]
    if manifest is None and images:
        roles.append("listed image whose manifest is unknown")
    roles += list(dict.fromkeys(claim["role"] for claim in blob["claims"])) if blob else []
    if blob and not blob["claims"]:
        roles.append(_NOT_LISTED if is_new else _NOT_HELD)
    if manifest is None and parents:
        roles.append("entry of an index")
    if manifest is None and referrers:
        roles.append("subject of other manifests")
    return roles


def _manifest_role(manifest: Row) -> str:
    plain = manifest["kind"] in {Kind.IMAGE, Kind.INDEX, Kind.ARTIFACT, Kind.ATTESTATION}
    return str(manifest["kind"]) if plain else f"{manifest['kind']} manifest"


def _why_unknown(places: _Places) -> str:
    if places.failures:
        return f"{places.failures[0]['code']}: {places.failures[0]['reason']}"
    return _ARCHIVED if any(image["status"] == "ARCHIVED" for image in places.images) else _UNFETCHED


def _blob(asking: Asking, digest: str, *, is_rare: bool) -> dict[str, Any] | None:
    """What is known of the digest as a layer or config; None where no manifest ever had it.

    Where that `is_rare`, as of an image, it is asked first whether there is anything to know.
    """
    if is_rare and not asking.rows("blob_mentions", digest=digest)[0]["mentions"]:
        return None
    rows = asking.rows("blob", digest=digest)
    images = [_only(_NEEDING, row) for row in rows if row["manifest_digest"] is not None]
    together = next(row for row in rows if row["role"] is None and row["manifest_digest"] is None)
    if not together["all_manifests"]:
        return None
    claims = [_only(_CLAIM, row) for row in rows if row["role"] is not None and row["manifests"]]
    sizes = [claim["size"] for claim in claims if claim["size"] is not None]
    return {
        "size": max(sizes, default=None),
        "claims": claims,
        "manifests": together["manifests"],
        "repositories": len({(image["registry_id"], image["region"], image["repository"]) for image in images}),
        "images": images,
    }


def _place(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _PLACE)


def _only(names: Sequence[str], row: Row) -> Row:
    return {name: row[name] for name in names}
