"""BatchGetImage answered from the store: what ECR would say of images that the newest listing has, without asking it.

The rules about ids, the codes and the reasons are ECR's (API reference, BatchGetImage). What the store cannot say is
left unanswered, never guessed: a listed image whose manifest is not there, and one that ECR might convert because
`acceptedMediaTypes` leaves its type out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from indexer.errors import AwsCliError, UsageError
from indexer.front.asking import Asking, Row
from indexer.front.opened import OpenStore

_DIGEST: Final = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
_TAG: Final = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_REASONS: Final = {
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": f"Invalid request parameters: image digest should satisfy the regex '{_DIGEST.pattern}'",
    "InvalidImageTag": f"Invalid request parameters: image tag should satisfy the regex '{_TAG.pattern}'",
    "ImageTagDoesNotMatchDigest": "Invalid request parameters: given tag does not map to the given digest",
    "ImageNotFound": "Requested image not found",
    # No report of Amazon's own words was found for this one.
    "ImageInaccessible": "Requested image is archived and cannot be pulled before it is restored",
}
_ECR_SAYS: Final = frozenset(
    {"ImageNotFound", "ImageReferencedByManifestList", "KmsError", "UpstreamAccessDenied", "ImageInaccessible"}
)
_ACTIVE: Final = frozenset({"ACTIVE", None})


class StoredBatch(NamedTuple):
    """An answer from the store.

    `answer` has the members of BatchGetImage's; `unanswered` says of the other ids which and why; `place` is the
    account, region and repository, `listed_at` (UTC) when it was listed.
    """

    answer: dict[str, Any]
    unanswered: tuple[str, ...]
    place: str
    listed_at: datetime


def stored_batch(store: OpenStore, request: Mapping[str, Any], *, region: str | None) -> StoredBatch:
    """Answer a request of BatchGetImage from the current state.

    `region` None is any. Raises AwsCliError where the store has no such repository, UsageError where it has several.
    """
    asking = Asking(store.catalog, store.location)
    at = _repository(asking, request["repositoryName"], request.get("registryId"), region)
    image_ids = _distinct(request["imageIds"])
    rows = asking.rows(
        "stored_images",
        registry_id=at["registry_id"],
        region=at["region"],
        repository=request["repositoryName"],
        digests=[digest for digest, _ in image_ids if digest is not None],
        tags=[tag for _, tag in image_ids if tag is not None],
    )
    answering = _Answering(at["registry_id"], request["repositoryName"], request.get("acceptedMediaTypes"), rows)
    for digest, tag in image_ids:
        answering.take(digest, tag)
    place = f"{at['registry_id']}/{at['region']} {request['repositoryName']}"
    answer = {"images": answering.images, "failures": answering.failures}
    return StoredBatch(answer, tuple(answering.unanswered), place, at["listed_at"])


def _repository(asking: Asking, name: str, registry_id: str | None, region: str | None) -> Row:
    found = asking.rows("stored_repositories", repository=name, registry_id=registry_id, region=region)
    if not found:
        account = "any account" if registry_id is None else registry_id
        where = "any region" if region is None else region
        raise AwsCliError(
            f"\n{asking.place} has no listing of a repository '{name}' of {account} in {where}; "
            "without --from-store ECR is asked"
        )
    if len(found) > 1:
        places = ", ".join(f"{row['registry_id']}/{row['region']}" for row in found)
        raise UsageError(f"{name} is in {places}: say which with --registry-id and --region")
    return found[0]


def _distinct(image_ids: Sequence[Mapping[str, str]]) -> list[tuple[str | None, str | None]]:
    """The ids as (digest, tag), each once: ECR answers a repeated id once."""
    return list(dict.fromkeys((each.get("imageDigest"), each.get("imageTag")) for each in image_ids))


class _Answering:
    """An answer that grows id by id, in their order."""

    def __init__(self, registry_id: str, repository: str, accepted: Sequence[str] | None, rows: Sequence[Row]) -> None:
        self._head = {"registryId": registry_id, "repositoryName": repository}
        self._accepted = accepted
        self._images = {row["manifest_digest"]: row for row in rows}
        self._tags = {tag: row["manifest_digest"] for row in rows for tag in row["tags"]}
        self.images: list[dict[str, Any]] = []
        self.failures: list[dict[str, Any]] = []
        self.unanswered: list[str] = []

    def take(self, digest: str | None, tag: str | None) -> None:
        image_id = {name: value for name, value in (("imageDigest", digest), ("imageTag", tag)) if value is not None}
        code, reason = self._refusal(digest, tag)
        if code is not None:
            self.failures.append({"imageId": image_id, "failureCode": code, "failureReason": reason})
            return
        row = self._images[digest if tag is None else self._tags[tag]]
        why = self._unknown(row)
        if why is None:
            self.images.append(self._image(row, tag))
        else:
            self.unanswered.append(f"{', '.join(f'{name}={value}' for name, value in image_id.items())}: {why}")

    def _refusal(self, digest: str | None, tag: str | None) -> tuple[str | None, str | None]:
        """The failure that ECR names for an id, if it is one."""
        code = self._wrong(digest, tag)
        if code is not None:
            return code, _REASONS[code]
        row = self._images[str(digest if tag is None else self._tags[tag])]
        if row["status"] not in _ACTIVE:
            return "ImageInaccessible", _REASONS["ImageInaccessible"]
        if row["raw"] is None and row["code"] in _ECR_SAYS:
            return row["code"], row["reason"]
        return None, None

    def _wrong(self, digest: str | None, tag: str | None) -> str | None:
        if digest is None and tag is None:
            return "MissingDigestAndTag"
        if digest is not None and not _DIGEST.fullmatch(digest):
            return "InvalidImageDigest"
        if tag is not None and not _TAG.fullmatch(tag):
            return "InvalidImageTag"
        named = digest if tag is None else self._tags.get(tag)
        if named is not None and digest not in {None, named}:
            return "ImageTagDoesNotMatchDigest"
        return None if named in self._images else "ImageNotFound"

    def _unknown(self, row: Row) -> str | None:
        """Why the store cannot say what ECR would; None where it can."""
        if row["raw"] is None:
            return f"its manifest is not in the store ({row['reason'] or 'not fetched yet'})"
        if self._accepted and row["media_type"] not in self._accepted:
            return f"it is {row['media_type']}, which --accepted-media-types leaves out: ECR might convert it"
        return None

    def _image(self, row: Row, tag: str | None) -> dict[str, Any]:
        image_id = {"imageDigest": row["manifest_digest"]} | ({} if tag is None else {"imageTag": tag})
        image = {**self._head, "imageId": image_id, "imageManifest": row["raw"]}
        return image | ({} if row["media_type"] is None else {"imageManifestMediaType": row["media_type"]})
