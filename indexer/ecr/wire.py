"""The two calls that make up a run, sent without the steps of botocore that are for every service and every shape.

What stays botocore's: credentials and their renewal, the endpoint, TLS, proxies, the pool of connections, and what an
answer or an error means (`indexer.ecr.parsing`). What is ours is the body, which is JSON as it stands, the headers that
the protocol wants, their signature (`indexer.ecr.signature`), and that connections are used without what botocore and
urllib3 put around them for answers that are streamed (`indexer.ecr.connections`). A call of 100 manifests takes 1.3 ms
of CPU less (of 2.3, of which 0.9 go into receiving and parsing in any case).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
from botocore.exceptions import ClientError

from indexer.ecr.connections import Connections
from indexer.ecr.parsing import AnswerParser
from indexer.ecr.signature import Signer

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

OPERATIONS: Final = frozenset({"BatchGetImage", "DescribeImages"})
_AN_ERROR: Final = 300


class Wire:
    """Sends an operation of `OPERATIONS` as a client would. Threads may share it."""

    def __init__(self, client: ECRClient) -> None:
        self._client = client  # what signs has only a weak reference to it
        meta: Any = client.meta
        model = meta.service_model
        self._url = _url(client)
        # botocore has no public names for these; our own would have other TLS settings, proxies and credentials.
        self._way = Connections(client._endpoint.http_session, self._url)  # type: ignore[attr-defined] # noqa: SLF001 - see above
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
