"""The JSON 1.1 protocol's side of the local registry: exceptions, their wire form, and the texts ECR uses for them.

Source: the AWS JSON 1.1 protocol (https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html) and the ECR API
reference. The texts are those that users of Amazon ECR have reported; clients must not depend on them.
"""

from __future__ import annotations

from http import HTTPStatus

import orjson

TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
CONTENT_TYPE = "application/x-amz-json-1.1"


class ApiError(Exception):
    """An exception of the API: `code` is its name on the wire (such as `RepositoryNotFoundException`)."""

    def __init__(
        self, code: str, message: str, *, status: int = HTTPStatus.BAD_REQUEST, members: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = int(status)
        self.members = members or {}

    def body(self) -> bytes:
        """The JSON body that carries this exception."""
        return orjson.dumps({"__type": self.code, "message": self.message, **self.members})


def invalid_parameter(name: str, constraint: str) -> ApiError:
    """InvalidParameterException in ECR's words, for the parameter called `name`."""
    return ApiError(
        "InvalidParameterException", f"Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"
    )


def access_denied(operation: str, resource: str, why: str = "") -> ApiError:
    """AccessDeniedException for `ecr:<operation>` on the ARN `resource`."""
    because = why or f"because no identity-based policy allows the ecr:{operation} action"
    text = f"User: arn:aws:iam::000000000000:user/local is not authorized to perform: ecr:{operation}"
    return ApiError("AccessDeniedException", f"{text} on resource: {resource} {because}")


def repository_not_found(name: str, registry_id: str) -> ApiError:
    """RepositoryNotFoundException in ECR's words."""
    return ApiError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{registry_id}'",
    )


def repository_arn(region: str, registry_id: str, name: str) -> str:
    """The Amazon Resource Name of a repository; `*` stands for every repository."""
    return f"arn:aws:ecr:{region}:{registry_id}:repository/{name}"
