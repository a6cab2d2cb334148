"""Pages and their tokens.

A token holds the place in the listing, sealed with the registry's key and bound to the request that it came from, so
it survives changes between two pages: what is added later or taken away never shifts the rest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from indexer.local_ecr.protocol import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from indexer.local_ecr.protocol import ApiError
    from indexer.local_ecr.registry import Registry

_DEFAULT_RESULTS = 100
_SEAL_BYTES = 12

# A row's place is anything JSON can carry that tells where to go on: a name, or a sequence number and a tag.
Place = list[Any]


@dataclass(frozen=True)
class Page:
    """Rows of one page, and the token of the next one (None on the last)."""

    rows: list[Any]
    token: str | None


def unknown_token() -> ApiError:
    """InvalidParameterException for a token that is not, or no longer, good for this request."""
    return invalid_parameter("nextToken", "must be the token of an earlier answer to the same request")


def page(
    registry: Registry,
    scope: list[Any],
    parameters: dict[str, Any],
    rows_after: Callable[[Place | None], Iterable[tuple[Place, Any]]],
) -> Page:
    """The page that `parameters` (nextToken, maxResults) ask for.

    `scope` is what a token is bound to; `rows_after(place)` gives the rows behind a place, None being the start, each
    with its own place. ApiError InvalidParameterException for a token of another scope.
    """
    place, number = _open(registry, scope, parameters.get("nextToken"))
    limit, is_short = _limit(registry, number, parameters.get("maxResults") or _DEFAULT_RESULTS)
    rows: list[Any] = []
    more = False
    for at, row in rows_after(place):
        if len(rows) == limit:
            more = True
            break
        rows.append(row)
        place = at
    return Page(rows, _seal(registry, scope, place, number + 1) if more or is_short else None)


def _limit(registry: Registry, number: int, asked: int) -> tuple[int, bool]:
    """How many rows page `number` may hold, and whether it is cut short, which always leaves a token."""
    limit = min(asked, registry.page_limit or asked)
    if not registry.short_pages or number % 2:
        return limit, False
    return (0 if number % 4 == 0 else limit // 2), True


def _seal(registry: Registry, scope: list[Any], place: Place | None, number: int) -> str:
    payload = orjson.dumps([place, number])
    return base64.urlsafe_b64encode(_mac(registry, scope, payload) + payload).decode()


def _open(registry: Registry, scope: list[Any], token: str | None) -> tuple[Place | None, int]:
    if token is None:
        return None, 0
    try:
        sealed = base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError):
        raise unknown_token() from None
    payload = sealed[_SEAL_BYTES:]
    if not hmac.compare_digest(sealed[:_SEAL_BYTES], _mac(registry, scope, payload)):
        raise unknown_token()
    place, number = orjson.loads(payload)
    return place, number


def _mac(registry: Registry, scope: list[Any], payload: bytes) -> bytes:
    content = orjson.dumps(scope, option=orjson.OPT_SORT_KEYS) + b"\0" + payload
    return hashlib.blake2b(content, key=registry.token_key, digest_size=_SEAL_BYTES).digest()
