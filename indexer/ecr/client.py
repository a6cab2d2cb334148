"""One target's calls: paced, tried again where that can help, and believed only when whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

from indexer.ecr.access import EXPIRED, Access
from indexer.ecr.answers import (
    Batch,
    Chunk,
    no_answer,
    page,
)
from indexer.ecr.listed import ListedImage, ListedRepository, listed_images, listed_repositories
from indexer.ecr.pace import Pace
from indexer.ecr.session import Target, connect
from indexer.ecr.trying import ATTEMPTS_TO_KNOW, THROTTLES, Health, Signs, error_of, is_throttle, retrying
from indexer.ecr.wire import OPERATIONS, Wire
from indexer.errors import RegistryDown, RegistryError, RegistryRefused, RegistryUnavailable
from indexer.model import ACCEPTED_MEDIA_TYPES, Digest

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from types_boto3_ecr import ECRClient

T = TypeVar("T")

PAGE_EXPIRED = "PageExpired"
"""Our code for a listing whose next page ECR does not know any more: it has to be listed from the first page on."""
PAGE_SIZE = 1000
MAX_CHUNK = 100

_TRANSIENT = frozenset(
    {"ServerException", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException"}
)
_DIVISIBLE = frozenset({"InvalidParameterException", "UnableToGetUpstreamImageException", "KmsException"})
_SKEWED = frozenset(
    {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "RequestInTheFuture"}
)
_SERVER_FAULT = 500
_TOO_MANY = 429


class _Way(NamedTuple):
    """A client, and the shorter way for the operations that make up a run."""

    client: Any
    wire: Wire

    @classmethod
    def of(cls, client: ECRClient) -> _Way:
        return cls(client, Wire(client))

    def send(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request."""
        if operation in OPERATIONS:
            return self.wire.send(operation, asked)
        answer: dict[str, Any] = _METHODS[operation](self.client)(**asked)
        return answer


