"""What ECR's answers become: each is checked for what it must hold, or it counts as no answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from itertools import repeat
from typing import Any, Final, NamedTuple

from indexer.errors import RegistryUnavailable
from indexer.flatten import digest_matches
from indexer.model import Digest

_TRANSIENT_CODES = frozenset({"UpstreamTooManyRequests", "UpstreamUnavailable"})


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
