"""The operations that change: CreateRepository, DeleteRepository, PutImage, BatchDeleteImage; and the list of all.

Rules: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from indexer.local_ecr import account, operations
from indexer.local_ecr.documents import digest_of, parse, read
from indexer.local_ecr.images import FAILURE_REASONS
from indexer.local_ecr.operations import TAG, Failure, distinct, repository_row, resolve
from indexer.local_ecr.protocol import ApiError, invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from indexer.local_ecr.images import Repository
    from indexer.local_ecr.operations import Batch, ImageId, Parameters
    from indexer.local_ecr.registry import Registry


def create_repository(registry: Registry, parameters: Parameters) -> Parameters:
    encryption = parameters.get("encryptionConfiguration") or {}
    filters = parameters.get("imageTagMutabilityExclusionFilters") or []
    mutability = parameters.get("imageTagMutability") or "MUTABLE"
    if bool(filters) != mutability.endswith("_WITH_EXCLUSION"):
        raise invalid_parameter(
            "imageTagMutabilityExclusionFilters", "must be given with *_WITH_EXCLUSION, and only so"
        )
    repository = registry.create_repository(
        parameters["repositoryName"],
        tag_mutability=mutability,
        encryption_type=encryption.get("encryptionType", "AES256"),
        kms_key=encryption.get("kmsKey"),
        mutability_filters=[item["filter"] for item in filters],
    )
    return {"repository": repository_row(registry, repository)}


def delete_repository(registry: Registry, parameters: Parameters) -> Parameters:
    name = parameters["repositoryName"]
    if registry.repository(name).images and not parameters.get("force"):
        text = f"The repository with name '{name}' in registry with id '{registry.registry_id}' cannot be deleted"
        raise ApiError("RepositoryNotEmptyException", f"{text} because it still contains images")
    return {"repository": repository_row(registry, registry.delete_repository(name))}


def put_image(registry: Registry, parameters: Parameters) -> Parameters:
    """Layers are not looked for: this registry holds none."""
    repository = registry.repository(parameters["repositoryName"])
    raw = parameters["imageManifest"].encode()
    media_type = _checked_media_type(raw, parameters)
    digest, tag = digest_of(raw), parameters.get("imageTag")
    _check_digest(digest, parameters.get("imageDigest"))
    _check_children(registry, repository, read(raw).children)
    is_restored = digest in repository.images and repository.images[digest].status == "ARCHIVED"
    if not is_restored:
        _check_news(registry, repository, digest, tag)
    _check_tag(repository, digest, tag)
    registry.put_image(repository.name, raw, media_type=media_type, tags=[tag] if tag else [])
    if is_restored:
        # Pushing an archived image again restores it (user guide, "Archiving an image").
        registry.set_status(repository.name, digest, "ACTIVE")
    return {"image": orjson.Fragment(b"".join(repository.images[digest].fragments(tag)))}


def batch_delete_image(registry: Registry, parameters: Parameters) -> Parameters:
    repository = registry.repository(parameters["repositoryName"])
    deleted: list[ImageId] = []
    failures: list[dict[str, Any]] = []
    for image_id in distinct(parameters["imageIds"]):
        try:
            deleted += _delete(repository, image_id)
        except Failure as failure:
            failures.append(failure.row(image_id))
    return {"imageIds": deleted, "failures": failures}


def _delete(repository: Repository, image_id: ImageId) -> list[ImageId]:
    """Delete what an id names: a tag only takes that tag away, the last tag and a digest alone take the image."""
    image = resolve(repository, image_id)
    tag = image_id.get("imageTag")
    if tag is not None and len(image.tags) > 1:
        repository.unpoint(tag)
        return [{"imageDigest": image.digest, "imageTag": tag}]
    if parents := repository.parents(image.digest):
        code = "ImageReferencedByManifestList"
        raise Failure(code, f"{FAILURE_REASONS[code]}: [{', '.join(parents)}]")
    repository.remove(image.digest)
    return [{"imageDigest": image.digest, "imageTag": each} for each in image.tags] or [{"imageDigest": image.digest}]


def _checked_media_type(raw: bytes, parameters: Parameters) -> str:
    if parse(raw) is None:
        raise invalid_parameter("ImageManifest", "Invalid JSON syntax")
    media_type = parameters.get("imageManifestMediaType") or read(raw).media_type
    if media_type is None:
        raise invalid_parameter("imageManifestMediaType", "must be given: the manifest does not show its own")
    return str(media_type)


def _check_digest(computed: str, given: str | None) -> None:
    if given is not None and given != computed:
        text = f"The given digest '{given}' does not match the digest '{computed}' calculated for the image"
        raise ApiError("ImageDigestDoesNotMatchException", text)


def _check_children(registry: Registry, repository: Repository, children: tuple[str, ...]) -> None:
    absent = [child for child in children if child not in repository.images]
    if absent:
        text = f"Images with digests '[{', '.join(absent)}]' required for pushing image into repository with name"
        where = f"'{repository.name}' in the registry with id '{registry.registry_id}' do not exist"
        raise ApiError("ReferencedImagesNotFoundException", f"{text} {where}")


def _check_news(registry: Registry, repository: Repository, digest: str, tag: str | None) -> None:
    """Something about a push has to be new: the image, or where its tag points."""
    if digest in repository.images and tag in {None, *repository.images[digest].tags}:
        text = f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name"
        where = f"'{repository.name}' in registry with id '{registry.registry_id}'"
        raise ApiError("ImageAlreadyExistsException", f"{text} {where}")


def _check_tag(repository: Repository, digest: str, tag: str | None) -> None:
    if tag is None:
        return
    if not TAG.fullmatch(tag):
        raise invalid_parameter("imageTag", f"must satisfy regular expression '{TAG.pattern}'")
    if repository.tags.get(tag, digest) != digest and repository.is_immutable(tag):
        text = f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten"
        raise ApiError("ImageTagAlreadyExistsException", f"{text} because the tag is immutable.")


OPERATIONS: Mapping[str, Callable[[Registry, Parameters], Parameters | Batch]] = MappingProxyType(
    {
        "BatchDeleteImage": batch_delete_image,
        "BatchGetImage": operations.batch_get_image,
        "CreateRepository": create_repository,
        "DeleteRepository": delete_repository,
        "DescribeImages": operations.describe_images,
        "DescribeRegistry": operations.describe_registry,
        "DescribeRepositories": operations.describe_repositories,
        "GetAccountSetting": account.get_account_setting,
        "ListImages": operations.list_images,
        "ListPullTimeUpdateExclusions": account.list_pull_time_update_exclusions,
        "PutImage": put_image,
    },
)


def repositories_of(parameters: Parameters) -> list[str]:
    """The names of the repositories that a request is about."""
    name = parameters.get("repositoryName")
    return [name] if name is not None else list(parameters.get("repositoryNames") or [])


def run(registry: Registry, operation: str, parameters: Parameters) -> Parameters | Batch:
    """Carry out a request, already checked by `shapes`, under the registry's lock; ApiError for ECR's exceptions."""
    registry.check_access(operation, repositories_of(parameters))
    with registry.lock:
        return OPERATIONS[operation](registry, parameters)
