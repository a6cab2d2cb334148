"""CreateRepository, DeleteRepository, PutImage, BatchDeleteImage through boto3, and the door for filling by hand."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from indexer.local_ecr import ApiError, Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_ecr.conftest import Clock
    from types_boto3_ecr import ECRClient

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ABSENT = f"sha256:{'a' * 64}"


def sha256(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def index_of(*digests: str) -> str:
    return json.dumps({"schemaVersion": 2, "manifests": [{"digest": digest, "size": 7} for digest in digests]})


# --- CreateRepository and DeleteRepository


def test_a_repository_is_created_as_asked(registry: Registry, ecr: ECRClient) -> None:
    row = ecr.create_repository(
        repositoryName="team/new",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": "alias/key"},
    )["repository"]
    assert row["createdAt"] == registry.clock()
    assert row["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "dev-*"}]
    assert ecr.describe_repositories(repositoryNames=["team/new"])["repositories"] == [row]
    assert registry.repositories["team/new"].kms_key == "alias/key"


def test_defaults_of_a_new_repository(ecr: ECRClient) -> None:
    row = ecr.create_repository(repositoryName="team/new")["repository"]
    assert row["imageTagMutability"] == "MUTABLE"
    assert row["encryptionConfiguration"] == {"encryptionType": "AES256"}


def test_a_name_can_be_taken_once(ecr: ECRClient) -> None:
    with pytest.raises(ecr.exceptions.RepositoryAlreadyExistsException, match="'team/app' already exists"):
        ecr.create_repository(repositoryName="team/app")


@pytest.mark.parametrize("name", ["Team/app", "team//app", "-x", "a", "a" * 257, "team/app/", "team app"])
def test_names_that_are_no_names(lax: ECRClient, name: str) -> None:
    with pytest.raises(lax.exceptions.InvalidParameterException, match="repositoryName"):
        lax.create_repository(repositoryName=name)


def test_exclusion_filters_need_their_mutability(ecr: ECRClient) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.create_repository(
            repositoryName="x/y", imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "a"}]
        )
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.create_repository(repositoryName="x/y", imageTagMutability="MUTABLE_WITH_EXCLUSION")


def test_a_full_repository_is_deleted_by_force_only(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    registry.put_image("team/app", document(1))
    with pytest.raises(ecr.exceptions.RepositoryNotEmptyException, match="still contains images"):
        ecr.delete_repository(repositoryName="team/app")
    assert ecr.delete_repository(repositoryName="team/app", force=True)["repository"]["repositoryName"] == "team/app"
    assert "team/app" not in registry.repositories


def test_an_empty_repository_is_deleted(registry: Registry, ecr: ECRClient) -> None:
    ecr.delete_repository(repositoryName="team/app")
    assert not registry.repositories


# --- PutImage


def test_a_pushed_image_can_be_listed_and_fetched(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    raw = document(1)
    image = ecr.put_image(repositoryName="team/app", imageManifest=raw, imageTag="v1", imageDigest=sha256(raw))["image"]
    assert image == {
        "registryId": "123456789012",
        "repositoryName": "team/app",
        "imageId": {"imageDigest": sha256(raw), "imageTag": "v1"},
        "imageManifest": raw,
        "imageManifestMediaType": OCI_MANIFEST,
    }
    assert ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])["images"] == [image]
    assert registry.repositories["team/app"].images[sha256(raw)].pushed_at == registry.clock()


def test_a_signed_schema_1_manifest_has_the_digest_of_its_payload(ecr: ECRClient) -> None:
    payload = '{\n   "schemaVersion": 1,\n   "fsLayers": []\n}'
    tail = base64.urlsafe_b64encode(b"\n}").decode().rstrip("=")
    header = json.dumps({"formatLength": len(payload) - 2, "formatTail": tail}).encode()
    protected = base64.urlsafe_b64encode(header).decode().rstrip("=")
    raw = f'{payload[:-2]},\n   "signatures": [{{"protected": "{protected}"}}]\n}}'
    image = ecr.put_image(repositoryName="team/app", imageManifest=raw)["image"]
    assert image["imageId"].get("imageDigest") == sha256(payload)
    assert image["imageManifestMediaType"] == "application/vnd.docker.distribution.manifest.v1+prettyjws"


def test_the_given_media_type_wins(ecr: ECRClient, document: Callable[..., str]) -> None:
    raw = document(1, mediaType=None)
    image = ecr.put_image(repositoryName="team/app", imageManifest=raw, imageManifestMediaType="application/x")["image"]
    assert image["imageManifestMediaType"] == "application/x"


def test_the_structure_shows_a_media_type_that_is_not_given(ecr: ECRClient, document: Callable[..., str]) -> None:
    image = ecr.put_image(repositoryName="team/app", imageManifest=document(1, mediaType=None))["image"]
    assert image["imageManifestMediaType"] == OCI_MANIFEST


@pytest.mark.parametrize("raw", ["{", "[]", "7", "no JSON", '{"a": NaN}'])
def test_what_is_no_json_object_is_no_manifest(ecr: ECRClient, raw: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="Invalid JSON syntax"):
        ecr.put_image(repositoryName="team/app", imageManifest=raw)


def test_a_document_of_no_known_structure_needs_a_media_type(ecr: ECRClient) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="imageManifestMediaType"):
        ecr.put_image(repositoryName="team/app", imageManifest="{}")


def test_a_wrong_digest_is_refused(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    with pytest.raises(ecr.exceptions.ImageDigestDoesNotMatchException, match=sha256(document(1))):
        ecr.put_image(repositoryName="team/app", imageManifest=document(1), imageDigest=ABSENT)
    assert not registry.repositories["team/app"].images


@pytest.mark.parametrize("tag", [None, "v1"])
def test_pushing_the_same_again_is_an_error(ecr: ECRClient, document: Callable[..., str], tag: str | None) -> None:
    tagged: Any = {"imageTag": tag} if tag else {}
    ecr.put_image(repositoryName="team/app", imageManifest=document(1), imageTag="v1")
    with pytest.raises(ecr.exceptions.ImageAlreadyExistsException, match=f"and tag '{tag or 'null'}'"):
        ecr.put_image(repositoryName="team/app", imageManifest=document(1), **tagged)


def test_a_new_tag_for_a_known_image_keeps_its_push_time(
    registry: Registry, clock: Clock, ecr: ECRClient, document: Callable[..., str]
) -> None:
    first = clock.now
    ecr.put_image(repositoryName="team/app", imageManifest=document(1), imageTag="v1")
    clock.now = datetime(2026, 2, 1, tzinfo=UTC)
    ecr.put_image(repositoryName="team/app", imageManifest=document(1), imageTag="v2")
    (image,) = registry.repositories["team/app"].images.values()
    assert (image.tags, image.pushed_at) == (["v1", "v2"], first)


def test_a_moved_tag_leaves_the_old_image_untagged(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    for number in (1, 2):
        ecr.put_image(repositoryName="team/app", imageManifest=document(number), imageTag="latest")
    assert [image.tags for image in registry.repositories["team/app"].images.values()] == [[], ["latest"]]


@pytest.mark.parametrize(
    ("mutability", "moves"),
    [
        ("MUTABLE", {"v1": True, "dev-1": True}),
        ("IMMUTABLE", {"v1": False, "dev-1": False}),
        ("IMMUTABLE_WITH_EXCLUSION", {"v1": False, "dev-1": True}),
        ("MUTABLE_WITH_EXCLUSION", {"v1": True, "dev-1": False}),
    ],
)
def test_immutable_tags_do_not_move(
    registry: Registry, ecr: ECRClient, document: Callable[..., str], mutability: str, moves: dict[str, bool]
) -> None:
    registry.create_repository("fixed", tag_mutability=mutability, mutability_filters=["dev-*"])
    for tag, is_moved in moves.items():
        ecr.put_image(repositoryName="fixed", imageManifest=document(1), imageTag=tag)
        if is_moved:
            ecr.put_image(repositoryName="fixed", imageManifest=document(2), imageTag=tag)
        else:
            with pytest.raises(ecr.exceptions.ImageTagAlreadyExistsException, match=f"'{tag}'"):
                ecr.put_image(repositoryName="fixed", imageManifest=document(2), imageTag=tag)
    digests = {True: sha256(document(2)), False: sha256(document(1))}
    assert registry.repositories["fixed"].tags == {tag: digests[is_moved] for tag, is_moved in moves.items()}


@pytest.mark.parametrize("tag", ["-x", "a b", "x" * 129])
def test_a_tag_that_is_no_tag_is_refused(ecr: ECRClient, document: Callable[..., str], tag: str) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="imageTag"):
        ecr.put_image(repositoryName="team/app", imageManifest=document(1), imageTag=tag)


def test_an_index_needs_its_children(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    child = registry.put_image("team/app", document(1))
    with pytest.raises(ecr.exceptions.ReferencedImagesNotFoundException, match=ABSENT):
        ecr.put_image(repositoryName="team/app", imageManifest=index_of(child, ABSENT))
    image = ecr.put_image(repositoryName="team/app", imageManifest=index_of(child))["image"]
    assert image["imageManifestMediaType"] == OCI_INDEX


def test_pushing_an_archived_image_restores_it(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digest = registry.put_image("team/app", document(1), tags=["v1"], status="ARCHIVED")
    ecr.put_image(repositoryName="team/app", imageManifest=document(1), imageTag="v1")
    assert registry.repositories["team/app"].images[digest].status == "ACTIVE"


# --- BatchDeleteImage


def test_deleting_a_tag_keeps_the_image_until_its_last_tag(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digest = registry.put_image("team/app", document(1), tags=["a", "b"])
    answer = ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "a"}])
    assert answer["imageIds"] == [{"imageDigest": digest, "imageTag": "a"}]
    assert registry.repositories["team/app"].images[digest].tags == ["b"]
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": "b", "imageDigest": digest}])
    assert not registry.repositories["team/app"].images


def test_deleting_a_digest_takes_all_tags(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    digest = registry.put_image("team/app", document(1), tags=["a", "b"])
    other = registry.put_image("team/app", document(2))
    ids: list[Any] = [{"imageDigest": digest}, {"imageDigest": other}, {"imageTag": "none"}]
    answer = ecr.batch_delete_image(repositoryName="team/app", imageIds=ids)
    deleted = [{"imageDigest": digest, "imageTag": tag} for tag in "ab"]
    assert answer["imageIds"] == [*deleted, {"imageDigest": other}]
    assert [failure.get("failureCode") for failure in answer["failures"]] == ["ImageNotFound"]
    assert not registry.repositories["team/app"].tags


def test_a_child_of_an_index_is_kept(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    child = registry.put_image("team/app", document(1), tags=["amd64"])
    index = registry.put_image("team/app", index_of(child))
    ids: list[Any] = [{"imageDigest": child}, {"imageTag": "amd64"}]
    answer = ecr.batch_delete_image(repositoryName="team/app", imageIds=ids)
    assert answer["imageIds"] == []
    assert {failure.get("failureCode") for failure in answer["failures"]} == {"ImageReferencedByManifestList"}
    assert index in answer["failures"][0].get("failureReason", "")
    ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": index}])
    assert ecr.batch_delete_image(repositoryName="team/app", imageIds=[{"imageDigest": child}])["failures"] == []


# --- the door for filling by hand


def test_the_door_takes_anything(registry: Registry) -> None:
    raw = b"\x00\xff no manifest"
    digest = registry.put_image("team/app", raw, media_type="application/x", tags=["odd"])
    image = registry.repositories["team/app"].images[digest]
    assert (image.manifest, image.media_type, image.tags) == (raw, "application/x", ["odd"])
    assert (image.size, image.subject, image.artifact_media_type, image.pulled_at) == (None, None, None, None)
    assert registry.put_image("team/app", "text", digest=ABSENT) == ABSENT


def test_a_known_digest_only_gains_tags(registry: Registry, document: Callable[..., str]) -> None:
    pushed = datetime(2025, 5, 5, tzinfo=UTC)
    digest = registry.put_image("team/app", document(1), tags=["a"], pushed_at=pushed)
    registry.put_image("team/app", document(1), tags=["a", "b"], pulled_at=pushed, status="ARCHIVED")
    image = registry.repositories["team/app"].images[digest]
    assert (image.tags, image.pushed_at, image.pulled_at, image.status) == (["a", "b"], pushed, None, "ACTIVE")


def test_tags_move_and_go(registry: Registry, document: Callable[..., str]) -> None:
    first, second = (registry.put_image("team/app", document(number)) for number in (1, 2))
    registry.tag_image("team/app", first, "latest")
    registry.tag_image("team/app", second, "latest")
    repository = registry.repositories["team/app"]
    assert (repository.images[first].tags, dict(repository.tags)) == ([], {"latest": second})
    registry.untag("team/app", "latest")
    assert (repository.images[second].tags, dict(repository.tags)) == ([], {})


def test_a_pull_can_be_set(registry: Registry, document: Callable[..., str]) -> None:
    digest = registry.put_image("team/app", document(1))
    registry.pull_image("team/app", digest)
    assert registry.repositories["team/app"].images[digest].pulled_at == registry.clock()


def test_what_is_not_there_is_an_error_by_hand_too(registry: Registry, document: Callable[..., str]) -> None:
    calls: dict[Callable[[], object], str] = {
        lambda: registry.put_image("none", document(1)): "RepositoryNotFoundException",
        lambda: registry.delete_repository("none"): "RepositoryNotFoundException",
        lambda: registry.delete_image("team/app", ABSENT): "ImageNotFoundException",
        lambda: registry.tag_image("team/app", ABSENT, "x"): "ImageNotFoundException",
        lambda: registry.untag("team/app", "x"): "ImageNotFoundException",
        lambda: registry.set_status("team/app", ABSENT, "ACTIVE"): "ImageNotFoundException",
        lambda: registry.fail_image("team/app", ABSENT): "ImageNotFoundException",
    }
    for call, code in calls.items():
        with pytest.raises(ApiError) as error:
            call()
        assert error.value.code == code


def test_wrong_values_are_refused_by_name(registry: Registry, document: Callable[..., str]) -> None:
    digest = registry.put_image("team/app", document(1))
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - what is refused
    with pytest.raises(ValueError, match=r"status is 'GONE'.*ACTIVE"):
        registry.set_status("team/app", digest, "GONE")
    with pytest.raises(ValueError, match="code is 'Bad'"):
        registry.fail_image("team/app", digest, "Bad")
    with pytest.raises(ValueError, match="tag_mutability"):
        registry.create_repository("x/y", tag_mutability="SOMETIMES")
    with pytest.raises(ValueError, match=r"pushed_at .* no time zone"):
        registry.put_image("team/app", document(2), pushed_at=naive)
    assert "x/y" not in registry.repositories
    assert list(registry.repositories["team/app"].images) == [digest]


def test_the_views_cannot_be_written(registry: Registry) -> None:
    repositories: Any = registry.repositories
    with pytest.raises(TypeError):
        repositories["x"] = None
    assert repr(registry) == "Registry('123456789012', 'eu-west-1', repositories=1)"
