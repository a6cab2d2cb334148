"""The operations that read: DescribeRegistry, DescribeRepositories, ListImages, DescribeImages, BatchGetImage.

Each takes a registry, whose lock is held, and checked parameters, and gives what its response has to say. Rules:
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from indexer.local_ecr.documents import MANIFEST_TYPES
from indexer.local_ecr.images import FAILURE_REASONS, Image, Repository
from indexer.local_ecr.paging import page
from indexer.local_ecr.protocol import ApiError, invalid_parameter, repository_arn
from indexer.local_ecr.sts import principal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.local_ecr.paging import Place
    from indexer.local_ecr.registry import Registry

Parameters = dict[str, Any]
ImageId = dict[str, str]

_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
# The tag of the distribution specification; the service model only limits the length to 300.
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


class Pulled(NamedTuple):
    """An image of BatchGetImage's answer; `text` is given where it is not the manifest's own."""

    image: Image
    tag: str | None = None
    text: str | None = None


@dataclass
class Batch:
    """The answer of BatchGetImage, before it is put into JSON."""

    repository: Repository
    with_media_type: bool
    images: list[Pulled] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def render(self) -> bytes:
        parts = [b'{"images":[']
        for image, tag, text in self.images:
            parts += image.fragments(tag, text=text, with_media_type=self.with_media_type)
            parts.append(b",")
        if self.images:
            parts.pop()
        parts += [b'],"failures":', orjson.dumps(self.failures), b"}"]
        return b"".join(parts)


class Failure(Exception):  # noqa: N818 - ECR's own word for it
    """One image of a batch could not be had; the call as a whole succeeds."""

    def __init__(self, code: str, reason: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.reason = reason or FAILURE_REASONS[code]

    def row(self, image_id: ImageId) -> dict[str, Any]:
        return {"imageId": image_id, "failureCode": self.code, "failureReason": self.reason}


def describe_registry(registry: Registry, parameters: Parameters) -> Parameters:  # noqa: ARG001 - as all operations
    return {"registryId": registry.registry_id, "replicationConfiguration": {"rules": []}}


def describe_repositories(registry: Registry, parameters: Parameters) -> Parameters:
    names = parameters.get("repositoryNames")
    if names is not None:
        _alone(parameters, "repositoryNames")
        found = [registry.repository(name) for name in dict.fromkeys(names)]
        return {"repositories": [repository_row(registry, repository) for repository in found]}

    def rows_after(place: Place | None) -> Iterator[tuple[Place, Parameters]]:
        for name in sorted(registry.repositories):
            if place is None or name > place[0]:
                yield [name], repository_row(registry, registry.repositories[name])

    return _paged(registry, "repositories", ["DescribeRepositories"], parameters, rows_after)


def list_images(registry: Registry, parameters: Parameters) -> Parameters:
    repository = registry.repository(parameters["repositoryName"])

    def rows_after(place: Place | None) -> Iterator[tuple[Place, ImageId]]:
        sequence, last = place or [0, ""]
        # From one image back, for its tags that come after the last one given.
        for image in repository.after(sequence - 1):
            for row in _identifiers(image, parameters):
                tag = row.get("imageTag", "")
                if image.sequence > sequence or tag > last:
                    yield [image.sequence, tag], row

    return _paged(registry, "imageIds", _scope("ListImages", parameters), parameters, rows_after)


def describe_images(registry: Registry, parameters: Parameters) -> Parameters:
    repository = registry.repository(parameters["repositoryName"])
    if parameters.get("imageIds") is not None:
        _alone(parameters, "imageIds")
        found = [_described(registry, repository, image_id) for image_id in parameters["imageIds"]]
        return {"imageDetails": [_detail(image) for image in dict.fromkeys(found)]}

    def rows_after(place: Place | None) -> Iterator[tuple[Place, Parameters]]:
        for image in repository.after(place[0] if place else 0):
            if _passes(image, parameters):
                yield [image.sequence], _detail(image)

    return _paged(registry, "imageDetails", _scope("DescribeImages", parameters), parameters, rows_after)


def batch_get_image(registry: Registry, parameters: Parameters) -> Batch:
    repository = registry.repository(parameters["repositoryName"])
    accepted = parameters.get("acceptedMediaTypes")
    batch = Batch(repository, with_media_type=not registry.omit_media_type)
    now = None if principal(registry.caller) in registry.pull_time_exclusions else registry.clock()
    for image_id in distinct(parameters["imageIds"]):
        try:
            image = resolve(repository, image_id)
            _pullable(registry, image, accepted)
        except Failure as failure:
            batch.failures.append(failure.row(image_id))
        else:
            image.pulled_at = now or image.pulled_at
            batch.images += _pulled(registry, image, image_id.get("imageTag"))
    return batch


def distinct(image_ids: list[ImageId]) -> list[ImageId]:
    """The ids without repetitions and null members, in their order: a repeated id is answered once."""
    kept = {(item.get("imageDigest"), item.get("imageTag")): item for item in reversed(image_ids)}
    return [{name: text for name, text in item.items() if text is not None} for item in reversed(kept.values())]


def resolve(repository: Repository, image_id: ImageId) -> Image:
    """The image that an id names; Failure with ECR's code if it names none.

    A tag that nothing has is ImageNotFound even beside a known digest; one that another image has is
    ImageTagDoesNotMatchDigest.
    """
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        raise Failure("MissingDigestAndTag")
    if digest is not None and not _DIGEST.fullmatch(digest):
        raise Failure("InvalidImageDigest")
    if tag is not None and not TAG.fullmatch(tag):
        raise Failure("InvalidImageTag")
    named = digest if tag is None else repository.tags.get(tag)
    if named is not None and digest is not None and named != digest:
        raise Failure("ImageTagDoesNotMatchDigest")
    image = None if named is None else repository.images.get(named)
    if image is None:
        raise Failure("ImageNotFound")
    return image


def repository_row(registry: Registry, repository: Repository) -> Parameters:
    """A repository as the API's Repository shape."""
    encryption = {"encryptionType": repository.encryption_type, "kmsKey": repository.kms_key}
    filters = [{"filterType": "WILDCARD", "filter": pattern} for pattern in repository.mutability_filters]
    name = repository.name
    row = {
        "repositoryArn": repository_arn(registry.region, registry.registry_id, name),
        "registryId": registry.registry_id,
        "repositoryName": name,
        "repositoryUri": f"{registry.registry_id}.dkr.ecr.{registry.region}.amazonaws.com/{name}",
        "createdAt": repository.created_at.timestamp(),
        "imageTagMutability": repository.tag_mutability,
        "imageTagMutabilityExclusionFilters": filters or None,
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": _without_nulls(encryption),
    }
    return _without_nulls(row)


