"""Manifest documents, byte for byte as the usual tools write them.

Sources: OCI image-spec 1.1 (manifest.md, image-index.md), Docker distribution "Image Manifest V 2, Schema 1 / 2", and
BuildKit's docs/attestations/attestation-storage.md. `docker push` indents by three spaces and puts a descriptor's size
before its digest; BuildKit indents by two; helm, oras, cosign and the wasm tools write compact JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from indexer.local_ecr.documents import MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST, SCHEMA1_SIGNED, SCHEMA2

EMPTY_SCHEMA1_LAYER = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
_DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
_IN_TOTO = "application/vnd.in-toto+json"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+"
_JWS_TAIL = b"\n}"

Json = dict[str, Any]


class Platform(NamedTuple):
    """Where an image runs."""

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None


class Blob(NamedTuple):
    """A layer or config: a digest and a size in bytes; `urls` make it a foreign layer."""

    digest: str
    size: int
    zstd: bool = False
    urls: tuple[str, ...] = ()


class Document(NamedTuple):
    """A manifest ready to be put into a registry."""

    media_type: str
    digest: str
    body: bytes


class Entry(NamedTuple):
    """A manifest's place in an index."""

    document: Document
    platform: Platform | None
    annotations: Mapping[str, str] | None = None


def sha256(content: bytes) -> str:
    """The digest of `content`."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def docker_manifest(config: Blob, layers: Iterable[Blob]) -> Document:
    """A Docker schema 2 manifest as `docker push` writes it."""
    document = {
        "schemaVersion": 2,
        "mediaType": SCHEMA2,
        "config": {"mediaType": _DOCKER_CONFIG, "size": config.size, "digest": config.digest},
        "layers": [_docker_layer(layer) for layer in layers],
    }
    return _document(SCHEMA2, document, indent=3)


def docker_list(entries: Iterable[Entry]) -> Document:
    """A Docker manifest list as `docker manifest push` writes it."""
    manifests = [
        {
            "mediaType": entry.document.media_type,
            "size": len(entry.document.body),
            "digest": entry.document.digest,
            "platform": _platform(entry.platform),
        }
        for entry in entries
    ]
    document = {"schemaVersion": 2, "mediaType": MANIFEST_LIST, "manifests": manifests}
    return _document(MANIFEST_LIST, document, indent=3)


def oci_manifest(config: Blob, layers: Iterable[Blob], annotations: Mapping[str, str] | None = None) -> Document:
    """An OCI image manifest as BuildKit writes it."""
    descriptors = [descriptor(_OCI_LAYER + ("zstd" if layer.zstd else "gzip"), layer) for layer in layers]
    return _buildkit_manifest(config, descriptors, annotations)


def attestation(config: Blob, statements: Mapping[str, Blob]) -> Document:
    """BuildKit's attestation manifest: one in-toto layer for each predicate type."""
    layers = [
        descriptor(_IN_TOTO, blob, annotations={"in-toto.io/predicate-type": predicate})
        for predicate, blob in statements.items()
    ]
    return _buildkit_manifest(config, layers, None)


def oci_index(entries: Iterable[Entry], annotations: Mapping[str, str] | None = None) -> Document:
    """An OCI image index as BuildKit writes it."""
    document: Json = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [_oci_entry(entry) for entry in entries],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return _document(OCI_INDEX, document, indent=2)


def artifact(content: Json, *, with_media_type: bool = True) -> Document:
    """An OCI manifest of something that is no container image, compact; `content` is all but the version and type."""
    head: Json = {"schemaVersion": 2}
    if with_media_type:
        head["mediaType"] = OCI_MANIFEST
    return _document(OCI_MANIFEST, head | content, indent=None)


def signed_schema1(name: str, tag: str, layers: Iterable[str], signature: Json, at: datetime) -> Document:
    """A signed schema 1 manifest; `layers` stand newest first, as that format wants them.

    The digest is the payload's: the document as it was before `signatures` were put in (schema 1 specification,
    "Signed Manifests"). `signature` holds `header` and `signature`; the protected header is made here.
    """
    blobs = list(layers)
    payload = _indented(
        {
            "schemaVersion": 1,
            "name": name,
            "tag": tag,
            "architecture": "amd64",
            "fsLayers": [{"blobSum": blob} for blob in blobs],
            "history": [{"v1Compatibility": _v1(index, blobs)} for index in range(len(blobs))],
        },
        3,
    )
    head = payload.removesuffix(_JWS_TAIL)
    signatures = _indented({"signatures": [signature | {"protected": _protected(len(head), at)}]}, 3)
    return Document(SCHEMA1_SIGNED, sha256(payload), head + b"," + signatures.removeprefix(b"{"))


def descriptor(media_type: str, blob: Blob, **more: object) -> Json:
    """An OCI descriptor of `blob`."""
    return {"mediaType": media_type, "digest": blob.digest, "size": blob.size, **more}


def subject(document: Document) -> Json:
    """An OCI descriptor of a whole manifest, as `subject` wants it."""
    return descriptor(document.media_type, Blob(document.digest, len(document.body)))


def _buildkit_manifest(config: Blob, layers: list[Json], annotations: Mapping[str, str] | None) -> Document:
    document: Json = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(_OCI_CONFIG, config),
        "layers": layers,
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return _document(OCI_MANIFEST, document, indent=2)


def _docker_layer(layer: Blob) -> Json:
    media_type = _DOCKER_FOREIGN if layer.urls else _DOCKER_LAYER
    line: Json = {"mediaType": media_type, "size": layer.size, "digest": layer.digest}
    if layer.urls:
        line["urls"] = list(layer.urls)
    return line


def _oci_entry(entry: Entry) -> Json:
    line = subject(entry.document)
    if entry.annotations:
        line["annotations"] = dict(entry.annotations)
    if entry.platform:
        line["platform"] = _platform(entry.platform)
    return line


def _platform(platform: Platform | None) -> Json:
    if platform is None:
        raise ValueError("every entry of a Docker manifest list has a platform")
    pairs = {
        "architecture": platform.architecture,
        "os": platform.os,
        "os.version": platform.os_version,
        "variant": platform.variant,
    }
    return {key: value for key, value in pairs.items() if value is not None}


def _v1(index: int, blobs: list[str]) -> str:
    line: Json = {"id": _v1_id(index, blobs)}
    if index + 1 < len(blobs):
        line["parent"] = _v1_id(index + 1, blobs)
    line["created"] = "2016-03-18T18:22:48Z"
    if blobs[index] == EMPTY_SCHEMA1_LAYER:
        line["throwaway"] = True
    return _compact(line).decode()


def _v1_id(index: int, blobs: list[str]) -> str:
    return hashlib.sha256("/".join(blobs[index:]).encode()).hexdigest()


def _protected(length: int, at: datetime) -> str:
    header = {"formatLength": length, "formatTail": _base64url(_JWS_TAIL), "time": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    return _base64url(_compact(header))


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _document(media_type: str, document: Json, indent: int | None) -> Document:
    body = _compact(document) if indent is None else _indented(document, indent)
    return Document(media_type, sha256(body), body)


def _indented(document: Json, indent: int) -> bytes:
    return json.dumps(document, indent=indent).encode()


def _compact(document: Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
