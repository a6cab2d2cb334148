"""The page about a digest: what it is, in every role that it has, and what has to do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from indexer.front.asking import Asking, Row
from indexer.model import Kind

_PLACE = ("registry_id", "region", "repository", "tags")
_LISTED = (
    *_PLACE,
    "media_type",
    "artifact_type",
    "image_size",
    "pushed_at",
    "last_pulled_at",
    "status",
    "subject_digest",
)
_FORMER = (*_PLACE, "last_seen_at")
_CLAIM = ("role", "media_type", "size", "distributable", "manifests")
_NEEDING = (*_PLACE, "manifest_digest", "via_index", "manifests", "pushed_at", "status")
_ARCHIVED = "ECR does not give the manifests of archived images"
_NOT_HELD = "blob that no repository holds any longer"
_NOT_LISTED = "blob of manifests that no committed run has listed yet"
_UNFETCHED = "the newest run did not fetch it; indexer run tries again"


def digest_page(asking: Asking, digest: str) -> dict[str, Any]:
    """Return everything known about a whole digest.

    Keys: `digest`; `roles` (kinds of manifest, layer, config, index entry, subject; empty where nothing is known);
    `manifest` (its row, None where it is not in the store) with `unknown` saying why not; `images`, `formerly`,
    `layers`, `children`, `parents`, `referrers`, `failures`; `blob` (None where it is neither layer nor config).
    """
    manifest = next(iter(asking.rows("manifest", digest=digest)), None)
    sightings = asking.rows("manifest_sightings", digest=digest)
    images = [_only(_LISTED, row) for row in sightings if row["last_seen_at"] is None]
    failures = asking.rows("manifest_failures", digest=digest)
    (mentions,) = asking.rows("mentions", digest=digest)
    parents = asking.rows("manifest_parents", digest=digest) if mentions["entries"] else []
    referrers = asking.rows("manifest_referrers", digest=digest) if mentions["referrers"] else []
    # A manifest is hardly ever a layer or config too.
    may_be_blob = manifest is None or asking.rows("blob_mentions", digest=digest)[0]["mentions"]
    blob = _blob(asking, digest) if may_be_blob else None
    is_new = blob is not None and not blob["claims"] and bool(asking.rows("newest_users", digest=digest))
    return {
        "digest": digest,
        "roles": _roles(manifest, images, parents, referrers, blob, is_new=is_new),
        "manifest": manifest,
        "unknown": None if manifest or not (images or parents) else _why_unknown(images, failures),
        "images": images,
        "formerly": [_only(_FORMER, row) for row in sightings if row["last_seen_at"] is not None],
        "layers": asking.rows("manifest_layers", digest=digest) if manifest else [],
        "children": asking.rows("manifest_children", digest=digest) if _is_index(manifest) else [],
        "parents": parents,
        "referrers": referrers,
        "failures": failures,
        "blob": blob,
    }


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


def _why_unknown(images: list[Row], failures: list[Row]) -> str:
    if failures:
        return f"{failures[0]['code']}: {failures[0]['reason']}"
    return _ARCHIVED if any(image["status"] == "ARCHIVED" for image in images) else _UNFETCHED


def _blob(asking: Asking, digest: str) -> dict[str, Any] | None:
    """What is known of the digest as a layer or config; None where no manifest ever had it."""
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


def _only(names: Sequence[str], row: Row) -> Row:
    return {name: row[name] for name in names}
