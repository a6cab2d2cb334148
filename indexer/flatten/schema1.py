"""Docker schema 1: the manifest from before configs, still found in old repositories.

Source: Docker distribution's manifest v2.1 specification, and its "Signed Manifests" section for the digest. The
document lists the newest layer first, gives no sizes and no media types, and repeats the empty layer for every step
that changed no file.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any, Final

import orjson

from indexer.errors import DocumentError
from indexer.flatten import checks
from indexer.flatten.checks import ABSENT, wrong
from indexer.model import DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED, Descriptor, Digest, ImageManifest, Kind

_SCHEMA_VERSION: Final = 1


def read_schema1(document: dict[str, Any], declared: str | None) -> ImageManifest:
    """Return the manifest that `document` is, its layers base first; DocumentError where a member is wrong."""
    version = document.get("schemaVersion", ABSENT)
    if type(version) is not int or version != _SCHEMA_VERSION:
        raise wrong("schemaVersion", "the number 1", version)
    layers = [
        _layer(element, position)
        for position, element in enumerate(checks.array(document.get("fsLayers", ABSENT), "fsLayers"))
    ]
    _check_history(document.get("history", ABSENT), len(layers))
    signed = bool(document.get("signatures"))  # what they hold matters to `digest_matches` alone
    return ImageManifest(
        media_type=declared or (DOCKER_SCHEMA1_SIGNED if signed else DOCKER_SCHEMA1),
        kind=Kind.SCHEMA1,
        schema_version=_SCHEMA_VERSION,
        artifact_type=None,
        config=None,
        layers=tuple(reversed(layers)),
        layer_bytes=None if layers else 0,
        subject=None,
        annotations=None,
    )


def digest_matches(digest: Digest, raw: bytes) -> bool:
    """Whether `raw` is the document that `digest` names; False for an algorithm that cannot be computed here.

    The digest of a signed schema 1 document is over its payload, from which the document differs by the signatures put
    in. A payload that hashes to the digest vouches only for itself, so the document must also say the same as it:
    else anything could be signed with a genuine payload in its header.
    """
    if digest.matches(raw):
        return True
    if b'"signatures"' not in raw:
        return False
    try:
        document = orjson.loads(raw)
        payload = _payload(raw, document)
        return digest.matches(payload) and orjson.loads(payload) == _unsigned(document)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):  # whatever a made-up header is not
        return False


def _layer(value: object, position: int) -> Descriptor:
    path = f"fsLayers[{position}]"
    if not isinstance(value, dict):
        raise wrong(path, "an object", value)
    return Descriptor(None, checks.digest(value.get("blobSum", ABSENT), f"{path}.blobSum"), None)


def _check_history(value: object, layers: int) -> None:
    history = checks.array(value, "history")
    if len(history) != layers:
        raise DocumentError(f"history: expected one entry for each of the {layers} fsLayers, found {len(history)}")
    for position, step in enumerate(history):
        if not isinstance(step, dict):
            raise wrong(f"history[{position}]", "an object", step)
        checks.text(step.get("v1Compatibility", ABSENT), f"history[{position}].v1Compatibility")


def _payload(raw: bytes, document: dict[str, Any]) -> bytes:
    """Rebuild the signed bytes; any error of a look-up or a conversion where the signatures are not as specified."""
    headers = {signature["protected"] for signature in document["signatures"]}
    payloads = {_from_header(raw, orjson.loads(_base64url(header))) for header in headers}
    (payload,) = payloads  # signatures of one document sign one payload
    return payload


def _from_header(raw: bytes, header: dict[str, Any]) -> bytes:
    length = header["formatLength"]
    if type(length) is not int or not 0 <= length <= len(raw):
        raise ValueError("formatLength is outside of the document")
    return raw[:length] + _base64url(header["formatTail"])


def _base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _unsigned(document: dict[str, Any]) -> dict[str, Any]:
    return {member: value for member, value in document.items() if member != "signatures"}
