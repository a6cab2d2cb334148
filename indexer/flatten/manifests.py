"""What kind of document it is, and the reading of each kind but schema 1.

The document's own members decide. Members name a family: `config` and `layers` a manifest, `manifests` an index,
`fsLayers` schema 1. A document with members of two families, or whose `mediaType` belongs to another family than its
members, is refused: readers that go by one and readers that go by the other would see two documents
(CVE-2021-41190). Sources: image-spec 1.1 manifest.md and image-index.md, artifact.md of 1.1.0-rc2, Docker's
image/manifest v2.2, in-toto's attestation framework v1 (statement.md, envelope.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from indexer import model
from indexer.errors import DocumentError
from indexer.flatten import checks
from indexer.flatten.checks import ABSENT, MAX_BYTES, quoted, wrong
from indexer.flatten.descriptors import descriptor, descriptors, entries, optional_descriptor
from indexer.flatten.documents import load
from indexer.flatten.schema1 import read_schema1
from indexer.model import Descriptor, ImageIndex, ImageManifest, Kind, MediaType

_FAMILY_OF_MEMBER: Final = {"config": "manifest", "layers": "manifest", "manifests": "index", "fsLayers": "schema1"}
_OTHERS: Final = {
    family: frozenset(member for member, its in _FAMILY_OF_MEMBER.items() if its != family)
    for family in ("manifest", "index", "artifact", "schema1")
}
_SCHEMA_VERSION: Final = 2
_STATEMENT: Final = "https://in-toto.io/Statement/"
_OCTETS: Final = "application/octet-stream"

Document = dict[str, Any]


def parse(raw: bytes) -> ImageManifest | ImageIndex:
    """Return the manifest or index that `raw` holds.

    Raises DocumentError with the path of the first member that is wrong, what was expected and what was found, such as
    `layers[3].size: expected a whole number of bytes from 0 to 9223372036854775807, found "12"`.
    """
    return read(load(raw))


def read(document: object) -> ImageManifest | ImageIndex:
    """Return the manifest or index that the parsed `document` is; DocumentError as `parse`."""
    if not isinstance(document, dict):
        raise wrong("the document", "an object", document)
    declared = checks.optional_media_type(document.get("mediaType"), "mediaType")
    family = _family(document, declared)
    if family == "manifest":
        return _read_manifest(document, declared)
    if family == "index":
        return _read_index(document, declared)
    if family == "schema1":
        return read_schema1(document, declared)
    return _read_artifact_manifest(document) if family == "artifact" else _attestation()


@lru_cache(maxsize=256)
def family_of_media_type(text: str) -> str | None:
    """Return the family of documents with the media type `text`; None for one that is no manifest's."""
    media_type = MediaType(text)
    families = {
        "manifest": media_type.is_manifest,
        "index": media_type.is_index,
        "artifact": media_type.is_artifact_manifest,
        "schema1": media_type.is_schema1,
    }
    return next((family for family, belongs in families.items() if belongs), None)


def _family(document: Document, declared: str | None) -> str:
    family = None if declared is None else family_of_media_type(declared)
    if family is not None and _OTHERS[family].isdisjoint(document):
        return family  # as nearly always; the rest is for documents that say less, or too much
    marks = {family: member for member, family in _FAMILY_OF_MEMBER.items() if document.get(member) is not None}
    if len(marks) > 1:
        members = " and ".join(quoted(member) for member in marks.values())
        raise DocumentError(f"the document: has both {members}, so that readers differ in what it is")
    if declared is None:
        return next(iter(marks), None) or _family_without_marks(document)
    if family is None:
        raise wrong("mediaType", "the media type of a manifest or an index", declared)
    if marks and family not in marks:
        member = next(iter(marks.values()))
        raise DocumentError(f"mediaType: says {quoted(declared)}, but the document has {quoted(member)}")
    return family


def _family_without_marks(document: Document) -> str:
    """Return the family of a document without mediaType, config, layers, manifests and fsLayers."""
    if type(document.get("blobs")) is list and document.get("artifactType") is not None:
        return "artifact"
    said = document.get("_type")
    if type(said) is str and said.startswith(_STATEMENT):
        return "in-toto"
    envelope = document.get("payloadType"), document.get("payload")
    if all(type(member) is str for member in envelope) and MediaType(envelope[0]).is_in_toto:
        return "in-toto"
    raise DocumentError("the document: is no manifest: it has no mediaType, no layers, no manifests and no fsLayers")


def _read_manifest(document: Document, declared: str | None) -> ImageManifest:
    _check_schema_version(document)
    config = descriptor(document.get("config", ABSENT), "config")
    layers = descriptors(document.get("layers", ABSENT), "layers")
    media_type = declared or _implied_manifest(config, layers)
    artifact_type = checks.optional_media_type(document.get("artifactType"), "artifactType")
    types = {layer.media_type for layer in layers}
    return ImageManifest(
        media_type=media_type,
        kind=_kind(media_type, artifact_type, config.media_type, frozenset(map(_role, types))),
        schema_version=_SCHEMA_VERSION,
        artifact_type=artifact_type,
        config=config,
        layers=layers,
        layer_bytes=_sum(layers, "layers"),
        subject=optional_descriptor(document.get("subject"), "subject"),
        annotations=checks.optional_annotations(document.get("annotations")),
    )


