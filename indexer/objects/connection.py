"""A client for S3, and what its errors mean.

boto3 finds credentials, region and endpoint by itself: AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3, ~/.aws, the
instance's or the task's role.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as NoConnection
from botocore.parsers import ResponseParserError

import indexer
from indexer.errors import ConfigError, StoreError, StoreMissing

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CONNECTIONS: Final = 16
_CONNECT_TIMEOUT: Final = 5.0
_READ_TIMEOUT: Final = 20.0
"""Seconds a connection may stand still. Three in a row are no longer than a lease lasts (indexer.store.s3.lease)."""
_SERVER_FAULT: Final = 500
_AGAIN: Final = frozenset(
    {
        "SlowDown",
        "RequestTimeout",
        "InternalError",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "RequestLimitExceeded",
        # Two conditional writes, or a write and a removal, met: the same request again finds out who was first.
        "ConditionalRequestConflict",
        "OperationAborted",
    }
)
_ADVICE: Final = {
    "AccessDenied": "Give these credentials the permission (docs/format.md lists those that a store needs)",
    "403": "Give these credentials the permission (docs/format.md lists those that a store needs)",
    "ExpiredToken": "Renew these credentials",
    "TokenRefreshRequired": "Renew these credentials",
    "InvalidAccessKeyId": "Check AWS_PROFILE, or where else these credentials come from",
    "InvalidToken": "Check AWS_PROFILE, or where else these credentials come from",
    "SignatureDoesNotMatch": "Check the secret key of these credentials",
    "RequestTimeTooSkewed": "Set this machine's clock",
    "PermanentRedirect": "Set AWS_REGION to the bucket's region",
    "AuthorizationHeaderMalformed": "Set AWS_REGION to the bucket's region",
    "301": "Set AWS_REGION to the bucket's region",
    "InvalidBucketName": "Name the store s3://BUCKET/PREFIX",
    "InvalidObjectState": "The object is archived: restore it, and keep lifecycle rules away from the store",
}


def connect() -> S3Client:
    """Return a client that several threads may use; ConfigError for a profile that does not exist."""
    try:
        return boto3.session.Session().client(
            "s3",
            config=Config(
                # Retries are ours: what must hold before a request must hold before each attempt.
                retries={"mode": "standard", "total_max_attempts": 1},
                max_pool_connections=CONNECTIONS,
                connect_timeout=_CONNECT_TIMEOUT,
                read_timeout=_READ_TIMEOUT,
                tcp_keepalive=True,
                user_agent_extra=f"manifest-indexer/{indexer.__version__}",
            ),
        )
    except ProfileNotFound as error:
        raise ConfigError(f"{error}; set AWS_PROFILE to one that `aws configure list-profiles` shows") from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"no client for S3: {error}. Check AWS_REGION and AWS_ENDPOINT_URL_S3") from error


def code_of(error: BaseException) -> str:
    """Return S3's code of an error, or the name of one that is not S3's."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def status_of(error: BaseException) -> int:
    """Return the HTTP status of S3's answer, 0 where there was none."""
    if isinstance(error, ClientError):
        metadata: Any = error.response.get("ResponseMetadata", {})
        return int(metadata.get("HTTPStatusCode", 0))
    return 0


def again_may_help(error: BaseException) -> bool:
    """Whether the same request can succeed later; then its fate may be unknown."""
    if isinstance(error, ClientError):
        return code_of(error) in _AGAIN or status_of(error) >= _SERVER_FAULT
    return isinstance(
        error, (HTTPClientError, NoConnection, IncompleteReadError, ResponseStreamingError, ResponseParserError)
    )


def explained(error: BaseException, doing: str, where: str) -> StoreError | ConfigError:
    """Return an error of S3 as one that says what was done, what came of it, and what to do."""
    code = code_of(error)
    if code == "NoSuchBucket":
        return StoreMissing(f"there is no bucket for {where}. Make it, or name another in store: s3://BUCKET/PREFIX")
    if isinstance(error, (NoCredentialsError, PartialCredentialsError)):
        return StoreError(f"cannot {doing} {where}: no AWS credentials. Set AWS_PROFILE or the like")
    if isinstance(error, ClientError):
        reason = f"{code}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": .")
    else:
        reason = f"{code}: {error}".rstrip(": .")
    advice = _ADVICE.get(code) or (
        "It was tried several times: run again later" if again_may_help(error) else "Check the store's location"
    )
    return StoreError(f"cannot {doing} {where}: {reason}. {advice}")
