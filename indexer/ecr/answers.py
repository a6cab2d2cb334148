"""What ECR's answers become: each is checked for what it must hold, or it counts as no answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from indexer.errors import RegistryUnavailable
from indexer.flatten import digest_matches
from indexer.model import Digest

_TRANSIENT_CODES = frozenset({"UpstreamTooManyRequests", "UpstreamUnavailable"})


class ListedRepository(NamedTuple):
    """A repository as DescribeRepositories gives it."""

    registry_id: str
    name: str
    uri: str | None
    created_at: datetime | None
    tag_mutability: str | None
    encryption_type: str | None
    kms_key: str | None


class ListedImage(NamedTuple):
    """An image as DescribeImages gives it. `digest` is ECR's text, checked by whoever uses it."""

    digest: str
    tags: tuple[str, ...]
    media_type: str | None
    artifact_type: str | None
    size: int | None
    pushed_at: datetime | None
    last_pulled_at: datetime | None
    status: str | None
    subject_digest: str | None


class FetchedManifest(NamedTuple):
    """A manifest whose text was hashed; `verified` is False only for a digest algorithm that cannot be computed."""

    digest: Digest
    raw: bytes
    verified: bool


class FetchFailure(NamedTuple):
    """A digest that this repository did not give, and why. `gone` is true where ECR says it has no such image."""

    digest: Digest
    code: str
    reason: str

    @property
    def gone(self) -> bool:
        """Whether the image is not (or no longer) in the repository."""
        return self.code == "ImageNotFound"


class Batch(NamedTuple):
    """The outcome of one chunk: every requested digest is in exactly one of the two."""

    manifests: tuple[FetchedManifest, ...]
    failures: tuple[FetchFailure, ...]


def page(operation: str, answer: Mapping[str, Any], key: str) -> tuple[Sequence[Mapping[str, Any]], str | None]:
    """Return a page's items and its token; RegistryUnavailable where the answer has no items at all.

    A list that is there and empty is a page like any other, also when it carries a token.
    """
    items = answer.get(key)
    if not isinstance(items, list):
        raise no_answer(operation, f"it has no {key}")
    return items, answer.get("nextToken")


def no_answer(operation: str, what: str) -> RegistryUnavailable:
    """Return the error for an HTTP 200 whose body is not what was asked for."""
    return RegistryUnavailable(operation, "BrokenAnswer", f"ECR answered with HTTP 200, but {what}")


def listed_repository(item: Mapping[str, Any]) -> ListedRepository:
    """Return a repository; RegistryUnavailable where its name or registry is missing."""
    if not item.get("repositoryName") or not item.get("registryId"):
        raise no_answer("DescribeRepositories", "a repository in it has no name or no registry id")
    encryption = item.get("encryptionConfiguration") or {}
    return ListedRepository(
        registry_id=item["registryId"],
        name=item["repositoryName"],
        uri=item.get("repositoryUri"),
        created_at=item.get("createdAt"),
        tag_mutability=item.get("imageTagMutability"),
        encryption_type=encryption.get("encryptionType"),
        kms_key=encryption.get("kmsKey"),
    )


def listed_image(item: Mapping[str, Any]) -> ListedImage:
    """Return an image; RegistryUnavailable where it has no digest."""
    if not item.get("imageDigest"):
        raise no_answer("DescribeImages", "an image in it has no digest")
    return ListedImage(
        digest=item["imageDigest"],
        tags=tuple(item.get("imageTags") or ()),
        media_type=item.get("imageManifestMediaType"),
        artifact_type=item.get("artifactMediaType"),
        size=item.get("imageSizeInBytes"),
        pushed_at=item.get("imagePushedAt"),
        last_pulled_at=item.get("lastRecordedPullTime"),
        status=item.get("imageStatus"),
        subject_digest=item.get("subjectManifestDigest"),
    )


class Chunk:
    """Requested digests on their way to a `Batch`: what is still open is asked for again.

    Requested = returned + failures + missing holds at every moment: a digest leaves `open` only with a manifest whose
    text hashes to it, or with a failure that ECR named for it.
    """

    def __init__(self, digests: Iterable[Digest]) -> None:
        self._open: dict[Digest, FetchFailure | None] = dict.fromkeys(digests)
        self._manifests: list[FetchedManifest] = []
        self._failures: list[FetchFailure] = []

    @property
    def open(self) -> list[Digest]:
        """The digests without an answer that can be believed."""
        return list(self._open)

    def take(self, answer: Mapping[str, Any]) -> None:
        """Take what is good of an answer of BatchGetImage; RegistryUnavailable where anything is left to ask for."""
        images, failures = answer.get("images"), answer.get("failures")
        if not isinstance(images, list) or not isinstance(failures, list):
            raise no_answer("BatchGetImage", "it has no images and failures")
        for image in images:
            self._take_image(image)
        for failure in failures:
            self._take_failure(failure)
        if self._open:
            raise self._unfinished()

    def _take_image(self, image: Mapping[str, Any]) -> None:
        digest = _requested(image, self._open)
        text = image.get("imageManifest")
        if digest is None or not isinstance(text, str):
            return
        # A lone surrogate is no Unicode text, so no document with this digest: it fails the comparison below.
        raw = text.encode("utf-8", "surrogatepass")
        if digest.computable and not (_is_text(raw) and digest_matches(digest, raw)):
            self._open[digest] = FetchFailure(
                digest, "DigestMismatch", f"the manifest ECR gave ({len(raw)} bytes) does not hash to its digest"
            )
            return
        del self._open[digest]
        self._manifests.append(FetchedManifest(digest, raw, digest.computable))

    def _take_failure(self, failure: Mapping[str, Any]) -> None:
        digest = _requested(failure, self._open)
        if digest is None:
            return
        code = failure.get("failureCode") or "Unknown"
        told = FetchFailure(digest, code, failure.get("failureReason") or "ECR gave no reason")
        if code in _TRANSIENT_CODES:
            self._open[digest] = told
            return
        del self._open[digest]
        self._failures.append(told)

    def _unfinished(self) -> RegistryUnavailable:
        known = next((failure for failure in self._open.values() if failure is not None), None)
        if known is not None:
            return RegistryUnavailable("BatchGetImage", known.code, known.reason)
        return RegistryUnavailable(
            "BatchGetImage", "MissingFromAnswer", "ECR answered without the image and without saying why"
        )

    def close(self, code: str, reason: str) -> Batch:
        """Return the outcome; what is still open failed with what was said about it, else with `code`."""
        rest = [told or FetchFailure(digest, code, reason) for digest, told in self._open.items()]
        return Batch(tuple(self._manifests), (*self._failures, *rest))


def _requested(item: Mapping[str, Any], requested: Mapping[Digest, object]) -> Digest | None:
    """The digest an answer's item is about, if it was asked for and is not answered yet."""
    digest = (item.get("imageId") or {}).get("imageDigest")
    return Digest(digest) if isinstance(digest, str) and digest in requested else None


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
