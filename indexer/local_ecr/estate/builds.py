"""From a stack of layers to the documents that one push brings: manifests, attestations, index."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from indexer.local_ecr.estate import manifests
from indexer.local_ecr.estate.dice import content_digest, share_of
from indexer.local_ecr.estate.manifests import Blob, Document, Entry, Platform
from indexer.local_ecr.estate.stacks import Site, Stack

DOCKER = "docker"
OCI = "oci"
_NOWHERE = Platform("unknown", "unknown")
_PROVENANCE = "https://slsa.dev/provenance/v0.2"
_SBOM = "https://spdx.dev/Document"
_ATTESTED = "vnd.docker.reference.digest"
_REFERENCE = "vnd.docker.reference.type"


class Push(NamedTuple):
    """What one push brings: the manifest that gets the tags, and the members it refers to, children first."""

    top: Document
    members: tuple[Document, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """All digests, the top one first: the order in which ECR lets them be deleted."""
        return (self.top.digest, *(member.digest for member in reversed(self.members)))

    @property
    def pulled(self) -> tuple[str, ...]:
        """What a pull on the first platform asks for: the manifest, or the index and then its first child."""
        return (self.top.digest, *(member.digest for member in self.members[:1]))


class Packing(NamedTuple):
    """How a repository's images are written."""

    form: str = DOCKER
    attested: bool = False
    labelled: bool = False


class Job(NamedTuple):
    """One run of a repository's build."""

    site: Site
    packing: Packing
    number: int
    at: datetime

    @property
    def revision(self) -> str:
        """The commit (40 hexadecimal characters) that is built."""
        return content_digest(self.site.seed, self.site.repository, "commit", self.number)[-40:]

    @property
    def labels(self) -> dict[str, str] | None:
        """Annotations of the manifest and the index, in repositories that have them."""
        if not self.packing.labelled:
            return None
        return {
            "org.opencontainers.image.created": f"{self.at:%Y-%m-%dT%H:%M:%SZ}",
            "org.opencontainers.image.revision": self.revision,
            "org.opencontainers.image.source": f"https://git.example.com/{self.site.repository}",
        }


def pack(job: Job, stack: Stack) -> Push:
    """Write `stack` as the job's packing says: one manifest, or an index where there is more to it."""
    packing = job.packing
    images = [Entry(_image(job, stack, platform), platform) for platform in stack.layers]
    if len(images) == 1 and not packing.attested:
        return Push(images[0].document)
    if packing.form == DOCKER:
        return Push(manifests.docker_list(images), tuple(entry.document for entry in images))
    attestations = [_attestation(job.site, entry.document) for entry in images] if packing.attested else []
    entries = images + attestations
    return Push(manifests.oci_index(entries, job.labels), tuple(entry.document for entry in entries))


def _image(job: Job, stack: Stack, platform: Platform) -> Document:
    layers = stack.layers[platform]
    config = config_blob(len(layers), job.site.seed, job.site.repository, *platform, stack.key, job.number)
    if job.packing.form == DOCKER:
        return manifests.docker_manifest(config, layers)
    return manifests.oci_manifest(config, layers, job.labels)


def config_blob(layers: int, *path: object) -> Blob:
    """An image config of a plausible size: it grows with the history that it holds."""
    digest = content_digest(*path, "config")
    return Blob(digest, 1_100 + 410 * layers + int(900 * share_of(digest)))


def _attestation(site: Site, image: Document) -> Entry:
    provenance = content_digest(site.seed, image.digest, "provenance")
    sbom = content_digest(site.seed, image.digest, "sbom")
    statements = {
        _SBOM: Blob(sbom, 60_000 + int(2_400_000 * share_of(sbom))),
        _PROVENANCE: Blob(provenance, 2_000 + int(18_000 * share_of(provenance))),
    }
    config = Blob(content_digest(site.seed, image.digest, "attested"), 241)
    annotations = {_ATTESTED: image.digest, _REFERENCE: "attestation-manifest"}
    return Entry(manifests.attestation(config, statements), _NOWHERE, annotations)
