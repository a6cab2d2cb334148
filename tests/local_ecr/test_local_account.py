"""The account's settings, the roles that are left out of pull times, and STS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError

from indexer.local_ecr import Registry

if TYPE_CHECKING:
    from local_ecr.conftest import Clock, Connect

    from indexer.local_ecr import Server

ROLE = "arn:aws:iam::123456789012:role/indexer"
SESSION = "arn:aws:sts::123456789012:assumed-role/indexer/nightly"


def test_settings(server: Server, registry: Registry, connect: Connect) -> None:
    client = connect(server.url)
    asked = client.get_account_setting(name="BLOB_MOUNTING")
    assert (asked["name"], asked["value"]) == ("BLOB_MOUNTING", "DISABLED")
    registry.settings["BLOB_MOUNTING"] = "ENABLED"
    assert client.get_account_setting(name="BLOB_MOUNTING")["value"] == "ENABLED"
    with pytest.raises(ClientError) as caught:
        client.get_account_setting(name="NO_SUCH_THING")
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_exclusions_come_in_pages(server: Server, registry: Registry, connect: Connect) -> None:
    client = connect(server.url)
    assert client.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == []
    arns = {f"{ROLE}-{number}" for number in range(5)}
    registry.pull_time_exclusions |= arns
    found: list[str] = []
    answer = client.list_pull_time_update_exclusions(maxResults=2)
    found += answer["pullTimeUpdateExclusions"]
    while "nextToken" in answer:
        answer = client.list_pull_time_update_exclusions(maxResults=2, nextToken=answer["nextToken"])
        found += answer["pullTimeUpdateExclusions"]
    assert found == sorted(arns)


def test_a_role_that_is_left_out_leaves_pull_times_alone(
    server: Server, registry: Registry, connect: Connect, clock: Clock
) -> None:
    digest = registry.put_image("team/app", b'{"schemaVersion":2}')
    registry.caller = SESSION
    client = connect(server.url)
    for excluded, pulled_at in ((ROLE, None), (f"{ROLE}-other", clock.now)):
        registry.pull_time_exclusions = {excluded}
        client.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": digest}])
        assert registry.image("team/app", digest).pulled_at == pulled_at


def test_sts_says_who_one_is_and_gives_no_roles(server: Server, registry: Registry) -> None:
    registry.caller = SESSION
    client = boto3.client("sts", region_name="eu-west-1", endpoint_url=server.url)
    answer = client.get_caller_identity()
    assert (answer["Account"], answer["Arn"]) == ("123456789012", SESSION)
    with pytest.raises(ClientError, match=f"not authorized to perform: sts:AssumeRole on resource: {ROLE}"):
        client.assume_role(RoleArn=ROLE, RoleSessionName="nightly")
    with pytest.raises(ClientError, match="InvalidAction"):
        client.get_session_token()
    client.close()


def test_sts_answers_for_the_account_of_the_access_key(server: Server) -> None:
    server.registries.append(Registry("210987654321", access_key="AKIDOTHER"))
    client = boto3.client(
        "sts",
        region_name="eu-west-1",
        endpoint_url=server.url,
        aws_access_key_id="AKIDOTHER",
        aws_secret_access_key="x",
    )
    assert client.get_caller_identity()["Account"] == "210987654321"
    client.close()
