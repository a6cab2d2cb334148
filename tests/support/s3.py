"""An S3 service for tests: moto's, behind a hook that can fail, lose or count requests, or let time pass.

moto checks a condition and then writes, in two steps; S3 does both in one. So requests are answered one at a time.
"""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

REGION = "eu-west-1"


class Request(NamedTuple):
    """A request as it arrived: the operation's name, and the key under the bucket."""

    operation: str
    key: str


class Answer(NamedTuple):
    """An answer in place of the service's; `apply`: the service did what was asked all the same.

    Without a status the connection is cut.
    """

    status: int | None
    code: str = ""
    apply: bool = False
    body: bytes | None = None


Hook = Callable[[Request], Answer | None]


class _Handler(MotoRequestHandler):
    """Says nothing: `requests` has them, and Date is there once, as it is in S3's answers."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None: ...


class S3Server:
    """moto's S3 on a port of the loopback. `requests` are all that came; `hook` is asked about each of them."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.hook: Hook | None = None
        self.ignores_conditions: frozenset[str] = frozenset()
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._one_at_a_time = threading.Lock()
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def calm(self) -> None:
        """Forget hooks and requests."""
        self.requests, self.hook, self.ignores_conditions = [], None, frozenset()

    def changes(self) -> list[Request]:
        """The requests that change something, but for signs of life."""
        return [each for each in self.requests if changes(each)]

    def _answer(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        request = _request(environ)
        self.requests.append(request)
        # The hook may ask the service itself: while it thinks, the request is still on its way.
        answer = self.hook(request) if self.hook is not None else None
        for header in self.ignores_conditions:
            environ.pop(f"HTTP_{header.upper().replace('-', '_')}", None)
        with self._one_at_a_time:
            if answer is None or answer.apply:
                kept: list[Any] = []
                content = b"".join(self._moto(environ, lambda *given: kept.append(given)))
        if answer is None:
            status, headers = kept[0][:2]
            start(status, [each for each in headers if each[0].lower() != "date"])
            return [content]
        if answer.status is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return []
        text = answer.body
        if text is None:
            text = f"<Error><Code>{answer.code}</Code><Message>made up</Message></Error>".encode()
        start(f"{answer.status} made up", [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
        return [text]


def changes(request: Request) -> bool:
    return request.operation not in {"GetObject", "HeadObject", "ListObjects", "ListUploads"}


def _request(environ: WSGIEnvironment) -> Request:
    method, query = environ["REQUEST_METHOD"], parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    _, _, key = environ["PATH_INFO"].lstrip("/").partition("/")
    if "uploads" in query:
        return Request("ListUploads" if method == "GET" else "CreateUpload", key)
    if "uploadId" in query:
        return Request({"PUT": "UploadPart", "POST": "CompleteUpload", "DELETE": "AbortUpload"}[method], key)
    if not key:
        return Request({"GET": "ListObjects", "PUT": "CreateBucket"}[method], "")
    return Request(f"{str(method).title()}Object", key)


class Place(NamedTuple):
    """A place where a test keeps a store, of either kind."""

    location: str
    server: S3Server | None
    bucket: str = ""
    prefix: str = ""

    def everything(self) -> set[str]:
        """Every file there, as keys; what only bars a name is none."""
        if self.server is None:
            return {
                os.path.relpath(Path(top) / name, self.location)
                for top, _, names in os.walk(self.location)
                for name in names
            }
        return {key.removeprefix(f"{self.prefix}/") for key, size in self._objects() if size}

    def barred(self) -> set[str]:
        """The keys of objects without content."""
        return {key.removeprefix(f"{self.prefix}/") for key, size in self._objects() if not size}

    def read(self, key: str) -> bytes:
        if self.server is None:
            return Path(self.location, key).read_bytes()
        found: bytes = self.client().get_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")["Body"].read()
        return found

    def write(self, key: str, body: bytes) -> None:
        """Put something there that is not of our making."""
        if self.server is None:
            path = Path(self.location, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        else:
            self.client().put_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}", Body=body)

    def remove(self, key: str) -> None:
        if self.server is None:
            Path(self.location, key).unlink()
        else:
            self.client().delete_object(Bucket=self.bucket, Key=f"{self.prefix}/{key}")

    def older(self, key: str, seconds: float) -> None:
        """Have an object been written that much earlier."""
        found = s3_backends["123456789012"]["aws"].get_object(self.bucket, f"{self.prefix}/{key}")
        assert found is not None
        found.last_modified -= timedelta(seconds=seconds)

    def holder(self) -> dict[str, Any]:
        """What the lock says."""
        found: dict[str, Any] = json.loads(self.read("lock"))
        return found

    def client(self) -> Any:
        """A client of the test's own."""
        assert self.server is not None
        return boto3.client("s3", endpoint_url=self.server.url, region_name=REGION)

    def _objects(self) -> Iterator[tuple[str, int]]:
        for page in (
            self.client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.prefix}/")
        ):
            yield from ((each["Key"], each["Size"]) for each in page.get("Contents", ()))


@contextmanager
def new_bucket(server: S3Server, name: str) -> Iterator[Place]:
    """An empty bucket, with a prefix for a store in it."""
    server.calm()
    place = Place(f"s3://{name}/team/store", server, name, "team/store")
    place.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    server.calm()
    yield place
    server.calm()


def use(server: S3Server, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Have boto3 find the server, and copies be kept in a home of the test's own."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("HOME", str(home))
