"""Requests are checked as the service model says, and the copy of the model here is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.model import ListShape, StringShape, StructureShape
from botocore.model import Shape as ModelShape

from indexer.local_ecr.changes import OPERATIONS
from indexer.local_ecr.images import FAILURE_REASONS, STATUSES
from indexer.local_ecr.shapes import REQUESTS, Shape

if TYPE_CHECKING:
    from botocore.model import ServiceModel
    from types_boto3_ecr import ECRClient

KINDS = {"string": str, "integer": int, "boolean": bool, "list": list, "structure": dict}


@pytest.fixture(scope="module")
def model() -> ServiceModel:
    session = boto3.Session(region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
    client = session.client("ecr", endpoint_url="http://127.0.0.1:9")
    client.close()
    return client.meta.service_model


def differences(path: str, ours: Shape, theirs: ModelShape) -> list[str]:
    limits = {
        "kind": (ours.kind, KINDS[theirs.type_name]),
        "least": (ours.least, theirs.metadata.get("min")),
        "most": (ours.most, theirs.metadata.get("max")),
        "pattern": (ours.pattern, theirs.metadata.get("pattern")),
        "enum": (set(ours.enum), set(theirs.enum if isinstance(theirs, StringShape) else ())),
        "required": (set(ours.required), set(theirs.metadata.get("required", ()))),
    }
    found = [f"{path} {name}: {here} is {there}" for name, (here, there) in limits.items() if here != there]
    if isinstance(theirs, ListShape):
        assert ours.each is not None, path
        found += differences(f"{path}[]", ours.each, theirs.member)
    if isinstance(theirs, StructureShape):
        assert set(ours.members) == set(theirs.members), path
        for name, member in theirs.members.items():
            found += differences(f"{path}.{name}", ours.members[name], member)
    return found


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_shapes_are_those_of_the_service_model(model: ServiceModel, operation: str) -> None:
    theirs = model.operation_model(operation).input_shape
    assert theirs is not None
    assert differences(operation, REQUESTS[operation], theirs) == []


def test_every_operation_has_a_shape() -> None:
    assert set(REQUESTS) == set(OPERATIONS)


def test_codes_and_statuses_are_those_of_the_service_model(model: ServiceModel) -> None:
    codes, statuses = model.shape_for("ImageFailureCode"), model.shape_for("ImageStatus")
    assert isinstance(codes, StringShape)
    assert isinstance(statuses, StringShape)
    assert set(FAILURE_REASONS) == set(codes.enum)
    assert set(STATUSES) == set(statuses.enum)


TAGS = [{"imageTag": "a"}]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "batch_get_image",
        {"imageIds": TAGS * 101},
        "'imageIds' failed to satisfy constraint: 'Member must have length less than or equal to 100'",
    ),
    (
        "batch_get_image",
        {"imageIds": []},
        "'imageIds' failed to satisfy constraint: 'Member must have length greater than or equal to 1'",
    ),
    ("batch_get_image", {}, "'imageIds' failed to satisfy constraint: 'Member must not be null'"),
    ("batch_get_image", {"imageIds": TAGS, "acceptedMediaTypes": []}, "'acceptedMediaTypes'"),
    ("batch_get_image", {"imageIds": [{"imageTag": "x" * 301}]}, "'imageIds.imageTag'"),
    ("batch_delete_image", {"imageIds": TAGS * 101}, "'imageIds'"),
    (
        "describe_images",
        {"maxResults": 1001},
        "'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'",
    ),
    ("describe_images", {"maxResults": 0}, "'maxResults'"),
    ("describe_images", {"imageIds": []}, "'imageIds'"),
    ("describe_images", {"filter": {"imageStatus": "GONE"}}, "'filter.imageStatus'"),
    ("list_images", {"filter": {"tagStatus": "SOME"}}, r"'filter.tagStatus'.*\[TAGGED, UNTAGGED, ANY\]"),
    ("list_images", {"maxResults": 1001}, "'maxResults'"),
    ("list_images", {"registryId": "12345"}, r"'registryId'.*\[0-9\]\{12\}"),
    ("describe_repositories", {"repositoryNames": []}, "'repositoryNames'"),
    ("describe_repositories", {"repositoryNames": ["team/app"] * 101}, "'repositoryNames'"),
    ("describe_repositories", {"maxResults": 1001}, "'maxResults'"),
    ("put_image", {"imageManifest": ""}, "'imageManifest'"),
    ("put_image", {"imageManifest": "x" * 4_194_305}, "'imageManifest'.*4194304"),
    ("create_repository", {"imageTagMutability": "NEVER"}, "'imageTagMutability'"),
    ("create_repository", {"encryptionConfiguration": {}}, "'encryptionConfiguration.encryptionType'"),
]


@pytest.mark.parametrize(("operation", "parameters", "text"), WRONG)
def test_values_out_of_their_limits(lax: ECRClient, operation: str, parameters: dict[str, Any], text: str) -> None:
    named = {} if operation == "describe_repositories" else {"repositoryName": "team/app"}
    with pytest.raises(ClientError, match=text) as error:
        getattr(lax, operation)(**named, **parameters)
    assert error.value.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("batch_get_image", {"imageIds": "a"}),
        ("batch_get_image", {"imageIds": ["a"]}),
        ("batch_get_image", {"imageIds": [{"imageTag": 7}]}),
        ("describe_images", {"maxResults": "5"}),
        ("describe_images", {"maxResults": True}),
        ("describe_images", {"filter": []}),
        ("delete_repository", {"force": "yes"}),
    ],
)
def test_values_of_a_wrong_json_type(raw_call: Any, operation: str, parameters: dict[str, Any]) -> None:
    operation = "".join(word.title() for word in operation.split("_"))
    status, answer = raw_call(operation, {"repositoryName": "team/app", **parameters})
    assert (status, answer["__type"]) == (400, "SerializationException")


def test_null_is_an_absent_member_and_unknown_members_are_let_pass(raw_call: Any) -> None:
    parameters = {"repositoryName": "team/app", "maxResults": None, "filter": None, "newInNextVersion": 7}
    assert raw_call("DescribeImages", parameters) == (200, {"imageDetails": []})
    assert raw_call("ListImages", {"repositoryName": None})[1]["__type"] == "InvalidParameterException"