class Ecr:
    """The calls the job makes, for one account and region. Threads may share it.

    `requests` counts what went over the wire, retries included, and `answers` what was answered; `waiting` is how many
    calls wait for their turn now. Once `stopped` says so nothing more is sent; `sleep` waits between attempts, and may
    return early then.
    """

    def __init__(  # noqa: PLR0913 - what tests and workers set one by one
        self,
        client: ECRClient | Access[_Way],
        target: Target,
        pace: Pace,
        *,
        max_attempts: int,
        health: Health | None = None,
        sleep: Callable[[float], object] = time.sleep,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self.target = target
        self.pace = pace
        self.health = health or Health()
        self.requests = 0
        self.answers = 0
        self.waiting = 0
        self._access = client if isinstance(client, Access) else Access(_Way.of(client))
        self._sleep = sleep
        self._stopped = stopped
        self._max_attempts = max_attempts
        self._count_lock = threading.Lock()
        self._account = {"registryId": target.registry_id} if target.registry_id is not None else {}

    def repositories(self) -> Iterator[list[ListedRepository]]:
        """Yield pages of all repositories. Raises RegistryError; DescribeRepositories in the API reference."""
        yield from self._pages("DescribeRepositories", "repositories", listed_repositories)

    def images(self, repository: str, *, tagged: bool = False) -> Iterator[list[ListedImage]]:
        """Yield pages of a repository's images, or of the tagged ones, whatever their status. Raises RegistryError.

        Without the filter ECR leaves archived images out (DescribeImagesFilter: imageStatus is ACTIVE by default).
        """
        chosen = {"imageStatus": "ANY"} | ({"tagStatus": "TAGGED"} if tagged else {})
        yield from self._pages(
            "DescribeImages", "imageDetails", listed_images, repositoryName=repository, filter=chosen
        )

    def image(self, repository: str, tag: str) -> ListedImage | None:
        """Return the image that has a tag, with all its tags; None where none has it. Raises RegistryError."""
        ask = partial(self._once, "DescribeImages", repositoryName=repository, imageIds=[{"imageTag": tag}])
        try:
            items, _ = self._trying(lambda: page("DescribeImages", ask(), "imageDetails"))
        except RegistryRefused as error:
            if error.code == "ImageNotFoundException":
                return None
            raise
        if len(items) != 1:
            raise no_answer("DescribeImages", f"with {len(items)} images for a tag")
        return listed_images(items)[0]

    def account(self) -> str:
        """Return the account of the credentials (DescribeRegistry in the API reference). Raises RegistryError."""
        answer = self._trying(lambda: self._once("DescribeRegistry"))
        if not answer.get("registryId"):
            raise no_answer("DescribeRegistry", "it has no registryId")
        return str(answer["registryId"])

    def has_repository(self, repository: str) -> bool:
        """Whether ECR knows the repository: False only where it says that it does not. Raises RegistryError."""
        try:
            self._trying(lambda: page("DescribeRepositories", self._named(repository), "repositories"))
        except RegistryRefused as error:
            if error.code == "RepositoryNotFoundException":
                return False
            raise
        return True

    def _named(self, repository: str) -> dict[str, Any]:
        return self._once("DescribeRepositories", repositoryNames=[repository])

    def batch_get_image(self, repository: str, digests: Sequence[Digest]) -> Batch:
        """Ask for up to 100 manifests by digest; every one comes back as a manifest or as a failure.

        Never raises RegistryError: a call that fails for good is a failure of each digest it was about. Where one
        image may be what spoils the call, the halves are asked on their own.
        """
        chunk = Chunk(digests)
        try:
            self._trying(lambda: chunk.take(self._ask_for(repository, chunk.open)))
        except RegistryError as error:
            if error.code in _DIVISIBLE and len(chunk.open) > 1:
                return self._divided(repository, chunk, error)
            return chunk.close(error.code, error.reason)
        return chunk.close("", "")

    def _divided(self, repository: str, chunk: Chunk, error: RegistryError) -> Batch:
        waiting = chunk.open
        middle = len(waiting) // 2
        halves = [self.batch_get_image(repository, part) for part in (waiting[:middle], waiting[middle:])]
        asked = set(waiting)
        done = chunk.close(error.code, error.reason)
        return Batch(
            (*done.manifests, *(manifest for half in halves for manifest in half.manifests)),
            (
                *(failure for failure in done.failures if failure.digest not in asked),
                *(failure for half in halves for failure in half.failures),
            ),
        )

    def _ask_for(self, repository: str, digests: Sequence[Digest]) -> dict[str, Any]:
        # By digest ECR converts nothing; by tag it may. Every accepted type is named for the same reason.
        return self._once(
            "BatchGetImage",
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in digests],
            acceptedMediaTypes=list(ACCEPTED_MEDIA_TYPES),
        )

    def _pages(
        self, operation: str, key: str, parse: Callable[[Sequence[Any]], list[T]], **arguments: Any
    ) -> Iterator[list[T]]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            more = {} if token is None else {"nextToken": token}

            def ask(more: dict[str, str] = more) -> tuple[list[T], str | None]:
                answer = self._once(operation, maxResults=PAGE_SIZE, **arguments, **more)
                items, following = page(operation, answer, key)
                return parse(items), following

            try:
                parsed, following = self._trying(ask)
            except RegistryRefused as error:
                if token is None or error.code != "InvalidParameterException":
                    raise
                raise RegistryUnavailable(operation, PAGE_EXPIRED, error.reason) from error
            yield parsed
            if following is None:
                return
            if following in seen:
                raise no_answer(operation, "its pages go round in a circle")
            seen.add(following)
            token = following

    def _trying(self, ask: Callable[[], T]) -> T:
        """Call `ask` until it succeeds, may not be repeated, or has had its attempts and its time."""
        return self.health.of(lambda: self._patiently(self._max_attempts, ask), self._probe)

    def hear(self, signs: Signs) -> None:
        """Note how calls went in a process that works for this one; ask whether the registry is there if need be."""
        self.health.hear(signs, self._probe)

    def _probe(self) -> None:
        """Ask the cheapest question there is, whatever the answer. Raises RegistryError where there is none."""
        ask = partial(self._once, "DescribeRepositories", maxResults=1)
        self._patiently(ATTEMPTS_TO_KNOW, lambda: page("DescribeRepositories", ask(), "repositories"))

    def _patiently(self, most: int, ask: Callable[[], T]) -> T:
        try:
            return ask()  # as nearly always; the machinery for trying again is 0.2 ms of CPU
        except RegistryUnavailable as error:
            first = [error]

        def again() -> T:
            if first:
                raise first.pop()  # the attempt that was made: it counts, and has its wait
            return ask()

        with self.health.trying_again():
            return retrying(most, sleep=self._sleep, before_sleep=self._note)(again)

    def _note(self, state: RetryCallState) -> None:
        """Note that a call failed and is tried again."""
        error = error_of(state)
        if is_throttle(error):
            self.pace.throttled()
        self.health.failed(error)

    def _once(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send one request; what goes wrong becomes a RegistryError that says whether asking again may help."""
        self._check(operation)
        with self._count_lock:
            self.waiting += 1
        try:
            self.pace.wait()
        finally:
            with self._count_lock:
                self.waiting -= 1
        self._check(operation)  # to wait may have taken seconds, in which the run was stopped
        with self._count_lock:
            self.requests += 1
        way = self._access.client
        account = {} if operation == "DescribeRegistry" else self._account  # that one is always about the caller's own
        try:
            answer = way.send(operation, {**account, **arguments})
        except ClientError as error:
            raise self._refusal(operation, error, way) from error
        except _NO_ANSWER as error:
            if _BAD_HEADER in str(error):  # which the error shows, so it is no cause
                raise RegistryRefused(operation, "InvalidCredentials", _LINE_BREAK) from None
            raise RegistryUnavailable(operation, type(error).__name__, str(error)) from error
        except BotoCoreError as error:  # credentials, profiles, parameters: the same again would fail the same
            raise RegistryRefused(operation, type(error).__name__, str(error)) from error
        self._access.worked()
        with self._count_lock:
            self.answers += 1
        return answer

    def _refusal(self, operation: str, error: ClientError, way: _Way) -> RegistryError:
        # Not in a name where it is raised: its own traceback would hold it, and with it the answer, until garbage is
        # looked for.
        told = _client_error(operation, error)
        return self._access.expired(told, way) if told.code in EXPIRED else told

    def _check(self, operation: str) -> None:
        """Raise where nothing is to be sent: the run is stopping, the registry is down, or there is no way in."""
        if self._stopped():
            raise RegistryDown(operation, "Stopped", "the run was stopped before this was asked")
        self.health.check(operation)
        self._access.check(operation)


def reach(  # noqa: PLR0913 - what a target's calls have to keep to, by name
    target: Target,
    pace: Pace,
    health: Health,
    *,
    connections: int,
    max_attempts: int,
    sleep: Callable[[float], object] = time.sleep,
    stopped: Callable[[], bool] = lambda: False,
) -> Ecr:
    """Return the calls of a target. ConfigError for a profile that does not exist.

    Where no credentials are to be had every call says so: that fails the target, and not the run.
    """

    def renew() -> _Way:
        return _Way.of(connect(target, connections=connections))

    access: Access[_Way]
    try:
        access = Access(renew(), renew)
    except RegistryRefused as error:
        access = Access.refused(error)
    return Ecr(access, target, pace, max_attempts=max_attempts, health=health, sleep=sleep, stopped=stopped)


_NO_ANSWER = (HTTPClientError, NoConnection, IncompleteReadError, ResponseParserError)
"""Resets, time-outs, no connection, bodies that end too early or are not the protocol's."""

_BAD_HEADER = "Invalid header value"
_LINE_BREAK = "a credential has a line break in it, as a session token may have that came from a file: take it out"

_METHODS = {
    "DescribeRegistry": attrgetter("describe_registry"),
    "DescribeRepositories": attrgetter("describe_repositories"),
}


def _client_error(operation: str, error: ClientError) -> RegistryError:
    told = error.response.get("Error", {})
    code = told.get("Code") or "Unknown"
    reason = told.get("Message") or "no message"
    if code in _SKEWED:
        reason += f" (the clock of this machine says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: if that is wrong, set it)"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    if code in THROTTLES or code in _TRANSIENT or status >= _SERVER_FAULT or status == _TOO_MANY:
        return RegistryUnavailable(operation, code, reason)
    return RegistryRefused(operation, code, reason)
