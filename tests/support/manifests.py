"""Small documents for tests, built by the specifications' rules from names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(content: str | bytes) -> str:
    """The sha256 digest of content, or of a name that stands for content."""
    return "sha256:" + hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def descriptor(name: str, size: int, media_type: str = OCI_LAYER, **more: Any) -> dict[str, Any]:
    """A descriptor of the blob called `name`."""
    return {"mediaType": media_type, "digest": digest_of(name), "size": size, **more}


def image(config: str, layers: Mapping[str, int] | Sequence[tuple[str, int]], **more: Any) -> bytes:
    """An OCI image manifest of a config (100 bytes) and named layers with sizes."""
    pairs = layers.items() if isinstance(layers, Mapping) else layers
    return document(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": descriptor(config, 100, OCI_CONFIG),
            "layers": [descriptor(name, size) for name, size in pairs],
            **more,
        }
    )


def index(*children: bytes, platforms: Sequence[tuple[str, str]] = (), **more: Any) -> bytes:
    """An OCI index of documents."""
    entries = []
    for number, child in enumerate(children):
        entry: dict[str, Any] = {
            "mediaType": json.loads(child)["mediaType"],
            "digest": digest_of(child),
            "size": len(child),
        }
        if number < len(platforms):
            entry["platform"] = {"os": platforms[number][0], "architecture": platforms[number][1]}
        entries.append(entry)
    return document({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **more})


def document(content: Mapping[str, Any]) -> bytes:
    """A document's bytes."""
    return json.dumps(content).encode()
