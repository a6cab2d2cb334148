"""BatchGetImage as somebody else asks for it: the request goes out and the answer comes back as they are.

For `indexer batch-get-image`, which is the AWS CLI's command: credentials, region, endpoint, retries and messages are
botocore's own, as there. The job itself never asks this way (indexer.ecr.client): tags may be converted, and whether a
manifest has its digest is for the caller to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, NoCredentialsError, NoRegionError
from botocore.stub import Stubber
from botocore.utils import ArgumentGenerator
from botocore.validate import ParamValidator

import indexer
from indexer.errors import AwsCliError

MAX_IDS: Final = 100
_VARIABLES: Final = {
    "output": ("output", "AWS_DEFAULT_OUTPUT", "json", None),
    # Version 1 of the AWS CLI still has the old mode: five attempts.
    "retry_mode": ("retry_mode", "AWS_RETRY_MODE", "legacy", None),
    "ca_bundle": ("ca_bundle", "AWS_CA_BUNDLE", None, None),
}
_EXPECTED: Final = ("images", "failures")


@dataclass(frozen=True, slots=True)
class Way:
    """How to reach ECR; None is what the environment and ~/.aws say. Time-outs in seconds, None for none."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    verify: bool | str | None = None
    sign: bool = True
    read_timeout: int | None = 60
    connect_timeout: int | None = 60
    debug: bool = False


class Verbatim:
    """One caller's BatchGetImage. Everything that goes wrong is an AwsCliError with the AWS CLI's words."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._session = botocore.session.Session(session_vars=_VARIABLES)
        for name, value in (("profile", way.profile), ("region", way.region)):
            if value is not None:
                self._session.set_config_variable(name, value)
        if way.debug:
            self._session.set_stream_logger("botocore", "DEBUG")
        self._reading(self._session.get_scoped_config)  # a profile that is not there ends it here

    @property
    def output(self) -> str:
        """The output format that the environment or the profile asks for; json without one."""
        return str(self._reading(self._session.get_config_variable, "output"))

    @property
    def region(self) -> str | None:
        """The region in force, if there is one."""
        region: str | None = self._reading(self._session.get_config_variable, "region")
        return region

    def skeleton(self) -> dict[str, Any]:
        """Return a request with every member, its values to be filled in."""
        made: dict[str, Any] = ArgumentGenerator().generate_skeleton(self._shapes().input_shape)
        return made

    def check(self, request: Mapping[str, Any]) -> None:
        """Check a request against the service model, as a call would; AwsCliError where it does not fit."""
        report = ParamValidator().validate(request, self._shapes().input_shape)
        if report.has_errors():
            raise AwsCliError(f"\nParameter validation failed:\n{report.generate_report()}")

    def sample(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Check a request and return an answer of the right shape, without a call."""
        answer = ArgumentGenerator(use_member_names=True).generate_skeleton(self._shapes().output_shape)
        client = self._client()
        with Stubber(client) as stub:
            stub.add_response("batch_get_image", answer)
            return self._call(client, request)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer, `images` and `failures`.

        More than 100 ids, which ECR refuses, are sent in several calls and each id once, as ECR answers each once.
        """
        client = self._client()
        image_ids = request.get("imageIds")
        if not isinstance(image_ids, list) or len(image_ids) <= MAX_IDS:
            return self._call(client, request)
        self.check(request)
        answers = [self._call(client, {**request, "imageIds": chunk}) for chunk in _chunks(image_ids)]
        return {name: [item for answer in answers for item in answer[name]] for name in _EXPECTED}

    def _client(self) -> Any:
        way = self._way
        config = ClientConfig(
            read_timeout=way.read_timeout,
            connect_timeout=way.connect_timeout,
            user_agent_extra=f"manifest-indexer/{indexer.__version__}",
            signature_version=None if way.sign else UNSIGNED,
        )
        client = self._reading(
            self._session.create_client,
            "ecr",
            region_name=way.region,
            endpoint_url=way.endpoint_url,
            verify=way.verify,
            config=config,
        )
        client.meta.events.register("before-send.ecr", _Whole(client))
        return client

    def _call(self, client: Any, request: Mapping[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._reading(client.batch_get_image, **request)
        answer.pop("ResponseMetadata", None)
        if not all(isinstance(answer.get(name), list) for name in _EXPECTED):
            # The AWS CLI prints what there is, at worst nothing, and ends with 0: who counts on it would see no images.
            raise AwsCliError("\nECR answered with HTTP 200, but without images and failures: the answer was cut short")
        return answer

    def _shapes(self) -> Any:
        return self._session.get_service_model("ecr").operation_model("BatchGetImage")

    @staticmethod
    def _reading(call: Any, *arguments: Any, **named: Any) -> Any:
        try:
            return call(*arguments, **named)
        except NoRegionError as error:
            raise AwsCliError(f'{error} You can also configure your region by running "aws configure".') from error
        except NoCredentialsError as error:
            raise AwsCliError(f'{error}. You can configure credentials by running "aws configure".') from error
        except (BotoCoreError, ClientError, TypeError, ValueError) as error:
            raise AwsCliError(f"\n{error}") from error


class _Whole:
    """Sends a request in botocore's place, and takes no body that ends before its Content-Length.

    The AWS CLI's own copy of botocore takes none, and tries again; the package's reads such a body as an empty answer.
    """

    def __init__(self, client: Any) -> None:
        self._http = client._endpoint.http_session  # noqa: SLF001 - botocore has no public name for it

    def __call__(self, request: Any, **_: Any) -> Any:
        response = self._http.send(request)
        told = response.headers.get("Content-Length", "")
        if told.isdecimal() and len(response.content) < int(told):
            raise ConnectionClosedError(endpoint_url=request.url)
        return response


def _chunks(image_ids: Sequence[Any]) -> list[list[Any]]:
    distinct = list({(each.get("imageDigest"), each.get("imageTag")): each for each in reversed(image_ids)}.values())
    distinct.reverse()
    return [distinct[first : first + MAX_IDS] for first in range(0, len(distinct), MAX_IDS)]
