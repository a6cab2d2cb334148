"""The beginning of a digest, as people copy it from a table, made whole."""

from __future__ import annotations

from collections.abc import Mapping

from indexer.catalog import Query
from indexer.errors import UsageError
from indexer.front.asking import Asking
from indexer.front.errors import Ambiguous, NotFound
from indexer.front.references import SHORTEST, is_part, too_short, whole, why_no_digest

_CANDIDATES = 20


def completed(asking: Asking, beginning: str, shown: str) -> str | None:
    """Return the digest in the store that begins with `beginning`, None where there is none.

    `shown` is what messages call it. Raises Ambiguous, which names them, where there are several.
    """
    found = asking.rows("digests", beginning=beginning, most=_CANDIDATES + 1)
    if len(found) > 1:
        lines = [f"  {row['digest']}  {row['what']}" for row in found[:_CANDIDATES]]
        more = ["  ... and more"] if len(found) > _CANDIDATES else []
        title = f"'{shown}' is the beginning of several digests; give more of it:"
        raise Ambiguous("\n".join([title, *lines, *more]))
    return str(found[0]["digest"]) if found else None


def with_whole_digests(asking: Asking, query: Query, given: Mapping[str, object]) -> dict[str, object]:
    """Return `given` with the beginnings of digests made whole, for those parameters that are digests.

    What cannot be a digest stays, for the query to refuse. Raises UsageError for too short a beginning, NotFound where
    no digest begins so, Ambiguous where several do.
    """
    digests = {parameter.name for parameter in query.parameters if parameter.type == "digest"}
    return {
        name: _whole(asking, name, value) if name in digests and isinstance(value, str) else value
        for name, value in given.items()
    }


def _whole(asking: Asking, name: str, text: str) -> str:
    beginning = text.strip().lower()
    if whole(beginning) or not is_part(beginning):
        return beginning if whole(beginning) else text
    if (wrong := why_no_digest(beginning)) is not None:
        raise UsageError(f"{name}: {wrong}")
    if too_short(beginning):
        raise UsageError(f"{name}={text} is too short for a digest, give at least {SHORTEST} characters of it")
    digest = completed(asking, beginning, text)
    if digest is None:
        raise NotFound(f"{name}={text}: no digest in {asking.place} begins so; give it as a table or ECR shows it")
    return digest
