"""What `indexer check` asks besides the job's own calls: who one is, and how the account has set up its registry.

GetCallerIdentity is of AWS STS, and needs no permission. GetAccountSetting and ListPullTimeUpdateExclusions are ECR's,
have no registryId, and so answer for the account of the credentials only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from botocore.config import Config as ClientConfig
from botocore.exceptions import BotoCoreError, ClientError

from indexer.ecr.session import Target, session_for
from indexer.errors import RegistryRefused, RegistryUnavailable

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_sts import STSClient

T = TypeVar("T")

_ASSUMED = re.compile(r"arn:([\w-]+):sts::([0-9]{12}):assumed-role/([^/]+)/.+")
_TIMEOUTS = ClientConfig(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


class Identity(NamedTuple):
    """Whom the credentials belong to: the account's 12 digits, and the ARN as STS gives it."""

    account: str
    arn: str

    @property
    def principal(self) -> str:
        """The ARN of the IAM role or user. Of an assumed role STS does not give the path, so neither does this."""
        match = _ASSUMED.fullmatch(self.arn)
        return f"arn:{match[1]}:iam::{match[2]}:role/{match[3]}" if match else self.arn

    def is_among(self, principals: list[str]) -> bool:
        """Whether the principal is one of these ARNs, whatever path a role's has."""
        start, _, name = self.principal.rpartition("/")
        start = f"{start.split('/')[0]}/"
        return any(each.startswith(start) and each.rpartition("/")[2] == name for each in principals)


class Account:
    """The account of a target's credentials. Each method makes its call once or twice and raises RegistryError.

    The operation of the error is AssumeRole where the credentials of `role_arn` are not to be had.
    """

    def __init__(self, target: Target) -> None:
        session = session_for(target)
        sts: Any = session.create_client("sts", config=_TIMEOUTS)
        ecr: Any = session.create_client("ecr", endpoint_url=target.endpoint_url, config=_TIMEOUTS)
        self._sts: STSClient = sts
        self._ecr: ECRClient = ecr

        local = _is_local(ecr.meta.endpoint_url) and not _is_local(sts.meta.endpoint_url)
        self.is_of_this_machine = local and target.role_arn is None
        """Whether the registry is on this machine and STS is not: AWS knows nothing about such an account.

        Where a role is to be assumed the credentials are AWS's, wherever the registry is.
        """

    def identity(self) -> Identity:
        """Return whom the credentials belong to."""
        answer = _told("GetCallerIdentity", self._sts.get_caller_identity)
        return Identity(answer["Account"], answer["Arn"])

    def blob_mounting(self) -> bool:
        """Return whether layers may be shared between the registry's repositories."""
        answer = _told("GetAccountSetting", lambda: self._ecr.get_account_setting(name="BLOB_MOUNTING"))
        return answer.get("value") == "ENABLED"

    def pull_time_exclusions(self) -> list[str]:
        """Return the ARNs of the roles and users whose pulls leave pull times as they are."""
        found: list[str] = []
        more: dict[str, Any] = {}
        while True:
            answer = _told("ListPullTimeUpdateExclusions", lambda: self._ecr.list_pull_time_update_exclusions(**more))  # noqa: B023 - called at once
            found += answer.get("pullTimeUpdateExclusions", [])
            if not answer.get("nextToken"):
                return found
            more = {"nextToken": answer["nextToken"]}


def _is_local(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _told(operation: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except ClientError as error:
        told = error.response.get("Error", {})
        asked = "AssumeRole" if error.operation_name == "AssumeRole" else operation
        raise RegistryRefused(asked, told.get("Code") or "Unknown", told.get("Message") or "no message") from error
    except BotoCoreError as error:
        raise RegistryUnavailable(operation, type(error).__name__, str(error)) from error
