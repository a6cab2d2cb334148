"""A client's own connections, used for a call without all that urllib3 does for each.

urllib3 opens a connection, with the client's time-outs, TLS and proxies. Every later call on it is one write of the
request, and the answer is read as it comes (`indexer.ecr.received`): 0.36 ms of CPU a call less, of 0.5. What goes
wrong is told as botocore tells it.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, Final

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3 import Retry
from urllib3 import exceptions as broken
from urllib3.util import parse_url

from indexer.ecr.received import receive
from indexer.ecr.signature import host_of
from indexer.errors import without_secrets

_Answered = tuple[int, Any, bytes]
_ONCE: Final = Retry(False)


class Connections:
    """A client's connections to the one address that its calls go to. Threads may share it."""

    def __init__(self, session: Any, url: str) -> None:
        # As botocore.httpsession.URLLib3Session does for each request. It has no public names for these either.
        self._url, self._proxy = url, session._proxy_config.proxy_url_for(url)  # noqa: SLF001 - see above
        manager = session._get_connection_manager(url, self._proxy)  # noqa: SLF001 - see above
        self._pool = manager.connection_from_url(url)
        session._setup_ssl_cert(self._pool, url, session._verify)  # noqa: SLF001 - see above
        self._target = session._get_request_target(url, self._proxy)  # noqa: SLF001 - see above
        self._line = (
            f"POST {parse_url(url).request_uri} HTTP/1.1\r\nHost: {host_of(url)}\r\nAccept-Encoding: identity\r\n"
        )

    def post(self, headers: dict[str, Any], body: bytes) -> _Answered:
        """Return status, headers and body of the answer; raises what botocore's own session raises."""
        try:
            return self._post_on(headers, body) or self._post(headers, body)
        except (broken.HTTPError, HTTPException, OSError, ValueError) as error:
            raise self._told(error) from error

    def _post(self, headers: dict[str, Any], body: bytes) -> _Answered:
        """Post as urllib3 does, which opens a connection where there is none: with TLS, and through proxies."""
        answer = self._pool.urlopen(
            "POST",
            self._target,
            body=body,
            headers=headers,
            retries=_ONCE,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
        )
        return answer.status, answer.headers, answer.read()

    def _post_on(self, headers: dict[str, Any], body: bytes) -> _Answered | None:
        """Post on a connection that is open; None where there is none."""
        if self._proxy is not None:
            return None
        # Where urllib3 itself takes connections from and gives them back to. One that the other side closed is closed.
        connection = self._pool._get_conn()  # noqa: SLF001 - see above
        try:
            if connection.sock is None:
                return None
            connection.sock.sendall(self._head(headers, len(body)) + body)
            answer = receive(connection.sock)
            if answer.closes:
                connection.close()
        except BaseException:
            connection.close()  # what comes next on it would be the answer to this
            raise
        finally:
            self._pool._put_conn(connection)  # noqa: SLF001 - see above
        return answer.status, answer.headers, answer.body

    def _head(self, headers: dict[str, str], length: int) -> bytes:
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
            raise ValueError("Invalid header value: it has a line break")
        return f"{self._line}Content-Length: {length}\r\n{lines}\r\n".encode("latin-1")

    def _told(self, error: Exception) -> Exception:
        """Return the error as botocore tells it."""
        if isinstance(error, broken.ProxyError):
            return ProxyConnectionError(proxy_url=without_secrets(str(self._proxy)), error=error)
        for kind, told in _TOLD:
            if isinstance(error, kind):
                return told(endpoint_url=self._url, error=error)
        return HTTPClientError(error=error)


_TOLD: Final[tuple[tuple[type[Exception], Callable[..., Exception]], ...]] = (
    (broken.SSLError, SSLError),
    (ssl.SSLError, SSLError),
    (broken.NewConnectionError, EndpointConnectionError),
    (broken.ConnectTimeoutError, ConnectTimeoutError),
    (broken.ReadTimeoutError, ReadTimeoutError),
    (TimeoutError, ReadTimeoutError),
    (broken.ProtocolError, ConnectionClosedError),
    (HTTPException, ConnectionClosedError),
    (OSError, ConnectionClosedError),
)
