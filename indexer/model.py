"""The vocabulary: digests, media types with predicates, descriptors.

Text from outside becomes one of these once, at the door, and is trusted afterwards. Sources: OCI image-spec 1.1
(descriptor.md, media-types.md, manifest.md, image-index.md) and the Docker distribution manifest specifications
(v2.1, v2.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+", re.ASCII)
_REGISTERED = {
    "sha256": re.compile(r"sha256:[a-f0-9]{64}"),
    "sha512": re.compile(r"sha512:[a-f0-9]{128}"),
    "blake3": re.compile(r"blake3:[a-f0-9]{64}"),
}
_COMPUTABLE = frozenset({"sha256", "sha512"})  # hashlib has no blake3
_SHORT = 12
_LONGEST = 127 + 1 + 127
_RESTRICTED_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_RESTRICTED_NAME}(?:/{_RESTRICTED_NAME})+")


class Digest(str):
    """A content digest, `algorithm:encoded`, e.g. `sha256:` and 64 lower-case hexadecimal characters.

    OCI image-spec, descriptor.md, "Digests": registered algorithms are held to their alphabet and length; others need
    only fit the grammar.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> Digest:
        """Return `text` as a digest; ValueError says what is wrong with it."""
        if not isinstance(text, str):
            msg = f"a digest is text, not {type(text).__name__}"
            raise ValueError(msg)  # noqa: TRY004 - one kind of error for everything that is no digest
        if _DIGEST.fullmatch(text) is None:
            msg = f"not a digest (algorithm:hex): {text[:100]!r}"
            raise ValueError(msg)
        registered = _REGISTERED.get(text.partition(":")[0])
        if registered is not None and registered.fullmatch(text) is None:
            msg = f"not a {text.partition(':')[0]} digest (wrong length or characters): {text[:150]!r}"
            raise ValueError(msg)
        return cls(text)

    @classmethod
    def of(cls, content: bytes) -> Digest:
        """Return the sha256 digest of `content`."""
        return cls("sha256:" + hashlib.sha256(content).hexdigest())

    @property
    def algorithm(self) -> str:
        """The part before the colon."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The part after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve characters of the encoded part, as people write them."""
        return self.encoded[:_SHORT]

    @property
    def registered(self) -> bool:
        """Whether the algorithm is one that image-spec's descriptor.md registers: sha256, sha512, blake3."""
        return self.algorithm in _REGISTERED

    @property
    def computable(self) -> bool:
        """Whether this program can hash content to compare with it."""
        return self.algorithm in _COMPUTABLE

    def matches(self, content: bytes) -> bool:
        """Whether `content` hashes to this digest; False for an algorithm that is not `computable`."""
        if not self.computable:
            return False
        return hashlib.new(self.algorithm, content).hexdigest() == self.encoded


EMPTY_JSON: Final = Digest("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")
"""The digest of `{}`, the OCI empty descriptor (image-spec manifest.md, "Guidance for an Empty Descriptor")."""


class Kind:
    """What a manifest document is: the values of `manifests.kind`."""

    IMAGE: Final = "image"
    INDEX: Final = "index"
    ARTIFACT: Final = "artifact"
    ATTESTATION: Final = "attestation"
    SCHEMA1: Final = "schema1"
    UNKNOWN: Final = "unknown"


