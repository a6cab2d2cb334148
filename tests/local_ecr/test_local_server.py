"""Routing, the log, keep-alive, the loopback rule, many clients at once, and how it ends."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from indexer.local_ecr import Fault, Registry, Requested, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_ecr.conftest import Connect
    from types_boto3_ecr import ECRClient

TARGET = "AmazonEC2ContainerRegistry_V20150921."
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20260112/eu-west-1/ecr/aws4_request, SignedHeaders=host"


@pytest.fixture
def wire(server: Server) -> Any:
    with closing(http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)) as connection:
        yield connection


def post(
    wire: http.client.HTTPConnection, operation: str, body: bytes = b"{}", authorization: str = AUTHORIZATION
) -> tuple[http.client.HTTPResponse, bytes]:
    headers = {"X-Amz-Target": operation, "Authorization": authorization}
    wire.request("POST", "/", body, {name: text for name, text in headers.items() if text})
    response = wire.getresponse()
    return response, response.read()


# --- the protocol


def test_answers_and_errors_have_the_protocols_headers(wire: http.client.HTTPConnection) -> None:
    response, body = post(wire, f"{TARGET}DescribeImages", b'{"repositoryName":"team/app"}')
    assert (response.status, body) == (200, b'{"imageDetails":[]}')
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    first = response.headers["x-amzn-RequestId"]
    response, body = post(wire, f"{TARGET}DescribeImages", b'{"repositoryName":"none"}')
    assert response.status == 400
    assert body.startswith(b'{"__type":"RepositoryNotFoundException","message":"The repository with name')
    assert response.headers["x-amzn-ErrorType"] == "RepositoryNotFoundException"
    assert response.headers["x-amzn-RequestId"] not in {None, first}


@pytest.mark.parametrize("target", ["", "DescribeImages", f"{TARGET}StartImageScan", "Other_V1.DescribeImages"])
def test_unknown_operations(wire: http.client.HTTPConnection, target: str) -> None:
    response, body = post(wire, target)
    assert response.status == 400
    assert b'"__type":"UnknownOperationException"' in body


def test_boto3_sees_an_unknown_operation_as_an_error(ecr: ECRClient) -> None:
    with pytest.raises(ClientError) as error:
        ecr.get_authorization_token()
    assert error.value.response["Error"]["Code"] == "UnknownOperationException"


@pytest.mark.parametrize("authorization", ["", "Basic eDp5", "AWS4-HMAC-SHA256 Credential=short/eu-west-1"])
def test_a_request_without_a_signature(wire: http.client.HTTPConnection, authorization: str) -> None:
    response, body = post(wire, f"{TARGET}DescribeRepositories", authorization=authorization)
    assert response.status == 400
    assert b'"__type":"MissingAuthenticationTokenException"' in body


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"'])
def test_a_body_that_is_no_json_object(wire: http.client.HTTPConnection, body: bytes) -> None:
    response, answer = post(wire, f"{TARGET}DescribeRepositories", body)
    assert response.status == 400
    assert b'"__type":"SerializationException"' in answer


# --- which registry


@pytest.fixture
def several(connect: Connect) -> Any:
    """Serves two accounts in one region, and the first of them in another region too."""
    registries = [
        Registry("111111111111", "eu-west-1", access_key="AKIDONE"),
        Registry("222222222222", "eu-west-1", access_key="AKIDTWO"),
        Registry("111111111111", "us-east-1"),
    ]
    for registry in registries:
        registry.create_repository(f"in/{registry.registry_id[0]}-{registry.region}")
    with Server(registries) as server:
        yield server
        assert server.problems == []


@pytest.mark.parametrize(
    ("access_key", "region", "registry_id", "expected"),
    [
        ("AKIDONE", "eu-west-1", None, "in/1-eu-west-1"),
        ("AKIDTWO", "eu-west-1", None, "in/2-eu-west-1"),
        ("AKIDANY", "eu-west-1", None, "in/1-eu-west-1"),
        ("AKIDTWO", "us-east-1", None, "in/1-us-east-1"),
        ("AKIDONE", "eu-west-1", "222222222222", "in/2-eu-west-1"),
        ("AKIDTWO", "us-east-1", "111111111111", "in/1-us-east-1"),
    ],
)
def test_region_account_and_key_choose_the_registry(  # noqa: PLR0913, PLR0917 - a table of parameters
    several: Server, connect: Connect, access_key: str, region: str, registry_id: str | None, expected: str
) -> None:
    client = connect(several.url, region=region, access_key=access_key)
    asked: Any = {"registryId": registry_id} if registry_id else {}
    (row,) = client.describe_repositories(**asked)["repositories"]
    assert row["repositoryName"] == expected
    assert several.requested == [Requested("DescribeRepositories", row["registryId"], region, None, ())]


def test_an_account_that_is_not_served(several: Server, connect: Connect) -> None:
    client = connect(several.url)
    with pytest.raises(client.exceptions.RepositoryNotFoundException, match="registry with id '999999999999'"):
        client.list_images(registryId="999999999999", repositoryName="in/1-eu-west-1")
    with pytest.raises(ClientError, match="serves 111111111111 in eu-west-1, 222222222222 in eu-west-1") as error:
        client.describe_repositories(registryId="999999999999")
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


def test_a_region_that_is_not_served(several: Server, connect: Connect) -> None:
    client = connect(several.url, region="sa-east-1")
    with pytest.raises(client.exceptions.RepositoryNotFoundException):
        client.list_images(repositoryName="in/1-eu-west-1")
    for call in (client.describe_repositories, lambda: client.create_repository(repositoryName="x/y")):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            call()


# --- the log


def test_calls_are_counted_and_kept(server: Server, ecr: ECRClient) -> None:
    digest = f"sha256:{'b' * 64}"
    ids: list[Any] = [{"imageDigest": digest}, {"imageTag": "v1"}, {"imageTag": "v2", "imageDigest": digest}]
    ecr.describe_repositories()
    ecr.batch_get_image(repositoryName="team/app", imageIds=ids)
    assert server.calls == Counter(DescribeRepositories=1, BatchGetImage=1)
    assert server.requested == [
        Requested("DescribeRepositories", "123456789012", "eu-west-1", None, ()),
        Requested("BatchGetImage", "123456789012", "eu-west-1", "team/app", (digest, "v1", digest)),
    ]


# --- connections


def test_one_connection_serves_many_requests(wire: http.client.HTTPConnection) -> None:
    post(wire, f"{TARGET}DescribeRepositories")
    first = wire.sock
    for operation in ("DescribeRepositories", "Unknown", "DescribeRepositories"):
        post(wire, f"{TARGET}{operation}")
    assert wire.sock is first is not None


def test_boto3_keeps_its_connection(server: Server, ecr: ECRClient) -> None:
    assert server._http is not None
    seen = set()
    for _ in range(5):
        ecr.describe_repositories()
        (connection,) = server._http._connections
        seen.add((connection.getpeername(), connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)))
    assert [no_delay for _, no_delay in seen] == [1]


def test_connections_that_break_off_leave_the_server_quiet_and_well(
    server: Server, ecr: ECRClient, capfd: pytest.CaptureFixture[str]
) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    for start in (
        b"",
        b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        with socket.create_connection((host, int(port))) as half:
            half.sendall(start)
    assert ecr.describe_repositories()["repositories"]
    server.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "", "192.168.1.5", "::", "example.org", "10.0.0.1"])  # noqa: S104 - refused
def test_only_the_loopback_is_served(registry: Registry, host: str) -> None:
    with pytest.raises(ValueError, match=r"checks no signatures and serves 127\.0\.0\.0/8 only"):
        Server([registry], host=host)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_loopback_has_more_than_one_name(registry: Registry, connect: Connect, host: str) -> None:
    with Server([registry], host=host) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert connect(server.url).describe_repositories()["repositories"]


def test_a_port_can_be_chosen_and_taken_again(registry: Registry) -> None:
    with Server([registry]) as server:
        port = int(server.url.rsplit(":", 1)[1])
    for _ in range(2):
        with Server([registry], port=port) as server:
            assert server.url == f"http://127.0.0.1:{port}"


def test_a_server_that_does_not_run_has_no_url(registry: Registry) -> None:
    with pytest.raises(RuntimeError, match="not running"):
        _ = Server([registry]).url
    with pytest.raises(ValueError, match="at least one Registry"):
        Server([])


def test_closing_ends_idle_connections_and_waiting_answers(registry: Registry, connect: Connect) -> None:
    """Nothing waits for the hour that the fault would last."""
    with Server([registry]) as server:
        host, port = server.url.removeprefix("http://").split(":")
        server.faults.add(Fault("hang", seconds=3600))
        client = connect(server.url)
        with socket.create_connection((host, int(port)), timeout=20) as idle, ThreadPoolExecutor() as pool:
            waiting = pool.submit(client.describe_repositories)
            while not server.calls:
                time.sleep(0.01)
            server.close()
            assert idle.recv(1) == b""
            waiting.exception(timeout=20)
        assert server.calls["DescribeRepositories"] == 1
    server.close()


def test_latency_holds_back_answers(server: Server, connect: Connect) -> None:
    server.latency = 3600
    with pytest.raises(ReadTimeoutError):
        connect(server.url, read_timeout=0.2).describe_repositories()
    server.latency = 0
    assert connect(server.url).describe_repositories()["repositories"]


# --- many at once


def test_many_clients_read_and_write_at_once(
    registry: Registry, server: Server, connect: Connect, document: Callable[..., str]
) -> None:
    client = connect(server.url, max_pool_connections=16)
    digests = [registry.put_image("team/app", document(number)) for number in range(100)]
    ids: list[Any] = [{"imageDigest": digest} for digest in digests]

    def work(number: int) -> int:
        client.put_image(repositoryName="team/app", imageManifest=document(1000 + number), imageTag=f"t{number}")
        images = client.batch_get_image(repositoryName="team/app", imageIds=ids)["images"]
        pages = client.get_paginator("list_images").paginate(
            repositoryName="team/app", PaginationConfig={"PageSize": 7}
        )
        listed = sum(len(page["imageIds"]) for page in pages)
        client.batch_delete_image(repositoryName="team/app", imageIds=[{"imageTag": f"t{number}"}])
        return len(images) if listed > len(digests) else -listed

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(work, range(48))) == {100}
    assert list(registry.repositories["team/app"].images) == digests
    assert server.calls["BatchGetImage"] == server.calls["PutImage"] == 48
    assert len(server.requested) == server.calls.total()


def test_the_registry_may_change_while_it_is_served(
    registry: Registry, server: Server, ecr: ECRClient, document: Callable[..., str]
) -> None:
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            digest = registry.put_image("team/app", document(number % 50), tags=[f"t{number % 7}"])
            registry.delete_image("team/app", digest)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(50):
            ecr.describe_images(repositoryName="team/app")
            ecr.list_images(repositoryName="team/app", maxResults=1)
    finally:
        stop.set()
        thread.join()
    assert ecr.list_images(repositoryName="team/app")["imageIds"] == []


def test_a_bug_in_the_server_is_answered_and_kept(registry: Registry, connect: Connect) -> None:
    def broken() -> Any:
        raise ZeroDivisionError

    with Server([registry]) as server:
        registry.clock = broken
        client = connect(server.url)
        with pytest.raises(ClientError, match="InternalFailure") as error:
            client.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "x"}])
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
        assert server.problems == [f"{TARGET}BatchGetImage: ZeroDivisionError()"]
        assert client.describe_repositories()["repositories"]
