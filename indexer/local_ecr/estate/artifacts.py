"""Documents that are no container image: signatures, SBOMs, Helm charts, WebAssembly.

Sources: cosign's SIGNATURE_SPEC.md and BUNDLE_SPEC.md, OCI image-spec 1.1 manifest.md ("Guidelines for Artifact
Usage"), Helm's "Use OCI-based registries", the CNCF TAG Runtime "Wasm OCI Artifact Layout".
"""

from __future__ import annotations

import base64
from datetime import datetime

from indexer.local_ecr.estate.dice import content_digest, share_of
from indexer.local_ecr.estate.manifests import Blob, Document, artifact, descriptor, subject

_EMPTY_JSON = Blob("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", 2)
_EMPTY = descriptor("application/vnd.oci.empty.v1+json", _EMPTY_JSON, data="e30=")
_SPDX = "application/spdx+json"
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


def referrers(seed: int, image: Document, at: datetime) -> tuple[Document, Document]:
    """An SBOM and a sigstore bundle that refer to `image` as their subject."""
    sbom = _blob(80_000, 2_600_000, seed, image.digest, "spdx")
    bundle = _blob(4_000, 9_000, seed, image.digest, "bundle")
    return _referrer(_SPDX, sbom, image, at), _referrer(_BUNDLE, bundle, image, at)


def cosign_tag(image: Document) -> str:
    """The tag under which cosign looks for the signature of `image`."""
    return image.digest.replace(":", "-") + ".sig"


def cosign_signature(seed: int, image: Document) -> Document:
    """A signature of `image` as cosign stores it under a tag; the signature's bytes are made up."""
    payload = _blob(240, 260, seed, image.digest, "payload")
    signature = bytes.fromhex(content_digest(seed, image.digest, "signature").removeprefix("sha256:"))
    annotations = {"dev.cosignproject.cosign/signature": base64.b64encode(signature * 2).decode()}
    layer = descriptor("application/vnd.dev.cosign.simplesigning.v1+json", payload, annotations=annotations)
    config = descriptor("application/vnd.oci.image.config.v1+json", _blob(230, 240, seed, image.digest, "cosign"))
    return artifact({"config": config, "layers": [layer]})


def helm_chart(seed: int, name: str, version: str, at: datetime) -> Document:
    """A Helm chart as `helm push` stores it: helm writes no mediaType."""
    chart = _blob(9_000, 60_000, seed, name, version, "chart")
    content = {
        "config": descriptor("application/vnd.cncf.helm.config.v1+json", _blob(180, 900, seed, name, version, "meta")),
        "layers": [descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)],
        "annotations": {
            "org.opencontainers.image.created": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": version,
        },
    }
    return artifact(content, with_media_type=False)


def wasm_component(seed: int, name: str, number: int) -> Document:
    """A WebAssembly component."""
    component = _blob(300_000, 4_000_000, seed, name, number, "wasm")
    return artifact(
        {
            "config": descriptor("application/vnd.wasm.config.v0+json", _blob(250, 500, seed, name, number, "config")),
            "layers": [descriptor("application/wasm", component)],
        }
    )


def _referrer(artifact_type: str, blob: Blob, image: Document, at: datetime) -> Document:
    return artifact(
        {
            "artifactType": artifact_type,
            "config": _EMPTY,
            "layers": [descriptor(artifact_type, blob)],
            "subject": subject(image),
            "annotations": {"org.opencontainers.image.created": f"{at:%Y-%m-%dT%H:%M:%SZ}"},
        }
    )


def _blob(low: int, high: int, *path: object) -> Blob:
    digest = content_digest(*path)
    return Blob(digest, low + int((high - low) * share_of(digest)))
