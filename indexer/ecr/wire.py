"""The two calls that make up a run, sent without the steps of botocore that are for every service and every shape.

What stays botocore's: credentials and their renewal, the endpoint, TLS, proxies, the pool of connections, and what an
answer or an error means (`indexer.ecr.parsing`). What is ours is the body, which is JSON as it stands, the headers that
the protocol wants, their signature (`indexer.ecr.signature`), and that the pool is asked without what botocore puts
around it for answers that are streamed. A call of 100 manifests takes 1.0 ms of CPU less (of 2.3, of which 0.9 go into
receiving and parsing in any case), 0.12 of it for the pool and 0.2 for the signature.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import orjson
from botocore.exceptions import (
    ClientError,
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

from indexer.ecr.parsing import AnswerParser
from indexer.ecr.signature import Signer
from indexer.errors import without_secrets

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

OPERATIONS: Final = frozenset({"BatchGetImage", "DescribeImages"})
_AN_ERROR: Final = 300
_ONCE: Final = Retry(False)


class Wire:
    """Sends an operation of `OPERATIONS` as a client would. Threads may share it."""

    def __init__(self, client: ECRClient) -> None:
        self._client = client  # what signs has only a weak reference to it
        meta: Any = client.meta
        model = meta.service_model
        self._url = _url(client)
        # botocore has no public names for these; our own would have other TLS settings, proxies and credentials.
        self._way = _Pool(client._endpoint.http_session, self._url)  # type: ignore[attr-defined] # noqa: SLF001 - see above
        self._signer = Signer(client._request_signer, self._url)  # type: ignore[attr-defined] # noqa: SLF001 - see above
        self._shapes = {name: model.operation_model(name).output_shape for name in OPERATIONS}
        self._prefix = model.metadata["targetPrefix"]
        self._headers = {
            "Content-Type": f"application/x-amz-json-{model.metadata['jsonVersion']}",
            "User-Agent": meta.config.user_agent,
        }
        self._parser = AnswerParser()

    def send(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer; raises what a method of the client raises: ClientError, and botocore's other errors."""
        body = orjson.dumps(asked)
        headers = self._signer.sign(operation, self._headers | {"X-Amz-Target": f"{self._prefix}.{operation}"}, body)
        status, told_headers, told_body = self._way.post(headers, body)
        response = {"body": told_body, "headers": told_headers, "status_code": status}
        answer: Any = self._parser.parse(response, self._shapes[operation])
        if status >= _AN_ERROR:
            raise ClientError(answer, operation)
        told: dict[str, Any] = answer
        return told


class _Pool:
    """A client's connections to the one address that its calls go to."""

    def __init__(self, session: Any, url: str) -> None:
        # As botocore.httpsession.URLLib3Session does for each request. It has no public names for these either.
        self._url, self._proxy = url, session._proxy_config.proxy_url_for(url)  # noqa: SLF001 - see above
        manager = session._get_connection_manager(url, self._proxy)  # noqa: SLF001 - see above
        self._pool = manager.connection_from_url(url)
        session._setup_ssl_cert(self._pool, url, session._verify)  # noqa: SLF001 - see above
        self._target = session._get_request_target(url, self._proxy)  # noqa: SLF001 - see above

    def post(self, headers: dict[str, Any], body: bytes) -> tuple[int, Any, bytes]:
        """Return status, headers and body of the answer; raises what botocore's own session raises."""
        try:
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
        except (broken.HTTPError, OSError, ValueError) as error:
            raise self._told(error) from error

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
    (broken.NewConnectionError, EndpointConnectionError),
    (broken.ConnectTimeoutError, ConnectTimeoutError),
    (broken.ReadTimeoutError, ReadTimeoutError),
    (broken.ProtocolError, ConnectionClosedError),
)


def _url(client: ECRClient) -> str:
    """Return where the client's own methods send to.

    Its endpoint rules decide that, and `meta.endpoint_url` may be another name: under FIPS, say, `ecr-fips` for
    `api.ecr-fips`. botocore has no public name for the rules.
    """
    private: Any = client
    meta = private.meta
    asked = meta.service_model.operation_model("DescribeImages")
    rules = private._ruleset_resolver  # noqa: SLF001 - see above
    context = {"client_config": meta.config}
    found = rules.construct_endpoint(operation_model=asked, call_args={}, request_context=context)
    return str(found.url).rstrip("/") + "/"
