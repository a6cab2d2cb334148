"""What to do about a call that failed, by its code: the same words for `check` and for a run."""

from __future__ import annotations

import re
from typing import Final

from indexer.errors import RegistryError

_RENEW: Final = "log in again, or renew the credentials"
_SECRET: Final = "look at the secret access key, and at this machine's clock"  # noqa: S105 - advice
_WAY_OUT: Final = "look at endpoint_url, at proxies, and at the network's way out"
_ADVICE: Final = {
    "ExpiredTokenException": _RENEW,
    "ExpiredToken": _RENEW,
    "UnrecognizedClientException": "the access key is not of an account in this region: look at the credentials",
    "InvalidSignatureException": _SECRET,
    "SignatureDoesNotMatch": _SECRET,
    "EndpointConnectionError": "look at the region's name, at endpoint_url, and at the network's way out",
    "ConnectTimeoutError": "look at endpoint_url, and at the network's way out",
    "ReadTimeoutError": _WAY_OUT,
    "ConnectionClosedError": _WAY_OUT,
    "ProxyConnectionError": "look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
    "SSLError": "look at endpoint_url (http or https?), at proxies, and at AWS_CA_BUNDLE",
    "BrokenAnswer": "what answers there may be no ECR: look at endpoint_url, and at proxies",
}
_NOT_ECR: Final = re.compile(r"[0-9]{3}")
"""A code that botocore makes of the status of an answer without one: ECR's own errors have names."""
_TAG: Final = re.compile(r"<[^>]*>")


def advice(code: str) -> str | None:
    """Return what to do about a code, None where the code says all."""
    return _ADVICE["BrokenAnswer"] if _NOT_ECR.fullmatch(code) else _ADVICE.get(code)


def advised(error: RegistryError) -> str:
    """Return an error with what to do about it, in one line: `operation: code: reason; advice`."""
    said = f"{error.operation}: {error.code}: {in_short(error.reason)}"
    found = advice(error.code)
    return said if found is None else f"{said.rstrip('.')}; {found}"


def in_short(reason: str) -> str:
    """Return what was said in one line, of a page in HTML its words."""
    return " ".join((_TAG.sub(" ", reason) if "<html" in reason.lower() else reason).split())
