"""`find`: everything known about a digest, an image by its tag, or a repository, as one object fit for JSON.

What the text names is decided in this order: a whole digest, the exact name of a repository, an image by its tag, the
beginning of a digest. Figures are of the current state: what repositories hold as last listed.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from indexer.errors import UsageError, did_you_mean, nearest
from indexer.front.asking import Asking, Row
from indexer.front.beginnings import completed
from indexer.front.digests import digest_page
from indexer.front.errors import Ambiguous, NotFound
from indexer.front.references import SHORTEST, Reference, too_short, whole, why_no_digest
from indexer.front.repositories import repository_page

_EXAMPLES = 3


def find(asking: Asking, text: str) -> dict[str, Any]:
    """Return everything known about what `text` names (indexer.front.references says what that may be).

    The object has `looked_for`, and either `digest` with what it is, or `repositories`. Raises UsageError for text
    that can name nothing, NotFound where nothing is of that name, Ambiguous where several things are.
    """
    reference = Reference.parse(text)
    return {"looked_for": reference.text} | _page(asking, reference)


def _page(asking: Asking, reference: Reference) -> dict[str, Any]:
    if reference.digest is not None:
        return _digest_page(asking, reference, reference.digest)
    if whole(reference.part or ""):
        return _digest_page(asking, reference, str(reference.part))
    if reference.tag is not None and (digest := _tagged(asking, reference)) is not None:
        return digest_page(asking, digest, is_image=True) | {"tag": reference.tag}
    repositories = _repositories(asking, reference)
    if repositories and reference.tag is None:
        return repository_page(asking, repositories)
    if repositories:
        raise NotFound(_no_tag(asking, reference))
    if (wrong := why_no_digest(reference.text)) is not None:
        raise UsageError(wrong)
    if reference.part is not None:
        return _digest_page(asking, reference, reference.part)
    raise NotFound(_no_repository(asking, reference))


def _digest_page(asking: Asking, reference: Reference, digest: str) -> dict[str, Any]:
    named = reference.digest is not None and reference.repository is not None  # REPOSITORY@DIGEST
    if named and not _repositories(asking, reference):
        raise NotFound(_no_repository(asking, reference))
    page = digest_page(asking, digest if whole(digest) else _completed(asking, reference, digest))
    if page["roles"] or page["formerly"]:
        if named:
            _check_place(asking, reference, page["digest"])
        return page
    raise NotFound(
        f"{digest} is not in {asking.place}: no manifest, layer, config or index entry there has this digest"
        f"{_nothing_yet(asking)}"
    )


def _check_place(asking: Asking, reference: Reference, digest: str) -> None:
    """Raise NotFound where the repository that the reference names has nothing to do with the digest."""
    places = asking.rows("digest_places", digest=digest)
    if any(row["repository"] == reference.repository and _is_of(reference, row) for row in places):
        return
    names = list(dict.fromkeys(row["repository"] for row in places))
    more = f" and {len(names) - _EXAMPLES:,} more" if len(names) > _EXAMPLES else ""
    known = f"; it is in {', '.join(names[:_EXAMPLES])}{more}" if names else ""
    raise NotFound(f"{digest} is not in {reference.repository}{_of_host(reference)}{known}")


def _completed(asking: Asking, reference: Reference, beginning: str) -> str:
    if too_short(beginning):
        raise UsageError(
            f"'{reference.text}' is too short for a digest, give at least {SHORTEST} characters of it; "
            f"and no repository in {asking.place} has this name{_as_tag(asking, reference.text)}"
        )
    digest = completed(asking, beginning, reference.text)
    if digest is None:
        raise NotFound(
            f"no digest in {asking.place} begins with '{beginning}', and no repository has this name"
            f"{_nothing_yet(asking)}{_as_tag(asking, reference.text)}"
        )
    return digest


def _repositories(asking: Asking, reference: Reference) -> list[Row]:
    if reference.repository is None:
        return []
    rows = asking.rows("repositories", repository=reference.repository)
    return [row for row in rows if _is_of(reference, row)]


def _is_of(reference: Reference, row: Row) -> bool:
    """Whether a row is of the account and region that the reference's host names, if it has one."""
    return (reference.registry_id is None or reference.registry_id == row["registry_id"]) and (
        reference.region is None or reference.region == row["region"]
    )


def _tagged(asking: Asking, reference: Reference) -> str | None:
    """Return the digest of REPOSITORY:TAG, None where there is none; Ambiguous where accounts or regions differ."""
    rows = asking.rows("tagged", repository=reference.repository, tag=reference.tag)
    rows = [row for row in rows if _is_of(reference, row)]
    digests = {row["manifest_digest"] for row in rows}
    if len(digests) > 1:
        lines = [f"  {row['registry_id']}/{row['region']}  {row['manifest_digest']}" for row in rows]
        raise Ambiguous("\n".join([f"{reference.text} is not the same everywhere; name one by its digest:", *lines]))
    return str(digests.pop()) if digests else None


def _no_tag(asking: Asking, reference: Reference) -> str:
    tags = [row["tag"] for row in asking.rows("repository_tags", repository=reference.repository)]
    said = f"{reference.repository} in {asking.place} has no tag '{reference.tag}'"
    if not tags:
        return f"{said}; it has no tags at all"
    such_as = get_close_matches(str(reference.tag), tags, n=3) or nearest(str(reference.tag), tags) or tags[:3]
    return f"{said}; it has {len(tags)}, such as {', '.join(such_as)}"


def _as_tag(asking: Asking, text: str) -> str:
    """Return how to name a tag, where `text` is one that stands alone."""
    (found,) = asking.rows("tag_holders", tag=text)
    if not found["repositories"]:
        return ""
    holders = "a repository" if found["repositories"] == 1 else f"{found['repositories']:,} repositories"
    return f"; it is a tag of {holders}: name it REPOSITORY:TAG, such as {found['such_as']}:{text}"


def _no_repository(asking: Asking, reference: Reference) -> str:
    where = _of_host(reference)
    if not where and reference.tag is None and (as_tag := _as_tag(asking, reference.text)):
        return f"there is no repository '{reference.repository}' in {asking.place}{as_tag}"
    if any(sign in str(reference.repository) for sign in "*?["):
        named = f"'{reference.repository}'"
        globs = f"indexer query storage-by-repository -p repository={named}"
        return f"there is no repository {named} in {asking.place}; find takes one name, {globs} takes globs"
    if where and (rows := asking.rows("repositories", repository=reference.repository)):
        others = ", ".join(f"{row['registry_id']} in {row['region']}" for row in rows[:_EXAMPLES])
        return f"there is no repository '{reference.repository}'{where} in {asking.place}; there is one of {others}"
    names = [row["repository"] for row in asking.rows("repository_names")]
    known = "; indexer query storage-by-repository lists them"
    hint = did_you_mean(str(reference.repository), names, known) if names else _nothing_yet(asking)
    return f"there is no repository '{reference.repository}'{where} in {asking.place}{hint}"


def _nothing_yet(asking: Asking) -> str:
    return "" if asking.rows("run_ids") else "; no run is committed there yet, indexer run makes the first"


def _of_host(reference: Reference) -> str:
    return f" of {reference.registry_id} in {reference.region}" if reference.registry_id else ""
