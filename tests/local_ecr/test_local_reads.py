"""DescribeRepositories, ListImages and DescribeImages asked through boto3, and errors that all operations share."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from indexer.local_ecr import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecr import ECRClient

    from indexer.local_ecr import Server

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ABSENT = f"sha256:{'a' * 64}"


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


def index_of(*digests: str, **members: Any) -> str:
    entries = [{"mediaType": OCI_MANIFEST, "digest": digest, "size": 7} for digest in digests]
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, **members})


# --- DescribeRepositories


def test_a_repository_is_described_with_all_its_settings(registry: Registry, ecr: ECRClient) -> None:
    created = datetime(2025, 3, 4, 5, 6, 7, 250_000, tzinfo=UTC)
    registry.create_repository(
        "vault", tag_mutability="IMMUTABLE", encryption_type="KMS", kms_key="arn:aws:kms:x:key/1", created_at=created
    )
    (row,) = ecr.describe_repositories(repositoryNames=["vault"])["repositories"]
    assert row == {
        "repositoryArn": "arn:aws:ecr:eu-west-1:123456789012:repository/vault",
        "registryId": "123456789012",
        "repositoryName": "vault",
        "repositoryUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vault",
        "createdAt": row["createdAt"],
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "arn:aws:kms:x:key/1"},
    }
    assert row["createdAt"] == created


def test_without_names_every_repository_is_described(registry: Registry, ecr: ECRClient) -> None:
    registry.create_repository("a/first")
    rows = ecr.describe_repositories()["repositories"]
    assert [row["repositoryName"] for row in rows] == ["a/first", "team/app"]
    assert rows[0]["encryptionConfiguration"] == {"encryptionType": "AES256"}


def test_an_empty_registry_has_the_key_repositories(registry: Registry, ecr: ECRClient) -> None:
    registry.delete_repository("team/app")
    assert ecr.describe_repositories()["repositories"] == []


def test_one_unknown_name_fails_the_call(ecr: ECRClient) -> None:
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException) as error:
        ecr.describe_repositories(repositoryNames=["team/app", "team/none"])
    assert "'team/none' does not exist in the registry with id '123456789012'" in str(error.value)


# --- ListImages


def test_list_images_gives_one_row_a_tag_and_one_for_an_untagged_image(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    tagged = registry.put_image("team/app", document(1), tags=["b", "a"])
    untagged = registry.put_image("team/app", document(2))
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == [
        {"imageDigest": tagged, "imageTag": "a"},
        {"imageDigest": tagged, "imageTag": "b"},
        {"imageDigest": untagged},
    ]


def test_list_images_of_an_empty_repository_has_its_key(ecr: ECRClient) -> None:
    answer = ecr.list_images(repositoryName="team/app")
    assert answer["imageIds"] == []
    assert "nextToken" not in answer


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["active", "bare"]),
        ({"tagStatus": "TAGGED"}, ["active"]),
        ({"tagStatus": "UNTAGGED"}, ["bare"]),
        ({"tagStatus": "ANY"}, ["active", "bare"]),
        ({"imageStatus": "ANY"}, ["active", "bare", "archived", "activating"]),
        ({"imageStatus": "ARCHIVED"}, ["archived"]),
        ({"imageStatus": "ACTIVATING"}, ["activating"]),
        ({"imageStatus": "ANY", "tagStatus": "UNTAGGED"}, ["bare", "activating"]),
    ],
)
@pytest.mark.parametrize("operation", ["list_images", "describe_images"])
def test_filters(  # noqa: PLR0913, PLR0917 - two tables of parameters and three fixtures
    registry: Registry,
    ecr: ECRClient,
    document: Callable[..., str],
    chosen: dict[str, str],
    expected: list[str],
    operation: str,
) -> None:
    names = {
        registry.put_image("team/app", document(1), tags=["active"]): "active",
        registry.put_image("team/app", document(2)): "bare",
        registry.put_image("team/app", document(3), tags=["old"], status="ARCHIVED"): "archived",
        registry.put_image("team/app", document(4), status="ACTIVATING"): "activating",
    }
    answer = getattr(ecr, operation)(repositoryName="team/app", filter=chosen)
    rows = answer["imageIds" if operation == "list_images" else "imageDetails"]
    assert [names[row["imageDigest"]] for row in rows] == expected


# --- DescribeImages


def test_an_image_is_described_once_with_all_its_tags(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    pushed = datetime(2025, 12, 1, 10, 0, 0, 125_000, tzinfo=UTC)
    pulled = datetime(2025, 12, 2, 11, 0, tzinfo=UTC)
    subject = {"mediaType": OCI_MANIFEST, "digest": ABSENT, "size": 5}
    raw = document(1, subject=subject, artifactType="application/spdx+json")
    digest = registry.put_image("team/app", raw, tags=["1.0", "latest"], pushed_at=pushed, pulled_at=pulled)
    (row,) = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert row == {
        "registryId": "123456789012",
        "repositoryName": "team/app",
        "imageDigest": digest,
        "imageTags": ["1.0", "latest"],
        "imageSizeInBytes": 1234,
        "imagePushedAt": row["imagePushedAt"],
        "imageManifestMediaType": OCI_MANIFEST,
        "artifactMediaType": "application/spdx+json",
        "lastRecordedPullTime": row["lastRecordedPullTime"],
        "subjectManifestDigest": ABSENT,
        "imageStatus": "ACTIVE",
    }
    assert row["imagePushedAt"] == pushed
    assert row["lastRecordedPullTime"] == pulled


def test_what_is_unknown_is_absent(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    registry.put_image("team/app", document(1))
    (row,) = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert row["artifactMediaType"] == "application/vnd.oci.image.config.v1+json"
    assert {"imageTags", "lastRecordedPullTime", "subjectManifestDigest"}.isdisjoint(row)


def test_the_size_of_an_index_is_that_of_its_largest_child(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    small = registry.put_image("team/app", document(1))
    large = registry.put_image(
        "team/app", document(2, layers=[{"digest": ABSENT, "size": 6_000_000_000}, {"digest": ABSENT, "size": 1}])
    )
    inner = registry.put_image("team/app", index_of(large))
    outer = registry.put_image("team/app", index_of(small, inner, ABSENT))
    lost = registry.put_image("team/app", index_of(ABSENT))
    rows = {row["imageDigest"]: row for row in ecr.describe_images(repositoryName="team/app")["imageDetails"]}
    assert rows[inner]["imageSizeInBytes"] == rows[outer]["imageSizeInBytes"] == 6_000_000_235
    assert "imageSizeInBytes" not in rows[lost]


def test_an_index_that_is_its_own_child_has_no_size(registry: Registry, ecr: ECRClient) -> None:
    registry.put_image("team/app", index_of(ABSENT), digest=ABSENT)
    (row,) = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert "imageSizeInBytes" not in row


def test_images_are_described_by_id_whatever_their_status(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    first = registry.put_image("team/app", document(1), status="ARCHIVED")
    second = registry.put_image("team/app", document(2), tags=["x"])
    ids: list[Any] = [{"imageDigest": first}, {"imageTag": "x"}, {"imageDigest": second}]
    rows = ecr.describe_images(repositoryName="team/app", imageIds=ids)["imageDetails"]
    assert [row["imageDigest"] for row in rows] == [first, second]


def test_describing_an_unknown_image_is_an_error(ecr: ECRClient) -> None:
    with pytest.raises(ecr.exceptions.ImageNotFoundException) as error:
        ecr.describe_images(repositoryName="team/app", imageIds=[{"imageTag": "none"}])
    assert "imageDigest:'null', imageTag:'none'" in str(error.value)


@pytest.mark.parametrize("image_id", [{"imageDigest": "bad"}, {"imageTag": "-bad"}, {}])
def test_describing_a_malformed_id_is_an_error(ecr: ECRClient, image_id: Any) -> None:
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.describe_images(repositoryName="team/app", imageIds=[image_id])


# --- errors of every operation


def test_an_unknown_repository_is_an_error_of_every_operation(ecr: ECRClient, server: Server) -> None:
    calls: list[Callable[[], object]] = [
        lambda: ecr.list_images(repositoryName="team/none"),
        lambda: ecr.describe_images(repositoryName="team/none"),
        lambda: ecr.batch_get_image(repositoryName="team/none", imageIds=[{"imageTag": "a"}]),
        lambda: ecr.put_image(repositoryName="team/none", imageManifest="{}"),
        lambda: ecr.batch_delete_image(repositoryName="team/none", imageIds=[{"imageTag": "a"}]),
        lambda: ecr.delete_repository(repositoryName="team/none"),
    ]
    for call in calls:
        with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
            call()
    assert server.calls.total() == len(calls)


def test_denied_operations_and_repositories(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    registry.put_image("team/app", document(1), tags=["x"])
    registry.create_repository("team/other")
    registry.deny("ListImages", "team/app")
    registry.deny("DescribeImages")
    with pytest.raises(ClientError) as error:
        ecr.list_images(repositoryName="team/app")
    assert code_of(error) == "AccessDeniedException"
    assert "ecr:ListImages on resource: arn:aws:ecr:eu-west-1:123456789012:repository/team/app" in str(error.value)
    assert ecr.list_images(repositoryName="team/other")["imageIds"] == []
    with pytest.raises(ClientError) as error:
        ecr.describe_images(repositoryName="team/other")
    assert code_of(error) == "AccessDeniedException"
    registry.denied.clear()
    assert ecr.list_images(repositoryName="team/app")["imageIds"]
