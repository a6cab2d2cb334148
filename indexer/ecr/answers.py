"""What ECR's answers become: each is checked for what it must hold, or it counts as no answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import sha256
from itertools import repeat
from types import NoneType
from typing import Any, Final, NamedTuple

from indexer.ecr.parsing import microseconds, microseconds_of
from indexer.errors import RegistryUnavailable
from indexer.flatten import digest_matches
from indexer.model import Digest

_LARGEST = 2**63 - 1
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
    """An image as DescribeImages gives it. `digest` is ECR's text, checked by whoever uses it.

    Times are microseconds since 1970, UTC: a datetime for each would cost as much as all the rest of a listing.
    """

    digest: str
    tags: tuple[str, ...]
    media_type: str | None
    artifact_type: str | None
    size: int | None
    pushed_at: int | None
    last_pulled_at: int | None
    status: str | None
    subject_digest: str | None


class FetchedManifest(NamedTuple):
    """A manifest whose text was hashed; `verified` is False only for a digest algorithm that cannot be computed.

    `raw` is `text` in UTF-8.
    """

    digest: Digest
    text: str
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
    # botocore's parser made this from the service model, with all types as they are there.
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
    """Return an image; RegistryUnavailable where it has no digest, or a member is not of its type."""
    # The answer comes as it was sent: nothing before this has looked at its types.
    try:
        image = ListedImage(
            _text(item["imageDigest"]),
            tuple(map(_text, item.get("imageTags") or ())),
            _optional_text(item.get("imageManifestMediaType")),
            _optional_text(item.get("artifactMediaType")),
            _optional_size(item.get("imageSizeInBytes")),
            microseconds(item.get("imagePushedAt")),
            microseconds(item.get("lastRecordedPullTime")),
            _optional_text(item.get("imageStatus")),
            _optional_text(item.get("subjectManifestDigest")),
        )
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise no_answer("DescribeImages", f"an image in it is not as it should be ({error!r})") from error
    return image


def listed_images(items: Sequence[Mapping[str, Any]]) -> list[ListedImage]:
    """Return a page's images; RegistryUnavailable as `listed_image`.

    Members are looked at a page at a time: 1 microsecond an image instead of 5. A page with anything out of the common
    is read image by image.
    """
    try:
        columns = _columns(items)
    except (AttributeError, KeyError, TypeError):  # an element is no object, or has no digest
        columns = None
    if columns is None:
        return [listed_image(item) for item in items]
    return list(map(_AN_IMAGE, zip(*columns, strict=True)))


_AN_IMAGE: Final = partial(tuple.__new__, ListedImage)
_TEXT: Final = frozenset({str})
_TEXT_OR_NONE: Final = frozenset({str, NoneType})
_TEXTS_OR_NONE: Final = frozenset({list, NoneType})
_SIZE_OR_NONE: Final = frozenset({int, NoneType})
_SECONDS_OR_NONE: Final = frozenset({float, int, NoneType})


def _columns(items: Sequence[Mapping[str, Any]]) -> list[Sequence[Any]] | None:
    """Return the members of the items in the order of `ListedImage`; None where one may not be of its type."""
    digests = [item["imageDigest"] for item in items]
    texts = [
        [item.get(name) for item in items]
        for name in ("imageManifestMediaType", "artifactMediaType", "imageStatus", "subjectManifestDigest")
    ]
    tags = [item.get("imageTags") for item in items]
    sizes = [item.get("imageSizeInBytes") for item in items]
    times = [[item.get(name) for item in items] for name in ("imagePushedAt", "lastRecordedPullTime")]
    all_tags = [tag for some in tags if type(some) is list for tag in some]
    good = (
        _TEXT.issuperset(map(type, [*digests, *all_tags]))
        and all(digests)
        and all(all_tags)
        and all(_TEXT_OR_NONE.issuperset(map(type, column)) for column in texts)
        and _TEXTS_OR_NONE.issuperset(map(type, tags))
        and _SIZE_OR_NONE.issuperset(map(type, sizes))
        and max((0, *filter(None, sizes))) <= _LARGEST
        and min((0, *filter(None, sizes))) >= 0
        and all(_SECONDS_OR_NONE.issuperset(map(type, column)) for column in times)
    )
    pushed, pulled = map(microseconds_of, times) if good else (None, None)
    if pushed is None or pulled is None:
        return None
    media_types, artifact_types, statuses, subjects = texts
    each_tags = [tuple(some) if some else () for some in tags]
    return [digests, each_tags, media_types, artifact_types, sizes, pushed, pulled, statuses, subjects]


def _text(said: Any) -> str:
    if type(said) is not str or not said:
        raise TypeError(f"expected text, found {said!r:.80}")
    return said


def _optional_text(said: Any) -> str | None:
    if said is not None and type(said) is not str:
        raise TypeError(f"expected text, found {said!r:.80}")
    return said


def _optional_size(said: Any) -> int | None:
    if said is not None and (type(said) is not int or not 0 <= said <= _LARGEST):
        raise TypeError(f"expected a number of bytes, found {said!r:.80}")
    return said


_A_MANIFEST: Final = partial(tuple.__new__, FetchedManifest)


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
        try:
            for image in () if self._take_good(images) else images:
                self._take_image(image)
            for failure in failures:
                self._take_failure(failure)
        except (AttributeError, TypeError) as error:  # what should be an object is none
            raise no_answer("BatchGetImage", f"an element of it is not as it should be ({error})") from error
        if self._open:
            raise self._unfinished()

    def _take_good(self, images: Sequence[Mapping[str, Any]]) -> bool:
        """Take all of them where each was asked for and has its digest, as nearly always; False, and nothing is taken.

        2.5 microseconds a manifest where one by one it is 3.2, hashing (1.5) included.
        """
        try:
            digests = [image["imageId"]["imageDigest"] for image in images]
            texts = [image["imageManifest"] for image in images]
            raws = [text.encode() for text in texts]
        except (AttributeError, KeyError, TypeError, UnicodeEncodeError):
            return False
        if digests != ["sha256:" + sha256(raw).hexdigest() for raw in raws]:
            return False
        waiting = {digest: digest for digest in self._open}
        asked = [waiting.pop(digest, None) for digest in digests]
        if None in asked:  # nobody asked for it, or it is there twice
            return False
        self._manifests += map(_A_MANIFEST, zip(asked, texts, raws, repeat(True), strict=False))
        self._open = {digest: self._open[digest] for digest in waiting}
        return True

    def _take_image(self, image: Mapping[str, Any]) -> None:
        digest = _requested(image, self._open)
        text = image.get("imageManifest")
        if digest is None or not isinstance(text, str):
            return
        try:
            raw = text.encode()
        except UnicodeEncodeError:  # a lone surrogate is no Unicode text, so no document has this digest
            self._open[digest] = _mismatch(digest, len(text))
            return
        # As nearly always; what is signed or has another digest takes the longer way.
        if digest != "sha256:" + sha256(raw).hexdigest() and digest.computable and not digest_matches(digest, raw):
            self._open[digest] = _mismatch(digest, len(raw))
            return
        del self._open[digest]
        self._manifests.append(FetchedManifest(digest, text, raw, digest.computable))

    def _take_failure(self, failure: Mapping[str, Any]) -> None:
        digest = _requested(failure, self._open)
        if digest is None:
            return
        code = str(failure.get("failureCode") or "Unknown")
        told = FetchFailure(digest, code, str(failure.get("failureReason") or "ECR gave no reason"))
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


def _mismatch(digest: Digest, size: int) -> FetchFailure:
    reason = f"the manifest ECR gave ({size} bytes) does not hash to its digest"
    return FetchFailure(digest, "DigestMismatch", reason)