def _detail(image: Image) -> Parameters:
    """An image as the API's ImageDetail shape; times are seconds since 1970."""
    row = {
        "registryId": image.repository.registry_id,
        "repositoryName": image.repository.name,
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": image.size,
        "imagePushedAt": image.pushed_at.timestamp(),
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_media_type,
        "lastRecordedPullTime": image.pulled_at.timestamp() if image.pulled_at else None,
        "subjectManifestDigest": image.subject,
        "imageStatus": image.status,
    }
    return _without_nulls(row)


def _identifiers(image: Image, parameters: Parameters) -> list[ImageId]:
    """The rows of one image in ListImages: one a tag, sorted, or one without a tag."""
    if not _passes(image, parameters):
        return []
    if not image.tags:
        return [{"imageDigest": image.digest}]
    return [{"imageDigest": image.digest, "imageTag": tag} for tag in sorted(image.tags)]


def _described(registry: Registry, repository: Repository, image_id: ImageId) -> Image:
    """The image of a DescribeImages by id: any status, since archived images can be described."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    try:
        return resolve(repository, image_id)
    except Failure as failure:
        if failure.code == "InvalidImageDigest":
            raise invalid_parameter("imageDigest", f"must satisfy regular expression '{_DIGEST.pattern}'") from None
        if failure.code in {"InvalidImageTag", "MissingDigestAndTag"}:
            raise ApiError("InvalidParameterException", failure.reason) from None
        raise registry.image_not_found(repository.name, digest=digest, tag=tag) from None


def _pullable(registry: Registry, image: Image, accepted: list[str] | None) -> None:
    if image.failure is not None:
        raise Failure(*image.failure)
    if image.status != "ACTIVE":
        raise Failure("ImageInaccessible")
    kind = image.media_type
    if accepted and registry.strict_media_types and kind in MANIFEST_TYPES and kind not in accepted:
        raise Failure("ImageNotFound", f"Requested image has media type {kind}, which acceptedMediaTypes leaves out")


def _pulled(registry: Registry, image: Image, tag: str | None) -> list[Pulled]:
    if tag is None and registry.row_per_tag and image.tags:
        return [Pulled(image, each) for each in image.tags]
    return [Pulled(image, tag)]


def _passes(image: Image, parameters: Parameters) -> bool:
    """Whether an image passes the filter; without one only ACTIVE images do."""
    chosen = parameters.get("filter") or {}
    status, tagged = chosen.get("imageStatus") or "ACTIVE", chosen.get("tagStatus") or "ANY"
    return status in {"ANY", image.status} and tagged in {"ANY", "TAGGED" if image.tags else "UNTAGGED"}


def _alone(parameters: Parameters, name: str) -> None:
    for other in ("maxResults", "nextToken"):
        if parameters.get(other) is not None:
            raise invalid_parameter(other, f"must not be given together with {name}")


def _scope(operation: str, parameters: Parameters) -> list[Any]:
    return [operation, parameters["repositoryName"], parameters.get("filter") or {}]


def _paged(registry: Registry, key: str, scope: list[Any], parameters: Parameters, rows_after: Any) -> Parameters:
    found = page(registry, scope, parameters, rows_after)
    return _without_nulls({key: found.rows, "nextToken": found.token})


def _without_nulls(row: Parameters) -> Parameters:
    return {name: value for name, value in row.items() if value is not None}
