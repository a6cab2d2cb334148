"""BatchGetImage: exact manifests, failure codes, media types and pull times, asked through boto3."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from indexer.local_ecr import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from types_boto3_ecr import ECRClient
    from types_boto3_ecr.literals import ImageFailureCodeType

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
ABSENT = f"sha256:{'a' * 64}"


def test_a_manifest_comes_back_byte_for_byte_under_its_digest(registry: Registry, ecr: ECRClient) -> None:
    raw = '{\n   "schemaVersion": 2,\t"layers": [],\r\n "annotations": {"é": "\\u2028😀\\ud800"}}\n'
    digest = registry.put_image("team/app", raw, tags=["t"])
    answer = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])
    assert answer["images"] == [
        {
            "registryId": "123456789012",
            "repositoryName": "team/app",
            "imageId": {"imageDigest": digest},
            "imageManifest": raw,
            "imageManifestMediaType": OCI_MANIFEST,
        }
    ]
    assert answer["failures"] == []
    assert f"sha256:{hashlib.sha256(raw.encode()).hexdigest()}" == digest


def test_an_image_asked_by_tag_carries_the_tag(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digest = registry.put_image("team/app", document(1), tags=["v1"])
    ids: list[Any] = [{"imageTag": "v1"}, {"imageTag": "v1", "imageDigest": digest}]
    images = ecr.batch_get_image(repositoryName="team/app", imageIds=ids)["images"]
    assert [image["imageId"] for image in images] == [{"imageDigest": digest, "imageTag": "v1"}] * 2


def test_a_hundred_ids_are_answered_and_repeated_ones_once(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digests = [registry.put_image("team/app", document(number)) for number in range(99)]
    ids: list[Any] = [{"imageDigest": digest} for digest in [digests[0], *digests]]
    images = ecr.batch_get_image(repositoryName="team/app", imageIds=ids)["images"]
    assert [image["imageId"]["imageDigest"] for image in images] == digests


REASONS = {
    "ImageNotFound": "Requested image not found",
    "ImageTagDoesNotMatchDigest": "Invalid request parameters: given tag does not map to the given digest",
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": "Invalid request parameters: image digest should satisfy the regex "
    "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
}


@pytest.mark.parametrize(
    ("image_id", "code"),
    [
        ({}, "MissingDigestAndTag"),
        ({"imageDigest": "sha256"}, "InvalidImageDigest"),
        ({"imageDigest": "sha256:xyz"}, "InvalidImageDigest"),
        ({"imageDigest": ""}, "InvalidImageDigest"),
        ({"imageTag": "-x"}, "InvalidImageTag"),
        ({"imageTag": "x" * 129}, "InvalidImageTag"),
        ({"imageDigest": ABSENT}, "ImageNotFound"),
        ({"imageTag": "none"}, "ImageNotFound"),
        ({"imageTag": "none", "imageDigest": ABSENT}, "ImageNotFound"),
        ({"imageTag": "here", "imageDigest": ABSENT}, "ImageTagDoesNotMatchDigest"),
    ],
)
def test_ids_that_name_nothing(
    registry: Registry, ecr: ECRClient, document: Callable[..., str], image_id: Any, code: str
) -> None:
    there = registry.put_image("team/app", document(1), tags=["here"])
    ids: list[Any] = [image_id, {"imageDigest": there}]
    answer = ecr.batch_get_image(repositoryName="team/app", imageIds=ids)
    (failure,) = answer["failures"]
    assert (failure.get("imageId"), failure.get("failureCode")) == (image_id, code)
    assert failure.get("failureReason") == REASONS.get(code, failure.get("failureReason"))
    assert [image["imageId"] for image in answer["images"]] == [{"imageDigest": there}]


@pytest.mark.parametrize("status", ["ARCHIVED", "ACTIVATING"])
def test_archived_images_are_inaccessible_until_restored(
    registry: Registry, ecr: ECRClient, document: Callable[..., str], status: str
) -> None:
    digest = registry.put_image("team/app", document(1))
    registry.set_status("team/app", digest, status)
    (failure,) = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["failures"]
    assert failure.get("failureCode") == "ImageInaccessible"
    registry.set_status("team/app", digest, "ACTIVE")
    assert ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["images"]


@pytest.mark.parametrize(
    "code",
    [
        "InvalidImageDigest",
        "InvalidImageTag",
        "ImageTagDoesNotMatchDigest",
        "ImageNotFound",
        "MissingDigestAndTag",
        "ImageReferencedByManifestList",
        "KmsError",
        "UpstreamAccessDenied",
        "UpstreamTooManyRequests",
        "UpstreamUnavailable",
        "ImageInaccessible",
    ],
)
def test_every_failure_code_can_be_ordered_for_an_image(
    registry: Registry, ecr: ECRClient, document: Callable[..., str], code: ImageFailureCodeType
) -> None:
    digest = registry.put_image("team/app", document(1))
    registry.fail_image("team/app", digest, code)
    answer = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])
    (failure,) = answer["failures"]
    assert answer["images"] == []
    assert failure.get("failureCode") == code
    assert failure.get("failureReason")


def test_a_failure_may_have_a_reason_of_its_own(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digest = registry.put_image("team/app", document(1))
    registry.fail_image("team/app", digest, "KmsError", "the key is disabled")
    (failure,) = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["failures"]
    assert failure.get("failureReason") == "the key is disabled"


def test_a_type_that_is_not_accepted_is_a_failure_while_the_rule_is_strict(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digest = registry.put_image("team/app", document(1))
    strange = registry.put_image("team/app", document(2), media_type="application/json")
    ids: list[Any] = [{"imageDigest": digest}, {"imageDigest": strange}]
    answer = ecr.batch_get_image(repositoryName="team/app", imageIds=ids, acceptedMediaTypes=[OCI_INDEX])
    (failure,) = answer["failures"]
    assert failure.get("failureCode") == "ImageNotFound"
    assert OCI_MANIFEST in failure.get("failureReason", "")
    assert [image["imageId"].get("imageDigest") for image in answer["images"]] == [strange]
    registry.strict_media_types = False
    answer = ecr.batch_get_image(repositoryName="team/app", imageIds=ids, acceptedMediaTypes=[OCI_INDEX])
    assert (len(answer["images"]), answer["failures"]) == (2, [])


def test_only_what_is_returned_counts_as_pulled(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    seen = datetime(2025, 1, 1, tzinfo=UTC)
    digests = [registry.put_image("team/app", document(number), pulled_at=seen) for number in range(3)]
    registry.fail_image("team/app", digests[1])
    ids: list[Any] = [{"imageDigest": digest} for digest in digests[:2]]
    ecr.batch_get_image(repositoryName="team/app", imageIds=ids)
    images = registry.repositories["team/app"].images
    assert [images[digest].pulled_at for digest in digests] == [registry.clock(), seen, seen]
    (row,) = ecr.describe_images(repositoryName="team/app", imageIds=[{"imageDigest": digests[0]}])["imageDetails"]
    assert row["lastRecordedPullTime"] == registry.clock()


def test_the_media_type_can_be_left_out(registry: Registry, ecr: ECRClient, document: Callable[..., str]) -> None:
    digest = registry.put_image("team/app", document(1))
    registry.omit_media_type = True
    (image,) = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["images"]
    assert "imageManifestMediaType" not in image


def test_one_row_a_tag_as_amazon_has_been_seen_to_answer(
    registry: Registry, ecr: ECRClient, document: Callable[..., str]
) -> None:
    digest = registry.put_image("team/app", document(1), tags=["a", "b"])
    registry.row_per_tag = True
    images = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["images"]
    assert [image["imageId"] for image in images] == [{"imageDigest": digest, "imageTag": tag} for tag in "ab"]


def test_a_manifest_that_is_no_utf8_comes_with_replacement_characters(registry: Registry, ecr: ECRClient) -> None:
    digest = registry.put_image("team/app", b'{"schemaVersion":2,"layers":[],"x":"\xff"}')
    (image,) = ecr.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])["images"]
    assert image["imageManifest"] == '{"schemaVersion":2,"layers":[],"x":"\ufffd"}'
    assert "imageManifestMediaType" not in image
