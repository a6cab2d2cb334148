"""What no figure about a store can know, in words."""

from __future__ import annotations

from indexer.cli.cells import counted
from indexer.front import OpenStore

_UNKNOWN_IMAGES = """
select count(*)
from images
left join all_manifests using (manifest_digest)
where all_manifests.kind is null or all_manifests.kind = 'unknown'
"""
_OLD_LISTINGS = "select count(*), min(listed_at at time zone 'UTC') from stale_repositories"


def remarks(store: OpenStore) -> list[str]:
    """Return what every figure of now leaves out: an image whose manifest is unknown may use any layer."""
    ((unknown,),) = store.sql(_UNKNOWN_IMAGES).fetchall()
    ((behind, oldest),) = store.sql(_OLD_LISTINGS).fetchall()
    found = []
    if unknown:
        found.append(
            f"left out: {counted(unknown, 'image')} of unknown content; indexer query unfetched-images says why"
        )
    if behind:
        since = f"as of {oldest:%Y-%m-%d %H:%M} UTC" if oldest is not None else "without any listing"
        count = counted(behind, "repository", "repositories")
        found.append(f"not current: {count} not listed by the newest run, {since}")
    return found
