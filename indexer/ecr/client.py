"""One target's calls: paced, tried again where that can help, and believed only when whole."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from indexer.ecr.answers import (
    Batch,
    Chunk,
    ListedImage,
    ListedRepository,
    listed_images,
    listed_repository,
    no_answer,
    page,
)
from indexer.ecr.pace import Pace
from indexer.ecr.session import Target
from indexer.ecr.wire import OPERATIONS, Wire
from indexer.errors import RegistryError, RegistryRefused, RegistryUnavailable
from indexer.model import ACCEPTED_MEDIA_TYPES, Digest

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

T = TypeVar("T")

PAGE_SIZE = 1000
MAX_CHUNK = 100

_THROTTLES = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException"}
)
_TRANSIENT = frozenset(
    {"ServerException", "InternalFailure", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException"}
)
_DIVISIBLE = frozenset({"InvalidParameterException", "UnableToGetUpstreamImageException", "KmsException"})
_SERVER_FAULT = 500
_TOO_MANY = 429
_FIRST_WAIT = 0.2
_LONGEST_WAIT = 20.0
_LONGEST_CALL = 300.0


class Ecr:
    """The four calls the job makes, for one account and region. Threads may share it.

    `requests` counts what went over the wire, retries included.
    """

    def __init__(
        self,
        client: ECRClient,
        target: Target,
        pace: Pace,
        *,
        max_attempts: int,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.target = target
        self._sleep = sleep
        self.requests = 0
        self._client: Any = client
        self._wire = Wire(client)
        self.pace = pace
        self._max_attempts = max_attempts
        self._count_lock = threading.Lock()
        self._account = {"registryId": target.registry_id} if target.registry_id is not None else {}

    def repositories(self) -> Iterator[list[ListedRepository]]:
        """Yield pages of all repositories. Raises RegistryError; DescribeRepositories in the API reference."""
        yield from self._pages("DescribeRepositories", "repositories", _each(listed_repository))

    def images(self, repository: str) -> Iterator[list[ListedImage]]:
        """Yield pages of a repository's images, whatever their status. Raises RegistryError.

        Without the filter ECR leaves archived images out (DescribeImagesFilter: imageStatus is ACTIVE by default).
        """
        yield from self._pages(
            "DescribeImages", "imageDetails", listed_images, repositoryName=repository, filter={"imageStatus": "ANY"}
        )

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

            parsed, following = self._trying(ask)
            yield parsed
            if following is None:
                return
            if following in seen:
                raise no_answer(operation, "its pages go round in a circle")
            seen.add(following)
            token = following

    def _trying(self, ask: Callable[[], T]) -> T:
        """Call `ask` until it succeeds, may not be repeated, or has had its attempts and its time."""
        try:
            return ask()  # as nearly always; the machinery for trying again is 0.2 ms of CPU
        except RegistryUnavailable as error:
            first = [error]

        def again() -> T:
            if first:
                raise first.pop()  # the attempt that was made: it counts, and has its wait
            return ask()

        retrying = Retrying(
            stop=stop_after_attempt(self._max_attempts) | stop_after_delay(_LONGEST_CALL),
            wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
            retry=retry_if_exception_type(RegistryUnavailable),
            before_sleep=self._note_throttle,
            sleep=self._sleep,
            reraise=True,
        )
        return retrying(again)

    def _note_throttle(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        if isinstance(error, RegistryUnavailable) and error.code in _THROTTLES:
            self.pace.throttled()

    def _once(self, operation: str, **arguments: Any) -> dict[str, Any]:
        """Send one request; what goes wrong becomes a RegistryError that says whether asking again may help."""
        self.pace.wait()
        with self._count_lock:
            self.requests += 1
        try:
            if operation in OPERATIONS:
                return self._wire.send(operation, {**self._account, **arguments})
            answer: dict[str, Any] = self._client.describe_repositories(**self._account, **arguments)
        except ClientError as error:
            raise _client_error(operation, error) from error
        except _NO_ANSWER as error:
            raise RegistryUnavailable(operation, type(error).__name__, str(error)) from error
        except BotoCoreError as error:  # credentials, profiles, parameters: the same again would fail the same
            raise RegistryRefused(operation, type(error).__name__, str(error)) from error
        return answer


def _each(parse: Callable[[Any], T]) -> Callable[[Sequence[Any]], list[T]]:
    return lambda items: [parse(item) for item in items]


_NO_ANSWER = (HTTPClientError, NoConnection, IncompleteReadError, ResponseParserError)
"""Resets, time-outs, no connection, bodies that end too early or are not the protocol's."""


def _client_error(operation: str, error: ClientError) -> RegistryError:
    told = error.response.get("Error", {})
    code = told.get("Code") or "Unknown"
    reason = told.get("Message") or "no message"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0
    if code in _THROTTLES or code in _TRANSIENT or status >= _SERVER_FAULT or status == _TOO_MANY:
        return RegistryUnavailable(operation, code, reason)
    return RegistryRefused(operation, code, reason)
