"""`indexer status`: how fresh the store is, what it covers, what failed, and the newest runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from indexer.catalog import fetch, python_rows
from indexer.cli import output
from indexer.cli.cells import age, counted, local_time
from indexer.cli.options import Format
from indexer.cli.page import Page
from indexer.cli.places import open_store
from indexer.cli.remarks import remarks
from indexer.cli.rows import print_rows, say_what_is_missing
from indexer.front import OpenStore, Rows

_NOTHING = "no run is committed yet in {place}; indexer run makes the first"
_KEPT = """
select count(*) as manifests, max(fetched_at) as newest
from all_manifests
where fetched_at > coalesce((select max(finished_at) from runs), timestamptz '1970-01-01 00:00:00Z')
"""
_RUNS = """
select started_at, complete, failures, images, manifests_fetched, requests, repositories, finished_at, run_id
from runs
order by run_id desc
"""
_TARGETS = """
with
covered_targets as (
    select started_at, run_id, unnest(targets, max_depth := 2)
    from runs
),
newest_covers as (
    select registry_id, region, max(run_id) as run_id, max(started_at) as covered_at
    from covered_targets
    group by registry_id, region
),
figures as (
    select registry_id, region, count(*) as repositories, count(*) filter (where status = 'failed') as not_listed
    from repositories
    group by registry_id, region
),
image_figures as (
    select registry_id, region, count(*) as images
    from images
    group by registry_id, region
)
select
    registry_id,
    region,
    newest_covers.covered_at,
    coalesce(figures.repositories, 0) as repositories,
    coalesce(figures.not_listed, 0) as not_listed,
    coalesce(image_figures.images, 0) as images,
    (
        select count(*)
        from failures
        where
            failures.region = newest_covers.region
            and failures.registry_id is not distinct from newest_covers.registry_id
    ) as failures
from newest_covers
left join figures using (registry_id, region)
left join image_figures using (registry_id, region)
order by registry_id, region
"""
_FAILURES = """
select operation, code, count(*) as failures, min(repository) as such_as, any_value(reason order by reason) as reason
from failures
group by operation, code
order by count(*) desc, operation, code
"""

_CONTENTS = """
with
documents as (
    select manifest_digest, kind
    from all_manifests
),
-- What is listed and what is stored is joined once: to join it is most of what this page takes.
odd_ones as materialized (
    select images.manifest_digest as image_digest, documents.manifest_digest as stored_digest
    from images
    full join documents on documents.manifest_digest = images.manifest_digest
    where images.manifest_digest is null or coalesce(documents.kind, 'unknown') = 'unknown'
),
unlisted as (
    select stored_digest as manifest_digest
    from odd_ones
    where image_digest is null
),
held_contents as ( -- as in the view unreachable_manifests
    select index_contents.manifest_digest
    from index_contents
    anti join unlisted on unlisted.manifest_digest = index_contents.index_digest
)
select
    (select count(*) from repositories) as repositories,
    (select count(*) from images) as images,
    (select count(*) from odd_ones where image_digest is not null) as images_unknown,
    (select count(*) from all_manifests) as manifests,
    (select count(*) from unlisted anti join held_contents using (manifest_digest)) as manifests_unused,
    (select count(*) from runs) as runs
"""


def show_status(config: str | None, store: str | None, format_: Format, limit: int) -> None:
    """Print the state of the store as a page; in the other formats, its newest runs as rows."""
    with open_store(config, store) as opened:
        nothing = _NOTHING.format(place=opened.location)
        if kept := _kept(opened):
            nothing += f"; {kept}"
        if format_ is not Format.TABLE:
            say_what_is_missing(print_rows(Rows(opened.runs()), format_, limit=limit, empty=nothing), limit)
        elif newest := _rows(opened, "from runs order by run_id desc limit 1"):
            _print(opened, newest[0], limit)
        else:
            output.say(nothing)


def _print(store: OpenStore, newest: dict[str, Any], limit: int) -> None:
    page = Page()
    contents = _rows(store, _CONTENTS)[0]
    page.facts(
        [
            ("store", store.location),
            ("newest run", _when(newest)),
            ("complete run", _freshness(store, newest)),
            ("holds", _holds(contents)),
            ("kept", _kept(store)),
            *(_fact(remark) for remark in remarks(store, contents["images_unknown"])),
        ]
    )
    page.table("Accounts and regions", _rows(store, _TARGETS))
    page.table("What the newest runs could not index (indexer query failures)", _rows(store, _FAILURES), limit=limit)
    runs = _rows(store, _RUNS)
    page.table("Runs, the newest first", runs, limit=limit)


def _when(run: dict[str, Any]) -> str:
    state = "complete" if run["complete"] else counted(run["failures"], "failure")
    return f"{local_time(run['started_at'])}, {age(datetime.now(UTC) - run['finished_at'])} ago, {state}"


def _freshness(store: OpenStore, newest: dict[str, Any]) -> str | None:
    """Say when the newest complete run was, where it is not the newest run."""
    if newest["complete"]:
        return None
    found = _rows(store, "from runs where complete order by run_id desc limit 1")
    return _when(found[0]) if found else "none yet"


def _kept(store: OpenStore) -> str | None:
    """Say what a run left that ended before it was committed, or that goes on; None where there is nothing."""
    row = _rows(store, _KEPT)[0]
    if not row["manifests"]:
        return None
    kept = f"{counted(row['manifests'], 'manifest')} of a run that is not committed"
    return f"{kept} {'is' if row['manifests'] == 1 else 'are'} kept, the newest of {local_time(row['newest'])}"


def _holds(row: dict[str, Any]) -> str:
    repositories = counted(row["repositories"], "repository", "repositories")
    held = counted(row["manifests"], "manifest")
    if row["manifests_unused"]:  # they are of images that are gone, for the history
        held += f" ({row['manifests'] - row['manifests_unused']:,} of them in use now)"
    return f"{repositories}, {counted(row['images'], 'image')}, {held}, {counted(row['runs'], 'run')}"


def _fact(remark: str) -> tuple[str, str]:
    name, _, text = remark.partition(": ")
    return name, text


def _rows(store: OpenStore, statement: str) -> list[dict[str, Any]]:
    return python_rows(fetch(store.sql(statement)))
