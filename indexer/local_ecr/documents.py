"""What a registry itself has to read out of a manifest: digest, media type, size, subject, children.

It deliberately shares no code with the part of this package that flattens manifests, so that a mistake there cannot
hide behind the same mistake here. Documents that cannot be read give no facts instead of an error: a registry that is
filled by hand may hold anything.

Sources: OCI image-spec 1.1 (manifest.md, image-index.md, and the artifact manifest of 1.1.0-rc2), Docker Registry
"Image Manifest Version 2" schemas 1 and 2.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import orjson

SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"
MANIFEST_TYPES = frozenset(
    {SCHEMA1, SCHEMA1_SIGNED, SCHEMA2, MANIFEST_LIST, OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT},
)
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_LARGEST_LONG = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What one manifest says about itself; None where it does not say, `size` in bytes."""

    media_type: str | None = None
    artifact_media_type: str | None = None
    subject: str | None = None
    size: int | None = None
    children: tuple[str, ...] = ()


def digest_of(manifest: bytes) -> str:
    """The digest that a registry gives: `sha256:` over the manifest, of a signed schema 1 over its payload only."""
    return f"sha256:{hashlib.sha256(_payload(manifest)).hexdigest()}"


def parse(manifest: bytes) -> dict[str, Any] | None:
    """The manifest's JSON object, or None where it is none."""
    try:
        document = orjson.loads(manifest)
    except orjson.JSONDecodeError:
        document = _parse_slowly(manifest)
    return document if isinstance(document, dict) else None


def read(manifest: bytes) -> Facts:
    """The facts of a manifest; an empty `Facts` for something that is no JSON object."""
    document = parse(manifest)
    if document is None:
        return Facts()
    media_type = _media_type(document)
    return Facts(
        media_type=media_type,
        artifact_media_type=_artifact_media_type(document),
        subject=_text(_member(document, "subject"), "digest"),
        size=_size(document),
        children=tuple(d for child in _objects(document, "manifests") if (d := _text(child, "digest"))),
    )


def _parse_slowly(manifest: bytes) -> Any:
    """What the standard library reads: it takes an escaped half of a surrogate pair, which orjson refuses."""
    try:
        return json.loads(manifest, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _payload(manifest: bytes) -> bytes:
    """The signed part of a signed schema 1 manifest, rebuilt as its protected header says; else all of it."""
    if b'"signatures"' not in manifest:
        return manifest
    document = parse(manifest)
    signatures = _objects(document, "signatures") if document and document.get("schemaVersion") == 1 else []
    if not signatures:
        return manifest
    try:
        header = orjson.loads(_base64url(signatures[0]["protected"]))
        return manifest[: int(header["formatLength"])] + _base64url(header["formatTail"])
    except (LookupError, TypeError, ValueError, AttributeError, binascii.Error):
        return manifest


def _base64url(text: str) -> bytes:
    """Unpadded base64url, as JSON Web Signatures use it (RFC 7515 appendix C)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _media_type(document: dict[str, Any]) -> str | None:
    """The declared media type, else what the structure says; the OCI types may leave it out."""
    declared = _text(document, "mediaType")
    if declared:
        return declared
    if document.get("schemaVersion") == 1:
        return SCHEMA1_SIGNED if document.get("signatures") else SCHEMA1
    if isinstance(document.get("manifests"), list):
        children = _objects(document, "manifests")
        return MANIFEST_LIST if children and all(map(_is_docker, children)) else OCI_INDEX
    if isinstance(document.get("layers"), list) or isinstance(document.get("config"), dict):
        return SCHEMA2 if _config_media_type(document) == _DOCKER_CONFIG else OCI_MANIFEST
    return OCI_ARTIFACT if isinstance(document.get("blobs"), list) else None


def _artifact_media_type(document: dict[str, Any]) -> str | None:
    """ECR's artifactMediaType: the artifactType, else the config's media type (it gives that for Docker images too)."""
    return _text(document, "artifactType") or _config_media_type(document)


def _config_media_type(document: dict[str, Any]) -> str | None:
    return _text(_member(document, "config"), "mediaType")


def _size(document: dict[str, Any]) -> int | None:
    """Bytes of the config and the layers; None where no size is given (schema 1, indexes) or it fits no int64."""
    descriptors = [_member(document, "config"), *_objects(document, "layers"), *_objects(document, "blobs")]
    sizes = [size for descriptor in descriptors if type(size := descriptor.get("size")) is int and size >= 0]
    total = sum(sizes)
    return total if sizes and total <= _LARGEST_LONG else None


def _is_docker(descriptor: dict[str, Any]) -> bool:
    return (_text(descriptor, "mediaType") or "").startswith("application/vnd.docker.")


def _member(document: dict[str, Any], name: str) -> dict[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _objects(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = document.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    # Half of a surrogate pair could not be put on the wire again.
    return value.encode("utf-8", "replace").decode() or None if isinstance(value, str) else None
