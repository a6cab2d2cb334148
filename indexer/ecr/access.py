"""The way into a target: its client, made anew where the credentials ran out in the middle of a run.

Credentials of a role renew themselves before they expire. Others do not: keys that a person's tool puts into
~/.aws/credentials, or variables. Whoever renews those does it where boto3 looks, so looking once more may help.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from indexer.errors import RegistryError, RegistryRefused, RegistryUnavailable

C = TypeVar("C")

EXPIRED: Final = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"}
)
"""What ECR says of credentials that are good no more."""
_RENEWALS: Final = 2
"""Clients made in a row whose credentials are refused as well before the target is given up."""


class Access(Generic[C]):
    """A client that threads share; `renew` makes another one, None where that is not possible."""

    def __init__(self, client: C | None, renew: Callable[[], C] | None = None) -> None:
        self._client = client
        self._renew = renew
        self._renewals = 0
        self._refusal: RegistryRefused | None = None
        self._lock = threading.Lock()

    @classmethod
    def refused(cls, error: RegistryRefused) -> Access[C]:
        """Return the way into a target that cannot be entered: every call meets `error`."""
        access = cls(None)
        access._refusal = error
        return access

    @property
    def client(self) -> C:
        """The client to ask with; only where `check` does not raise."""
        assert self._client is not None  # noqa: S101 - says so to the type checker
        return self._client

    def check(self, operation: str) -> None:
        """Raise RegistryRefused where it is known that no call would be let in."""
        if self._refusal is not None:
            operation = operation if self._client is not None else self._refusal.operation
            raise RegistryRefused(operation, self._refusal.code, self._refusal.reason)

    def worked(self) -> None:
        """Note that a call was let in."""
        self._renewals = 0

    def expired(self, told: RegistryError, client: object) -> RegistryError:
        """Return what became of a call that `client` made with credentials that are good no more.

        RegistryUnavailable where there is another client now, RegistryRefused where there is none to be had: then every
        other call meets the same.
        """
        with self._lock:
            if self._client is not client:  # another thread was here first
                return RegistryUnavailable(told.operation, told.code, told.reason)
            if self._refusal is None and self._renew is not None and self._renewals < _RENEWALS:
                self._renewals += 1
                try:
                    self._client = self._renew()
                except RegistryError as error:
                    told = error
                else:
                    return RegistryUnavailable(told.operation, told.code, told.reason)
            reason = f"{told.reason} (new credentials were looked for and not found: renew them and run it again)"
            self._refusal = RegistryRefused(told.operation, told.code, reason)
            return self._refusal
