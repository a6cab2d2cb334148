"""Faults to order: what a service, a network and other people's deletions do to a client, repeatable by seed.

    server.faults.add(Fault("throttle", operation="BatchGetImage", rate=0.2, seed=1))
    server.faults.add(Fault("vanish", repository="team/app", times=1))

Of all faults that fit a request, in the order in which they were added, the first that fires is played.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from indexer.local_ecr.changes import OPERATIONS, repositories_of
from indexer.local_ecr.documents import OCI_MANIFEST, read
from indexer.local_ecr.images import Image
from indexer.local_ecr.operations import Batch, Failure, Pulled, resolve
from indexer.local_ecr.paging import unknown_token
from indexer.local_ecr.protocol import ApiError, access_denied, repository_arn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from indexer.local_ecr.registry import Registry

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "throttle": "ThrottlingException, HTTP 400",
        "limit": "LimitExceededException, HTTP 400",
        "error": "ServerException, HTTP 500",
        "denied": "AccessDeniedException, HTTP 400",
        "expired_token": "ExpiredTokenException (the credentials'), HTTP 400",
        "skew": "InvalidSignatureException, as for a clock that is wrong, HTTP 400",
        "expired_page": "InvalidParameterException for the nextToken that the request carries",
        "upstream": "UnableToGetUpstreamImageException, HTTP 400",
        "kms": "KmsException, HTTP 400",
        "unavailable": "HTTP 503 with an HTML page",
        "html": "HTTP 200 with an HTML page",
        "empty": "HTTP 200 with an empty body",
        "truncate": "HTTP 200 with half of the JSON, and a Content-Length that says so",
        "cut": "the connection is closed in the middle of the body",
        "reset": "the connection is reset before any answer, and nothing is done",
        "hang": "the answer comes only after `seconds`",
        "omit": "BatchGetImage leaves some of the asked ids out of images and failures",
        "extra": "BatchGetImage adds an image that was not asked for",
        "corrupt": "BatchGetImage changes one character of a manifest",
        "vanish": "the first of the asked images that exists is deleted before the request is looked at",
        "vanish_repository": "the asked repository is deleted before the request is looked at",
    },
)
_OF_BATCHES = frozenset({"omit", "extra", "corrupt"})
_NEEDS = MappingProxyType({"vanish": "imageIds", "vanish_repository": "repositoryName", "expired_page": "nextToken"})


class Call(NamedTuple):
    """One request: an operation on a registry, with checked parameters."""

    operation: str
    registry: Registry
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One fault.

    `operation` and `repository` narrow the requests that it fits (None: all; a kind that needs something, such as
    `expired_page` a nextToken, fits only those that have it). Of the fitting ones the first `after` are let pass, then
    each is hit with the probability `rate`, at most `times` of them. `status` stands in for the HTTP status, `seconds`
    is how long `hang` lasts.
    """

    kind: str
    operation: str | None = None
    repository: str | None = None
    rate: float = 1.0
    times: int | None = None
    status: int | None = None
    seed: int = 0
    after: int = 0
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; there are {', '.join(KINDS)}")
        if self.operation is not None and self.operation not in OPERATIONS:
            raise ValueError(f"there is no operation {self.operation!r}; there are {', '.join(OPERATIONS)}")
        if self.kind in _OF_BATCHES and self.operation not in {None, "BatchGetImage"}:
            raise ValueError(f"{self.kind} changes answers of BatchGetImage only, not of {self.operation}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"rate is {self.rate}, but is a probability from 0 to 1")
        if self.status is not None and self.status not in set(HTTPStatus):
            raise ValueError(f"status is {self.status}, which is no HTTP status")

    def fits(self, call: Call) -> bool:
        if self.operation not in {None, call.operation}:
            return False
        if self.repository is not None and self.repository not in repositories_of(call.parameters):
            return False
        if self.kind in _OF_BATCHES:
            return call.operation == "BatchGetImage"
        return self.kind not in _NEEDS or bool(call.parameters.get(_NEEDS[self.kind]))


class Shot(NamedTuple):
    """A fault that hits one request, with the random numbers for it."""

    fault: Fault
    random: Random


@dataclass
class _Armed:
    fault: Fault
    random: Random
    seen: int = 0
    fired: int = 0

    def fires(self) -> bool:
        fault = self.fault
        self.seen += 1
        if self.seen <= fault.after or (fault.times is not None and self.fired >= fault.times):
            return False
        hit = self.random.random() < fault.rate
        self.fired += hit
        return hit


@dataclass
class Faults:
    """The faults of a server; may be changed while it serves. `fired` counts what was played, by kind."""

    fired: Counter[str] = field(default_factory=Counter)
    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._armed += [_Armed(fault, Random(fault.seed)) for fault in faults]  # noqa: S311 - repeatable, no secret

    def clear(self) -> None:
        with self._lock:
            self._armed.clear()

    def pick(self, call: Call) -> Shot | None:
        """The fault that this request gets, if any."""
        with self._lock:
            for armed in self._armed:
                if armed.fault.fits(call) and armed.fires():
                    self.fired[armed.fault.kind] += 1
                    return Shot(armed.fault, Random(f"{armed.fault.seed}/{armed.fired}"))  # noqa: S311 - as above
        return None


def before(shot: Shot, call: Call) -> None:
    """Play what happens before the request is looked at: deletions, and ApiError for the kinds that are exceptions."""
    kind = shot.fault.kind
    if kind == "vanish":
        _vanish(call)
    elif kind == "vanish_repository":
        call.registry.delete_repository(call.parameters["repositoryName"])
    error = _error(kind, call)
    if error is not None:
        error.status = shot.fault.status or error.status
        raise error


def distort(shot: Shot, batch: Batch) -> None:
    """Change the answer of a BatchGetImage."""
    if shot.fault.kind == "omit":
        _omit(batch, shot.random)
    elif shot.fault.kind == "corrupt" and batch.images:
        place = shot.random.randrange(len(batch.images))
        batch.images[place] = _corrupted(batch.images[place], shot.random)
    elif shot.fault.kind == "extra":
        batch.images.append(Pulled(_stranger(batch)))


def _error(kind: str, call: Call) -> ApiError | None:
    if kind == "denied":
        registry = call.registry
        name = next(iter(repositories_of(call.parameters)), "*")
        return access_denied(call.operation, repository_arn(registry.region, registry.registry_id, name))
    if kind == "expired_page":
        return unknown_token()
    errors = {
        "throttle": ApiError("ThrottlingException", "Rate exceeded"),
        "limit": ApiError("LimitExceededException", "The operation would exceed a service limit of the account"),
        "error": ApiError("ServerException", "The server could not answer", status=500),
        "expired_token": ApiError("ExpiredTokenException", "The security token included in the request is expired"),
        "skew": ApiError(
            "InvalidSignatureException", "Signature expired: 20260101T000000Z is now earlier than it may be"
        ),
        "upstream": ApiError("UnableToGetUpstreamImageException", "The image could not be had from the upstream"),
        "kms": ApiError("KmsException", "The KMS key cannot be used", members={"kmsError": "DisabledException"}),
    }
    return errors.get(kind)


def _vanish(call: Call) -> None:
    with call.registry.lock:
        repository = call.registry.repository(call.parameters["repositoryName"])
        for image_id in call.parameters["imageIds"]:
            try:
                repository.remove(resolve(repository, image_id).digest)
            except Failure:
                continue
            return


def _omit(batch: Batch, random: Random) -> None:
    """Leave out every third entry or so, and at least one."""
    total = len(batch.images) + len(batch.failures)
    gone = {random.randrange(total)} | {place for place in range(total) if random.random() < 1 / 3}
    images = len(batch.images)
    batch.failures = [row for place, row in enumerate(batch.failures, images) if place not in gone]
    batch.images = [row for place, row in enumerate(batch.images) if place not in gone]


def _corrupted(pulled: Pulled, random: Random) -> Pulled:
    """Another digit in place of one digit, so that the document stays valid JSON; else its last character doubled."""
    text = pulled.image.text
    digits = [match.start() for match in re.finditer("[0-9]", text)]
    if not digits:
        return pulled._replace(text=text + text[-1:])
    place = random.choice(digits)
    # Never a 0, which JSON does not allow in front of other digits.
    return pulled._replace(text=f"{text[:place]}{int(text[place]) % 9 + 1}{text[place + 1 :]}")


def _stranger(batch: Batch) -> Image:
    """An image of the same repository that was not asked for; a made-up one where all were, or none was found."""
    home = batch.repository
    asked = {pulled.image.digest for pulled in batch.images}
    for image in home.images.values():
        if image.digest not in asked:
            return image
    raw = b'{"schemaVersion":2,"mediaType":"%b","layers":[]}' % OCI_MANIFEST.encode()
    return Image(home, f"sha256:{'f' * 64}", raw, OCI_MANIFEST, read(raw), 0, home.created_at)
