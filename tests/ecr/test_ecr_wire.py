"""What our way of sending puts on the wire, beside what a client's own methods put there: the same questions."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    ProxyConnectionError,
)
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


def _closes(taken: socket.socket) -> None:
    taken.recv(1)


def _hangs(taken: socket.socket) -> None:
    taken.recv(65_536)
    time.sleep(1.5)


def _speaks_no_http(taken: socket.socket) -> None:
    taken.recv(65_536)
    taken.sendall(b"220 smtp.example ESMTP\r\n")


def _hangs_in_the_body(taken: socket.socket) -> None:
    taken.recv(65_536)
    taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    time.sleep(1.5)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does the same to each connection, until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    taken, _ = listener.accept()
                    with taken, suppress(OSError):
                        serve(taken)

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("serve", [_closes, _hangs, _speaks_no_http, _hangs_in_the_body])
def test_no_answer_is_told_as_the_client_tells_it(serve: Callable[[socket.socket], None]) -> None:
    with listening(serve) as url:
        client: Any = connect(Target("eu-west-1", endpoint_url=url), connections=1, read_timeout=0.5)
        told = []
        for method in (Wire(client).send, lambda _, asked: client.describe_images(**asked)):
            with pytest.raises(BotoCoreError) as caught:
                method("DescribeImages", ASKED["DescribeImages"])
            told.append(caught.value)
    ours, theirs = told
    assert type(ours) is type(theirs)
    assert url in str(ours)


def test_an_answer_that_ends_early_is_none() -> None:
    def half(taken: socket.socket) -> None:
        taken.recv(65_536)
        taken.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"imageDetails":[]}')

    with listening(half) as url, pytest.raises(ConnectionClosedError):
        Wire(connect(Target("eu-west-1", endpoint_url=url), connections=1)).send("DescribeImages", {})


def test_a_proxy_that_is_not_there_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden@127.0.0.1:9")
    client: Any = connect(Target("eu-west-1"), connections=1)
    for method in (Wire(client).send, lambda _, asked: client.describe_images(**asked)):
        with pytest.raises(ProxyConnectionError) as caught:
            method("DescribeImages", ASKED["DescribeImages"])
        assert "hidden" not in str(caught.value)


def test_questions_go_through_the_proxy(server: OneAnswer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    client: Any = connect(Target("eu-west-1", endpoint_url="http://ecr.example:1234"), connections=1)
    Wire(client).send("DescribeImages", ASKED["DescribeImages"])
    assert server.questions[-1].headers["host"] == "ecr.example:1234"


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
