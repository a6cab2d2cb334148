"""What a registry holds: repositories and their images, with the wire form of an image kept ready.

Neither class locks: `Registry` does, and everything that changes them goes through it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from indexer.local_ecr.documents import Facts

STATUSES = ("ACTIVE", "ARCHIVED", "ACTIVATING")

# Reason given for a failure code. The first five are Amazon's own words, of the others no report was found.
FAILURE_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "InvalidImageDigest": "Invalid request parameters: image digest should satisfy the regex "
        "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        "ImageTagDoesNotMatchDigest": "Invalid request parameters: given tag does not map to the given digest",
        "ImageNotFound": "Requested image not found",
        "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
        "ImageReferencedByManifestList": "Requested image referenced by manifest list",
        "InvalidImageTag": "Invalid request parameters: image tag should satisfy the regex "
        "'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'",
        "KmsError": "The image could not be decrypted with the repository's KMS key",
        "UpstreamAccessDenied": "The upstream registry denied access to the requested image",
        "UpstreamTooManyRequests": "The upstream registry answered that there were too many requests",
        "UpstreamUnavailable": "The upstream registry is not available",
        "ImageInaccessible": "Requested image is archived and cannot be pulled before it is restored",
    },
)


@dataclass(eq=False)
class Image:
    """One manifest in one repository.

    `manifest` holds its exact bytes, `pulled_at` is None until the first pull, `sequence` is its place in listings.
    """

    repository: Repository = field(repr=False)
    digest: str
    manifest: bytes = field(repr=False)
    media_type: str | None
    facts: Facts = field(repr=False)
    sequence: int
    pushed_at: datetime
    pulled_at: datetime | None = None
    status: str = "ACTIVE"
    tags: list[str] = field(default_factory=list)
    failure: tuple[str, str] | None = None

    @property
    def subject(self) -> str | None:
        """Digest of the manifest that this one refers to as its subject."""
        return self.facts.subject

    @property
    def artifact_media_type(self) -> str | None:
        """The artifactType, else the media type of the config."""
        return self.facts.artifact_media_type

    @property
    def size(self) -> int | None:
        """Bytes of config and layers; of an index those of its largest child in the repository; None if unknown."""
        return self._size_below(set())

    def _size_below(self, seen: set[str]) -> int | None:
        # A digest given by hand can make an index its own grandchild; `seen` ends that walk.
        if not self.facts.children or self.digest in seen:
            return self.facts.size
        seen.add(self.digest)
        images = self.repository.images
        sizes = [images[child]._size_below(seen) for child in self.facts.children if child in images]  # noqa: SLF001 - same class
        return max((size for size in sizes if size is not None), default=None)

    def fragments(self, tag: str | None, *, text: str | None = None, with_media_type: bool = True) -> list[bytes]:
        """The image as a member of BatchGetImage's `images`, in pieces of JSON; `text` stands in for the manifest.

        Pieces, so that the manifests of a whole answer are copied once.
        """
        parts = [self._wire_head]
        if tag is not None:
            parts += [b',"imageTag":', orjson.dumps(tag)]
        parts += [b'},"imageManifest":', self._wire_manifest if text is None else orjson.dumps(text)]
        if with_media_type and self.media_type is not None:
            parts += [b',"imageManifestMediaType":', orjson.dumps(self.media_type)]
        parts.append(b"}")
        return parts

    @property
    def text(self) -> str:
        """The manifest as a JSON string can carry it.

        A manifest that is no valid UTF-8 cannot be put into JSON: each bad byte becomes U+FFFD, so its text no longer
        has its digest. Amazon takes manifests as JSON strings and cannot hold such a thing; a client must cope.
        """
        return self.manifest.decode("utf-8", "replace")

    @cached_property
    def _wire_head(self) -> bytes:
        return b'{"registryId":%b,"repositoryName":%b,"imageId":{"imageDigest":%b' % (
            orjson.dumps(self.repository.registry_id),
            orjson.dumps(self.repository.name),
            orjson.dumps(self.digest),
        )

    @cached_property
    def _wire_manifest(self) -> bytes:
        # Encoded once: escaping a manifest costs more than all else that BatchGetImage does for it.
        return orjson.dumps(self.text)


@dataclass(eq=False)
class Repository:
    """A repository: its settings and, oldest first, its images by digest."""

    registry_id: str
    name: str
    created_at: datetime
    tag_mutability: str = "MUTABLE"
    mutability_filters: tuple[str, ...] = ()
    encryption_type: str = "AES256"
    kms_key: str | None = None
    _images: dict[str, Image] = field(default_factory=dict, repr=False)
    _digests: dict[str, str] = field(default_factory=dict, repr=False)
    _order: list[Image] | None = field(default=None, repr=False)

    @property
    def images(self) -> Mapping[str, Image]:
        """Digest -> image, in the order in which they were put; a live, read-only view."""
        return MappingProxyType(self._images)

    @property
    def tags(self) -> Mapping[str, str]:
        """Tag -> digest; a live, read-only view."""
        return MappingProxyType(self._digests)

    def after(self, sequence: int) -> Iterator[Image]:
        """The images put later than `sequence`, oldest first."""
        if self._order is None:
            self._order = list(self._images.values())
        yield from self._order[bisect_right(self._order, sequence, key=lambda image: image.sequence) :]

    def add(self, image: Image) -> None:
        self._images[image.digest] = image
        self._order = None

    def remove(self, digest: str) -> None:
        for tag in self._images.pop(digest).tags:
            del self._digests[tag]
        self._order = None

    def point(self, tag: str, digest: str) -> None:
        """Let `tag` name the image `digest`; the image that had it keeps its other tags, if any."""
        if self._digests.get(tag) != digest:
            self.unpoint(tag)
            self._digests[tag] = digest
            self._images[digest].tags.append(tag)

    def unpoint(self, tag: str) -> None:
        digest = self._digests.pop(tag, None)
        if digest is not None:
            self._images[digest].tags.remove(tag)

    def is_immutable(self, tag: str) -> bool:
        """Whether a tag that exists may not be moved; a filter's `*` stands for any characters."""
        listed = any(fnmatchcase(tag, pattern) for pattern in self.mutability_filters)
        return {
            "MUTABLE": False,
            "IMMUTABLE": True,
            "MUTABLE_WITH_EXCLUSION": listed,
            "IMMUTABLE_WITH_EXCLUSION": not listed,
        }[self.tag_mutability]

    def parents(self, digest: str) -> list[str]:
        """Digests of the indexes in this repository that list the image `digest`."""
        return [image.digest for image in self._images.values() if digest in image.facts.children]
