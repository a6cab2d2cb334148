"""The input shapes of the operations, and the check of a request against them.

Written down from the ECR service model, API version 2015-09-21; a test compares the two. Names, limits, patterns and
enumerations are the model's, the texts of the errors are those that users of Amazon ECR have reported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from indexer.local_ecr.images import STATUSES
from indexer.local_ecr.protocol import ApiError, invalid_parameter
from indexer.local_ecr.registry import ENCRYPTION_TYPES, MUTABILITIES

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMES: Mapping[type, str] = MappingProxyType(
    {str: "a String", int: "an Integer", bool: "a Boolean", list: "a List", dict: "a Structure"}
)


@dataclass(frozen=True)
class Shape:
    """What a value must be: its JSON type, its length or (for int) value, and for lists and objects what is inside."""

    kind: type[Any] = str
    least: int | None = None
    most: int | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    each: Shape | None = None
    members: Mapping[str, Shape] = field(default_factory=dict)
    required: tuple[str, ...] = ()


_REGISTRY_ID = Shape(pattern="[0-9]{12}")
_REPOSITORY_NAME = Shape(
    least=2,
    most=256,
    pattern=r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*",
)
_MAX_RESULTS = Shape(int, least=1, most=1000)
_IMAGE_TAG = Shape(least=1, most=300)
_IMAGE_ID = Shape(dict, members={"imageDigest": Shape(), "imageTag": _IMAGE_TAG})
_IMAGE_IDS = Shape(list, least=1, most=100, each=_IMAGE_ID)
_FILTER = Shape(
    dict,
    members={
        "tagStatus": Shape(enum=("TAGGED", "UNTAGGED", "ANY")),
        "imageStatus": Shape(enum=(*STATUSES, "ANY")),
    },
)
_PAGING = {"nextToken": Shape(), "maxResults": _MAX_RESULTS}
_REPOSITORY = {"registryId": _REGISTRY_ID, "repositoryName": _REPOSITORY_NAME}
_EXCLUSION = Shape(
    dict,
    members={
        "filterType": Shape(enum=("WILDCARD",)),
        "filter": Shape(least=1, most=128, pattern="^[0-9a-zA-Z._*-]{1,128}$"),
    },
    required=("filterType", "filter"),
)
_TAG = Shape(dict, members={"Key": Shape(), "Value": Shape()}, required=("Key", "Value"))

REQUESTS: Mapping[str, Shape] = MappingProxyType(
    {
        "DescribeRegistry": Shape(dict),
        "DescribeRepositories": Shape(
            dict,
            members={
                "registryId": _REGISTRY_ID,
                "repositoryNames": Shape(list, least=1, most=100, each=_REPOSITORY_NAME),
                **_PAGING,
            },
        ),
        "ListImages": Shape(dict, members={**_REPOSITORY, **_PAGING, "filter": _FILTER}, required=("repositoryName",)),
        "DescribeImages": Shape(
            dict,
            members={**_REPOSITORY, "imageIds": _IMAGE_IDS, **_PAGING, "filter": _FILTER},
            required=("repositoryName",),
        ),
        "BatchGetImage": Shape(
            dict,
            members={
                **_REPOSITORY,
                "imageIds": _IMAGE_IDS,
                "acceptedMediaTypes": Shape(list, least=1, most=100, each=Shape()),
            },
            required=("repositoryName", "imageIds"),
        ),
        "BatchDeleteImage": Shape(
            dict, members={**_REPOSITORY, "imageIds": _IMAGE_IDS}, required=("repositoryName", "imageIds")
        ),
        "PutImage": Shape(
            dict,
            members={
                **_REPOSITORY,
                "imageManifest": Shape(least=1, most=4194304),
                "imageManifestMediaType": Shape(),
                "imageTag": _IMAGE_TAG,
                "imageDigest": Shape(),
            },
            required=("repositoryName", "imageManifest"),
        ),
        "CreateRepository": Shape(
            dict,
            members={
                **_REPOSITORY,
                "tags": Shape(list, each=_TAG),
                "imageTagMutability": Shape(enum=MUTABILITIES),
                "imageTagMutabilityExclusionFilters": Shape(list, least=1, most=5, each=_EXCLUSION),
                "imageScanningConfiguration": Shape(dict, members={"scanOnPush": Shape(bool)}),
                "encryptionConfiguration": Shape(
                    dict,
                    members={"encryptionType": Shape(enum=ENCRYPTION_TYPES), "kmsKey": Shape(least=1, most=2048)},
                    required=("encryptionType",),
                ),
            },
            required=("repositoryName",),
        ),
        "GetAccountSetting": Shape(dict, members={"name": Shape(least=1, most=64)}, required=("name",)),
        "ListPullTimeUpdateExclusions": Shape(dict, members=_PAGING),
        "DeleteRepository": Shape(dict, members={**_REPOSITORY, "force": Shape(bool)}, required=("repositoryName",)),
    },
)


def check(operation: str, parameters: dict[str, Any]) -> None:
    """Check a request's parameters; unknown ones are let pass, as the protocol asks.

    Errors: ApiError SerializationException for a wrong JSON type, InvalidParameterException for all else.
    """
    _check_members("", parameters, REQUESTS[operation])


def _check(name: str, value: Any, shape: Shape) -> None:
    # type(), not isinstance(): true is no integer on the wire.
    if type(value) is not shape.kind:
        raise ApiError("SerializationException", f"The value of '{name}' cannot be converted to {_NAMES[shape.kind]}")
    _check_extent(name, value, shape)
    if shape.enum and value not in shape.enum:
        raise invalid_parameter(name, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
    if shape.pattern and not re.fullmatch(shape.pattern, value):
        raise invalid_parameter(name, f"must satisfy regular expression '{shape.pattern}'")
    if shape.each:
        for item in value:
            _check(name, item, shape.each)
    if shape.members:
        _check_members(name, value, shape)


def _check_extent(name: str, value: Any, shape: Shape) -> None:
    if shape.least is None and shape.most is None:
        return
    extent, word = (value, "value") if shape.kind is int else (len(value), "length")
    if shape.least is not None and extent < shape.least:
        raise invalid_parameter(name, f"Member must have {word} greater than or equal to {shape.least}")
    if shape.most is not None and extent > shape.most:
        raise invalid_parameter(name, f"Member must have {word} less than or equal to {shape.most}")


def _check_members(name: str, value: dict[str, Any], shape: Shape) -> None:
    prefix = f"{name}." if name else ""
    for member in shape.required:
        if value.get(member) is None:
            raise invalid_parameter(f"{prefix}{member}", "Member must not be null")
    for member, item in value.items():
        # null stands for an absent member in this protocol.
        if item is not None and member in shape.members:
            _check(f"{prefix}{member}", item, shape.members[member])
