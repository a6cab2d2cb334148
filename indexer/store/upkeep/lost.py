"""Images whose manifest the store does not have, and of which their run does not say why.

A run ends with each of its images known, archived, or among its failures, and readers stand on that. Where manifests
are given up, the runs that saw them are to say so.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from indexer.compute import pc
from indexer.store.known import Known
from indexer.store.upkeep.holding import Held, Span
from indexer.store.upkeep.reading import read
from indexer.tables import FAILURES, IMAGES, RUN_TABLES, RUNS, FailureRow

_NOT_GIVEN: Final = ["ARCHIVED", "ACTIVATING"]
"""Statuses of images whose manifests ECR does not give: that they are unknown is no failure."""
_AT_ONCE: Final = 50_000
_CAUSE: Final = ("Verify", "ManifestLost", "it was damaged in the store and given up; indexer run fetches it again")


def lost_images(images: pa.Table, failures: pa.Table, known: Known) -> pa.Table:
    """Return those rows of a run's `images` that are neither of `known` manifests nor explained."""
    not_given = pc.is_in(images.column("status"), options=pc.SetLookupOptions(pa.array(_NOT_GIVEN)))
    asked = images.filter(pc.invert(not_given))
    missing: list[bool] = []
    for start in range(0, len(asked), _AT_ONCE):
        missing += known.missing(asked.column("manifest_digest").slice(start, _AT_ONCE).to_pylist())
    unknown = asked.filter(pa.array(missing, pa.bool_()))
    told = failures.column("manifest_digest").combine_chunks()
    return unknown.filter(pc.invert(pc.is_in(unknown.column("manifest_digest"), options=pc.SetLookupOptions(told))))


def tell_lost(held: Held, name: str, known: Known) -> None:
    """Make a run anew that says of each image that is lost that it failed."""
    tables = {table.name: read(held.folder, table, name) for table in RUN_TABLES}
    lost = lost_images(tables[IMAGES.name], tables[FAILURES.name], known)
    tables[FAILURES.name] = pa.concat_tables([tables[FAILURES.name], _failures(lost)])
    for column, value in (("failures", len(tables[FAILURES.name])), ("complete", False)):
        at = RUNS.schema.get_field_index(column)
        tables[RUNS.name] = tables[RUNS.name].set_column(
            at, RUNS.schema.field(at), pa.array([value], RUNS.schema.field(at).type)
        )
    held.replace(RUNS, Span.of(name), tables)


def _failures(images: pa.Table) -> pa.Table:
    named = images.select(["run_id", "registry_id", "region", "repository", "manifest_digest", "tags"])
    rows = zip(*(column.to_pylist() for column in named.columns), strict=True)
    failed = [FailureRow._make((*place, tags[0] if tags else None, *_CAUSE)) for *place, tags in rows]
    return pa.Table.from_pylist([row._asdict() for row in failed], schema=FAILURES.schema)
