"""The HTTP server: finds the registry that a request is for, plays the faults, and carries the answer.

Loopback only, since it checks no signatures. Keep-alive, no Nagle delay, a thread a connection.
"""

from __future__ import annotations

import re
import socket
import struct
import sys
import threading
import uuid
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson

from indexer.local_ecr import changes, faults, shapes, sts
from indexer.local_ecr.faults import Call, Faults, Shot
from indexer.local_ecr.operations import Batch
from indexer.local_ecr.protocol import (
    CONTENT_TYPE,
    TARGET_PREFIX,
    ApiError,
    access_denied,
    repository_arn,
    repository_not_found,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from indexer.local_ecr.registry import Registry

# Signature Version 4: Credential=<access key>/<date>/<region>/<service>/aws4_request
_CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_HTML = b"<html><body><h1>Service Unavailable</h1></body></html>"


class Requested(NamedTuple):
    """A request as the server's log keeps it; an image id is its digest, or else its tag."""

    operation: str
    registry_id: str
    region: str
    repository: str | None
    image_ids: tuple[str, ...]


@dataclass(frozen=True)
class Response:
    """What goes back: `manner` is whole, cut (only half of the body is sent) or reset (nothing is)."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = CONTENT_TYPE
    error: str | None = None
    manner: str = "whole"

    @classmethod
    def of(cls, error: ApiError) -> Response:
        return cls(error.status, error.body(), error=error.code)


class Server:
    """Serves registries at `url` while it is entered; `calls` and `requested` say what was asked of it.

    `latency` (seconds) holds back each answer. `problems` holds what went wrong inside the server itself, and stays
    empty unless there is a bug in it. ValueError for a `host` that is not on the loopback interface.
    """

    def __init__(self, registries: Sequence[Registry], port: int = 0, host: str = "127.0.0.1") -> None:
        if not registries:
            raise ValueError("a server needs at least one Registry")
        self._address = (_loopback(host), port)
        self.registries = list(registries)
        self.faults = Faults()
        self.calls: Counter[str] = Counter()
        self.requested: list[Requested] = []
        self.problems: list[str] = []
        self.latency = 0.0
        self._log_lock = threading.Lock()
        self._stopping = threading.Event()
        self._http: _HttpServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The address to give as endpoint_url; RuntimeError while the server is not running."""
        if self._http is None:
            raise RuntimeError("the server is not running: use it in a with statement, or call start()")
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Bind and begin to serve, in a thread of its own."""
        self._stopping.clear()
        self._http = _HttpServer(self._address, self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), name="local-ecr", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving, wake what hangs and drop every connection."""
        self._stopping.set()
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._http.drop_connections()
            self._http.server_close()
        self._http = self._thread = None

    def respond(self, target: str, authorization: str, body: bytes) -> Response:
        """The answer to one request, given its X-Amz-Target and Authorization headers and its body."""
        if not target and sts.is_form(body):
            return self._identity(authorization, body)
        try:
            call = self._call(target, authorization, body)
            shot = self.faults.pick(call)
            self._wait(self.latency)
            return self._plain(call) if shot is None else self._with_fault(call, shot)
        except ApiError as error:
            return Response.of(error)
        except Exception as problem:  # noqa: BLE001 - a bug in here must not take the connection down unseen
            self.problems.append(f"{target}: {problem!r}")
            return Response.of(ApiError("InternalFailure", f"bug in the local registry: {problem!r}", status=500))

    def _identity(self, authorization: str, body: bytes) -> Response:
        """What STS says; unsigned callers are refused by boto3 before they ask."""
        credential = _CREDENTIAL.match(authorization)
        registry = self._registry(credential[1], credential[2], {}) if credential else None
        answer = sts.respond(body, (registry or self.registries[0]).caller)
        return Response(answer.status, answer.body, sts.CONTENT_TYPE)

    def _call(self, target: str, authorization: str, body: bytes) -> Call:
        operation = target.removeprefix(TARGET_PREFIX)
        if not target.startswith(TARGET_PREFIX) or operation not in changes.OPERATIONS:
            raise ApiError("UnknownOperationException", f"the local registry has no operation {target!r}")
        credential = _CREDENTIAL.match(authorization)
        if credential is None:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token")
        parameters = _object(body)
        access_key, region, _ = credential.groups()
        registry = self._registry(access_key, region, parameters)
        asked = str(parameters.get("registryId") or (registry.registry_id if registry else ""))
        self._log(operation, asked, region, parameters)
        shapes.check(operation, parameters)
        if registry is None:
            raise self._not_served(operation, asked, region, parameters)
        return Call(operation, registry, parameters)

    def _registry(self, access_key: str, region: str, parameters: dict[str, Any]) -> Registry | None:
        """The registry that registryId names; else that of the access key; else the first of the region."""
        there = [registry for registry in self.registries if registry.region == region]
        asked = parameters.get("registryId")
        if asked is not None:
            return next((registry for registry in there if registry.registry_id == asked), None)
        own = [registry for registry in there if registry.access_key == access_key]
        return next(iter(own or there), None)

    def _not_served(self, operation: str, registry_id: str, region: str, parameters: dict[str, Any]) -> ApiError:
        """What ECR says of a repository in a registry that is not one's own: not found, or no access."""
        name = parameters.get("repositoryName")
        if name is not None and operation != "CreateRepository":
            return repository_not_found(str(name), registry_id or f"(none in {region})")
        served = ", ".join(f"{registry.registry_id} in {registry.region}" for registry in self.registries)
        return access_denied(operation, repository_arn(region, registry_id, "*"), f"(this server serves {served})")

    def _log(self, operation: str, registry_id: str, region: str, parameters: dict[str, Any]) -> None:
        ids = parameters.get("imageIds")
        items = [item for item in ids if isinstance(item, dict)] if isinstance(ids, list) else []
        image_ids = tuple(item.get("imageDigest") or item.get("imageTag") or "" for item in items)
        name = parameters.get("repositoryName")
        with self._log_lock:
            self.calls[operation] += 1
            self.requested.append(Requested(operation, registry_id, region, name, image_ids))

    def _wait(self, seconds: float) -> None:
        if seconds:
            self._stopping.wait(seconds)

    def _plain(self, call: Call) -> Response:
        return Response(body=_rendered(changes.run(call.registry, call.operation, call.parameters)))

    def _with_fault(self, call: Call, shot: Shot) -> Response:
        kind, status = shot.fault.kind, shot.fault.status or HTTPStatus.OK
        if kind == "reset":
            return Response(manner="reset")
        if kind in {"unavailable", "html", "empty"}:
            default = HTTPStatus.SERVICE_UNAVAILABLE if kind == "unavailable" else HTTPStatus.OK
            return Response(shot.fault.status or default, b"" if kind == "empty" else _HTML, "text/html")
        if kind == "hang":
            self._wait(shot.fault.seconds)
        faults.before(shot, call)
        answer = changes.run(call.registry, call.operation, call.parameters)
        if isinstance(answer, Batch):
            faults.distort(shot, answer)
        body = _rendered(answer)
        if kind == "truncate":
            body = body[: len(body) // 2]
        return Response(status, body, manner="cut" if kind == "cut" else "whole")


def _loopback(host: str) -> str:
    address = "127.0.0.1" if host == "localhost" else host
    try:
        is_loopback = IPv4Address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ValueError(f"host is {host!r}, but the local registry checks no signatures and serves 127.0.0.0/8 only")
    return address


def _object(body: bytes) -> dict[str, Any]:
    try:
        parameters = orjson.loads(body)
    except orjson.JSONDecodeError:
        parameters = None
    if not isinstance(parameters, dict):
        raise ApiError("SerializationException", "The body of the request is no JSON object")
    return parameters


def _rendered(answer: dict[str, Any] | Batch) -> bytes:
    return answer.render() if isinstance(answer, Batch) else orjson.dumps(answer)


class _HttpServer(ThreadingHTTPServer):
    """Keeps its connections in sight, so that closing the server ends idle keep-alive connections too."""

    daemon_threads = True
    # A client with dozens of threads opens all its connections at once.
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        super().__init__(address, _Handler)
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()

    def server_bind(self) -> None:
        # HTTPServer would look the host's name up, which can take seconds where DNS is slow.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        with self._connections_lock:
            for connection in self._connections:
                _end(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's signature
        """Say nothing of connections that the client broke, and keep the rest in `Server.problems`."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            self.owner.problems.append(f"{client_address}: {problem!r}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = self.headers.get("X-Amz-Target") or ""
        self._send(self.server.owner.respond(target, self.headers.get("Authorization") or "", body))

    def _send(self, response: Response) -> None:
        if response.manner == "reset":
            return self._reset()
        # One write for headers and body: half the system calls, and no pause between two packets.
        data = self._head(response) + response.body
        if response.manner == "cut":
            data = data[: -(len(response.body) // 2)]
            self.close_connection = True
        self.wfile.write(data)
        return None

    def _head(self, response: Response) -> bytes:
        status = HTTPStatus(response.status)
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            f"x-amzn-RequestId: {uuid.uuid4()}",
            f"Content-Type: {response.content_type}",
            f"Content-Length: {len(response.body)}",
        ]
        if response.error is not None:
            lines.append(f"x-amzn-ErrorType: {response.error}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")

    def _reset(self) -> None:
        # With no linger time close() sends RST at once; both handles on the socket have to go for that.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.rfile.close()
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Keep standard error free: `Server.requested` is the log."""


def _end(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        # The other side was faster.
        return
