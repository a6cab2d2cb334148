"""What our way of sending puts on the wire, beside what a client's own methods put there: the same questions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from support.one_answer import OneAnswer, Question, one_answer

from indexer.ecr import Target, connect
from indexer.ecr.wire import Wire

DIGEST = "sha256:" + "7" * 64
ASKED: dict[str, dict[str, Any]] = {
    "BatchGetImage": {
        "registryId": "123456789012",
        "repositoryName": "team/é",
        "imageIds": [{"imageDigest": DIGEST}],
        "acceptedMediaTypes": ["a/b"],
    },
    "DescribeImages": {"repositoryName": "team/app", "maxResults": 1000, "filter": {"imageStatus": "ANY"}},
}
METHODS = {"BatchGetImage": "batch_get_image", "DescribeImages": "describe_images"}
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\S+)/\d{8}/eu-west-1/ecr/aws4_request, SignedHeaders=(\S+), Signature=[0-9a-f]{64}"
)


@pytest.fixture
def server() -> Iterator[OneAnswer]:
    with one_answer() as server:
        yield server


def ask(server: OneAnswer, operation: str, asked: dict[str, Any]) -> tuple[Question, Question]:
    """The question as our way of sending puts it, and as the client does."""
    client: Any = connect(Target("eu-west-1", endpoint_url=server.url), connections=1)
    Wire(client).send(operation, asked)
    getattr(client, METHODS[operation])(**asked)
    ours, theirs = server.questions[-2:]
    return ours, theirs


@pytest.mark.parametrize("operation", ASKED)
def test_the_question_is_that_of_the_client(server: OneAnswer, operation: str) -> None:
    ours, theirs = ask(server, operation, ASKED[operation])
    assert json.loads(ours.body) == json.loads(theirs.body) == ASKED[operation]
    for name in ("x-amz-target", "content-type", "host"):
        assert ours.headers[name] == theirs.headers[name]
    assert "manifest-indexer/" in ours.headers["user-agent"]


def test_it_is_signed_as_the_client_signs(server: OneAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "made-up-token")
    ours, theirs = ask(server, "DescribeImages", ASKED["DescribeImages"])
    signed = [AUTHORIZATION.fullmatch(each.headers["authorization"]) for each in (ours, theirs)]
    assert signed[0] is not None
    assert signed[1] is not None
    assert signed[0].groups() == signed[1].groups()
    assert "x-amz-security-token" in signed[0].group(2)
    assert ours.headers["x-amz-security-token"] == "made-up-token"


def test_the_signature_is_over_the_body(server: OneAnswer) -> None:
    bodies = [ASKED["DescribeImages"] | {"maxResults": number} for number in (1, 2)]
    signatures = {ask(server, "DescribeImages", each)[0].headers["authorization"] for each in bodies}
    assert len(signatures) == 2


def test_an_error_is_that_of_the_client(server: OneAnswer) -> None:
    server.status = 400
    server.body = b'{"__type":"com.amazon#RepositoryNotFoundException","message":"no such repository"}'
    client: Any = connect(Target("eu-west-1", endpoint_url=server.url), connections=1)
    asked = ASKED["DescribeImages"]
    told = []
    for method in (lambda: Wire(client).send("DescribeImages", asked), lambda: client.describe_images(**asked)):
        with pytest.raises(ClientError) as caught:
            method()
        told.append((caught.value.response["Error"], caught.value.operation_name))
    assert told[0] == told[1]
    assert told[0][0]["Code"] == "RepositoryNotFoundException"


def test_nobody_there_is_told_as_the_client_tells_it() -> None:
    client = connect(Target("eu-west-1", endpoint_url="http://127.0.0.1:9"), connections=1)
    with pytest.raises(EndpointConnectionError):
        Wire(client).send("DescribeImages", ASKED["DescribeImages"])


@pytest.mark.parametrize("region", ["eu-west-1", "us-gov-west-1", "cn-north-1"])
@pytest.mark.parametrize("dual", ["false", "true"])
@pytest.mark.parametrize("fips", ["false", "true"])
def test_it_goes_where_the_clients_own_calls_go(
    monkeypatch: pytest.MonkeyPatch, region: str, dual: str, fips: str
) -> None:
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", fips)
    monkeypatch.setenv("AWS_USE_DUALSTACK_ENDPOINT", dual)
    client: Any = connect(Target(region), connections=1)
    asked: list[str] = []

    def stop(request: Any, **_: Any) -> None:
        asked.append(request.url)
        raise _Seen

    client.meta.events.register("before-send.ecr", stop)
    with suppress(_Seen):
        client.describe_images(repositoryName="team/app")
    assert asked == [Wire(client)._url]


class _Seen(Exception):  # noqa: N818 - no error: nothing is to leave this machine
    """The request has been seen."""
