"""A registry, a server for it, and boto3 clients that ask it, all of one test."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any, Protocol

import boto3
import pytest
from botocore.config import Config

from indexer.local_ecr import Registry, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from types_boto3_ecr import ECRClient

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass
class Clock:
    now: datetime = datetime(2026, 1, 12, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Connect(Protocol):
    def __call__(self, url: str, *, region: str = ..., access_key: str = ..., **config: Any) -> ECRClient: ...


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock) -> Registry:
    """Holds one empty repository, team/app."""
    registry = Registry(clock=clock)
    registry.create_repository("team/app")
    return registry


@pytest.fixture
def server(registry: Registry) -> Iterator[Server]:
    with Server([registry]) as server:
        yield server
        assert server.problems == []


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes boto3 clients that never retry, and closes them."""
    with ExitStack() as stack:

        def connect(url: str, *, region: str = "eu-west-1", access_key: str = "AKIDLOCAL", **config: Any) -> ECRClient:
            retries: Any = {"mode": "standard", "total_max_attempts": 1}
            settings = Config(**{"retries": retries, "read_timeout": 20, **config})
            client = boto3.client(
                "ecr",
                region_name=region,
                endpoint_url=url,
                aws_access_key_id=access_key,
                aws_secret_access_key="secret",
                config=settings,
            )
            return stack.enter_context(closing(client))

        yield connect


@pytest.fixture
def ecr(server: Server, connect: Connect) -> ECRClient:
    return connect(server.url)


@pytest.fixture
def lax(server: Server, connect: Connect) -> ECRClient:
    """Sends what botocore's own checks would refuse."""
    return connect(server.url, parameter_validation=False)


@pytest.fixture
def document() -> Callable[..., str]:
    """Makes OCI manifests: `document(n)` is another one for each n; keywords replace or add members."""

    def document(number: int = 0, **members: Any) -> str:
        layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": _digest(number), "size": 1000}]
        config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _digest(10**6), "size": 234}
        base = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
        return json.dumps({name: value for name, value in {**base, **members}.items() if value is not None})

    return document


def _digest(number: int) -> str:
    return f"sha256:{number:064x}"


AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=AKIDLOCAL/20260112/eu-west-1/ecr/aws4_request, SignedHeaders=host"


@pytest.fixture
def raw_call(server: Server) -> Callable[..., tuple[int, Any]]:
    """Sends a body that boto3 would not make, and gives the HTTP status and the parsed answer."""

    def raw_call(operation: str, body: Any) -> tuple[int, Any]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{operation}", "Authorization": AUTHORIZATION}
        with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=20)) as connection:
            connection.request("POST", "/", content, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())

    return raw_call