def _read_index(document: Document, declared: str | None) -> ImageIndex:
    _check_schema_version(document)
    # The list that OCI had before 1.0 required a platform; the index that took its place does not.
    strict = declared is not None and MediaType(declared).essence == model.OCI_LIST
    manifests = entries(document.get("manifests", ABSENT), platform_required=strict)
    return ImageIndex(
        media_type=declared or _implied_index(manifests),
        schema_version=_SCHEMA_VERSION,
        artifact_type=checks.optional_media_type(document.get("artifactType"), "artifactType"),
        manifests=manifests,
        subject=optional_descriptor(document.get("subject"), "subject"),
        annotations=checks.optional_annotations(document.get("annotations")),
    )


def _read_artifact_manifest(document: Document) -> ImageManifest:
    """Read the manifest that image-spec had in 1.1.0-rc2 and dropped: no schemaVersion, no config, `blobs` optional.

    Its artifactType is required, but need not be a media type: tools of the time wrote other names there.
    """
    artifact_type = checks.text(document.get("artifactType", ABSENT), "artifactType")
    given = document.get("blobs")
    blobs = () if given is None else descriptors(given, "blobs")
    return ImageManifest(
        media_type=document.get("mediaType") or model.OCI_ARTIFACT_MANIFEST,
        kind=Kind.ARTIFACT,
        schema_version=None,
        artifact_type=artifact_type,
        config=None,
        layers=blobs,
        layer_bytes=_sum(blobs, "blobs"),
        subject=optional_descriptor(document.get("subject"), "subject"),
        annotations=checks.optional_annotations(document.get("annotations")),
    )


def _attestation() -> ImageManifest:
    """Return what a bare in-toto statement (or the envelope of a signed one) is: no layers, and nothing to flatten.

    Its `subject` is a list of in-toto's own, not a descriptor.
    """
    return ImageManifest(
        media_type=model.IN_TOTO,
        kind=Kind.ATTESTATION,
        schema_version=None,
        artifact_type=None,
        config=None,
        layers=(),
        layer_bytes=0,
        subject=None,
        annotations=None,
    )


def kind_of(manifest_type: str, config_type: str, layer_types: frozenset[str]) -> str:
    """Return the kind of a manifest without artifactType, from its media types and those of its config and layers."""
    return _kind(manifest_type, None, config_type, frozenset(map(_role, layer_types)))


def _check_schema_version(document: Document) -> None:
    found = document.get("schemaVersion", ABSENT)
    if type(found) is not int or found != _SCHEMA_VERSION:
        raise wrong("schemaVersion", "the number 2", found)


def _sum(layers: Iterable[Descriptor], path: str) -> int:
    """Return the bytes of `layers`, refusing sizes that no registry can hold and no 64-bit integer can count."""
    total = sum([layer.size or 0 for layer in layers])
    if total > MAX_BYTES:
        raise DocumentError(f"{path}: the sizes add up to more than {MAX_BYTES} bytes")
    return total


def _implied_manifest(config: Descriptor, layers: tuple[Descriptor, ...]) -> str:
    """Return the media type of a manifest without one: Docker's where its config is, or all its layers are Docker's."""
    of_config, of_layers = MediaType(config.media_type or ""), {layer.media_type for layer in layers}
    all_docker = bool(of_layers) and all(MediaType(found or "").is_docker for found in of_layers)
    docker = of_config.is_docker or (all_docker and not of_config.is_image_config)
    return model.DOCKER_MANIFEST if docker else model.OCI_MANIFEST


def _implied_index(manifests: tuple[Descriptor, ...]) -> str:
    """Return the media type of an index without one: Docker's list where every manifest in it is Docker's."""
    docker = bool(manifests) and all(MediaType(entry.media_type or "").is_docker for entry in manifests)
    return model.DOCKER_LIST if docker else model.OCI_INDEX


@lru_cache(maxsize=4096)  # a few dozen a registry; each at most 255 characters, so that the cache stays small
def _role(layer_type: str | None) -> str:
    found = MediaType(layer_type or "")
    return "in-toto" if found.is_in_toto else "file system" if found.is_file_system else "other"


@lru_cache(maxsize=4096)  # 4 microseconds a manifest less
def _kind(manifest_type: str, artifact_type: str | None, config_type: str | None, roles: frozenset[str]) -> str:
    """Return whether a manifest with a config, and with layers of these roles, is an image, artifact or attestation.

    An image has an image's config, no artifactType, and a file system: at least one layer of one, or no layer at all.
    A cosign signature, for instance, has an image's config and only layers that are none: an artifact. Docker 1.10 and
    its like gave configs the type octet-stream.
    """
    if artifact_type == model.DOCKER_ATTESTATION or roles == {"in-toto"}:
        return Kind.ATTESTATION
    config = MediaType(config_type or "")
    of_image = config.is_image_config or (config.essence == _OCTETS and MediaType(manifest_type).is_docker)
    if artifact_type is not None or not of_image:
        return Kind.ARTIFACT
    return Kind.IMAGE if not roles or "file system" in roles else Kind.ARTIFACT
