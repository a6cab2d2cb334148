"""What no figure about a store can know, in words."""

from __future__ import annotations

from indexer.cli.cells import counted
from indexer.front import OpenStore

_ANY_REASON = """
select
    exists(from images where status is distinct from 'ACTIVE')
    or exists(from failure_history where manifest_digest is not null)
    or exists(from all_manifests where kind = 'unknown')
"""
"""Why an image may be unknown: a run ends with all others in the store (`indexer verify` checks it).

Mostly there is no reason at all, and to compare a million images with the manifests would be a third of `indexer find`.
"""
_UNKNOWN_IMAGES = """
with doubtful as (
    select manifest_digest
    from images
    where status is distinct from 'ACTIVE'
    union all
    select manifest_digest
    from images
    semi join (
        select manifest_digest
        from failure_history
        where manifest_digest is not null
        union all
        select manifest_digest
        from all_manifests
        where kind = 'unknown'
    ) using (manifest_digest)
    where status = 'ACTIVE'
)
select count(*)
from doubtful
anti join (select manifest_digest from all_manifests where kind <> 'unknown') using (manifest_digest)
"""
_OLD_LISTINGS = "select count(*), min(listed_at at time zone 'UTC') from stale_repositories"
_CAUSES = "select cause, count(*) from stale_causes group by cause order by cause"
STALE = {
    "failed": "failed",
    "target failed": "of an account and region that failed",
    "left out": "left out by include and exclude",
    "not configured": "of an account and region that config.yaml does not have",
}
_FILTERS = """
select tag_status, image_status
from runs
where tag_status <> 'any' or image_status <> 'any'
order by run_id desc
limit 1
"""
"""Of the newest run alone it would miss the listings of before; one filtered run makes any set of images doubtful."""


def remarks(store: OpenStore, unknown: int | None = None) -> list[str]:
    """Return what every figure of now leaves out: an image whose manifest is unknown may use any layer.

    `unknown` is how many such images there are, from whoever has counted them.
    """
    if unknown is None:
        unknown = _unknown_images(store)
    ((behind, oldest),) = store.sql(_OLD_LISTINGS).fetchall()
    found = []
    if unknown:
        found.append(
            f"left out: {counted(unknown, 'image')} of unknown content; indexer query unfetched-images says why"
        )
    if behind:
        since = f"as of {oldest:%Y-%m-%d %H:%M} UTC" if oldest is not None else "without any listing"
        count = counted(behind, "repository", "repositories")
        causes = ", ".join(f"{number:,} {STALE[cause]}" for cause, number in store.sql(_CAUSES).fetchall())
        found.append(f"not current: {count} not listed by the newest run, {since} ({causes})")
    return [*found, *filters(store)]


def _unknown_images(store: OpenStore) -> int:
    ((any_reason,),) = store.sql(_ANY_REASON).fetchall()
    count: int = store.sql(_UNKNOWN_IMAGES).fetchall()[0][0] if any_reason else 0
    return count


def filters(store: OpenStore) -> list[str]:
    """Return what to know where a run was told to leave images out: nobody sees what they would have kept alive."""
    return [
        f"filtered: a run was told to list images with tag_status {tags} and image_status {images} only. An index "
        "that is not listed keeps nothing alive here: what seems untagged or deletable may be part of it"
        for tags, images in store.sql(_FILTERS).fetchall()
    ]