class MediaType(str):
    """A media type (RFC 6838) with the questions this program asks of it.

    Predicates look at the type without its parameters, in lower case.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: object) -> MediaType:
        """Return `text` as a media type; ValueError where it is not `type/subtype` of RFC 6838, section 4.2.

        Parameters (`;version=1`) are refused, as image-spec's descriptor.md and its JSON schema refuse them. A further
        slash is let pass: image-spec 1.0 had a schema that did, and artifacts of that time (`test/sbom/file`) remain.
        In all there are at most 255 characters, as the grammar's two names and its slash can have.
        """
        if not isinstance(text, str) or len(text) > _LONGEST or _MEDIA_TYPE.fullmatch(text) is None:
            msg = f"not a media type (type/subtype): {text!r:.100}"
            raise ValueError(msg)
        return cls(text)

    @property
    def essence(self) -> str:
        """The media type without parameters, in lower case."""
        return self.partition(";")[0].strip().lower()

    @property
    def is_index(self) -> bool:
        """A list of manifests: OCI index, Docker manifest list, and the name OCI used before 1.0."""
        return self.essence in _INDEXES

    @property
    def is_manifest(self) -> bool:
        """A manifest with a config and layers: OCI manifest or Docker schema 2."""
        return self.essence in {OCI_MANIFEST, DOCKER_MANIFEST}

    @property
    def is_artifact_manifest(self) -> bool:
        """The artifact manifest that OCI retired before image-spec 1.1."""
        return self.essence == OCI_ARTIFACT_MANIFEST

    @property
    def is_schema1(self) -> bool:
        """Docker schema 1, signed or not."""
        return self.essence in {DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED}

    @property
    def is_image_config(self) -> bool:
        """The config of a runnable image, under its present name or one that OCI used before 1.0."""
        return self.essence in _IMAGE_CONFIGS

    @property
    def is_docker(self) -> bool:
        """One of Docker's own media types."""
        return self.essence.startswith("application/vnd.docker.")

    @property
    def is_file_system(self) -> bool:
        """A layer of a file system, as against a signature, a chart, an SBOM, a module.

        The families that OCI and Docker reserve for layers (gzip, zstd, encrypted, lazily loaded, foreign), and any
        other type whose subtype names tar as one of its words, as `application/x-tar` and `application/tar+gzip` do.
        """
        return self.essence.startswith(_LAYER_FAMILIES) or not _TAR.isdisjoint(_WORDS.split(self.essence))

    @property
    def is_distributable(self) -> bool:
        """False for foreign and nondistributable layers, which ECR does not store."""
        return not self.essence.startswith(_NOT_DISTRIBUTABLE)

    @property
    def is_in_toto(self) -> bool:
        """An in-toto attestation, not a layer of a file system."""
        return self.essence in _IN_TOTO


OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_ARTIFACT_MANIFEST: Final = "application/vnd.oci.artifact.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_ATTESTATION: Final = "application/vnd.docker.attestation.manifest.v1+json"
"""The artifactType BuildKit gives its attestation manifests."""
IN_TOTO: Final = "application/vnd.in-toto+json"
OCI_LIST: Final = "application/vnd.oci.image.manifest.list.v1+json"
_INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST, OCI_LIST})
_IN_TOTO: Final = frozenset({IN_TOTO, "application/vnd.in-toto.bundle+json"})
_IMAGE_CONFIGS: Final = frozenset(
    {
        OCI_CONFIG,
        DOCKER_CONFIG,
        "application/vnd.oci.image.serialization.v1+json",
        "application/vnd.oci.image.serialization.config.v1+json",
    }
)
_LAYER_FAMILIES: Final = (
    "application/vnd.oci.image.layer.",
    "application/vnd.oci.image.rootfs.",
    "application/vnd.oci.image.serialization.rootfs.",
    "application/vnd.docker.image.rootfs.",
    "application/vnd.docker.container.image.rootfs.",
)
_WORDS: Final = re.compile(r"[/.+-]")
_TAR: Final = frozenset({"tar", "gtar", "tgz"})
_NOT_DISTRIBUTABLE: Final = (
    "application/vnd.docker.image.rootfs.foreign.",
    "application/vnd.oci.image.layer.nondistributable.",
)

ACCEPTED_MEDIA_TYPES: Final = (
    OCI_MANIFEST,
    OCI_INDEX,
    OCI_ARTIFACT_MANIFEST,
    DOCKER_MANIFEST,
    DOCKER_LIST,
    DOCKER_SCHEMA1_SIGNED,
    DOCKER_SCHEMA1,
)
"""Every manifest media type ECR can hold: asked for all, it converts none."""


class Platform(NamedTuple):
    """Where an image runs (image-spec image-index.md, `platform`)."""

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None


class Descriptor(NamedTuple):
    """A reference to content (image-spec descriptor.md), checked when it was read.

    `size` is in bytes, between 0 and 2^63 - 1, or None where the document has none (Docker schema 1).
    """

    media_type: str | None
    digest: str
    size: int | None
    artifact_type: str | None = None
    annotations: Mapping[str, str] | None = None
    platform: Platform | None = None


class ImageManifest(NamedTuple):
    """A document with layers: OCI manifest, Docker schema 2, OCI artifact manifest, Docker schema 1.

    `layers` stand base first, repeated where the document repeats them. `layer_bytes` is the sum of their sizes, at
    most 2^63 - 1, or None where a size is unknown.
    """

    media_type: str
    kind: str
    schema_version: int | None
    artifact_type: str | None
    config: Descriptor | None
    layers: tuple[Descriptor, ...]
    layer_bytes: int | None
    subject: Descriptor | None
    annotations: Mapping[str, str] | None


class ImageIndex(NamedTuple):
    """A document with manifests: OCI index or Docker manifest list."""

    media_type: str
    schema_version: int | None
    artifact_type: str | None
    manifests: tuple[Descriptor, ...]
    subject: Descriptor | None
    annotations: Mapping[str, str] | None
