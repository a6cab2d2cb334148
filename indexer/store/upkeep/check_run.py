"""One run: its four files, its rows against each other and against what it says of itself."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from indexer.compute import pc
from indexer.store import layout
from indexer.store.known import Known
from indexer.store.upkeep.check_segment import Cure, Place, read_tables
from indexer.store.upkeep.findings import Findings
from indexer.store.upkeep.lost import lost_images
from indexer.tables import IMAGES, REPOSITORIES, RUN_TABLES, RUNS, Table

_RESTORE: Final = (
    "Restore its files from a backup, or indexer verify --repair gives the run up: what it saw is forgotten"
)
_TELL: Final = "indexer verify --repair writes it down as failures of the run; the next indexer run fetches them again"
_PLACE: Final = ["registry_id", "region", "repository"]


def check_run(place: Place, name: str, known: Known | None, findings: Findings) -> Cure | None:
    """Check a run's files; return what would repair it, None where it is sound.

    `known` are the manifests of the store, None where it is not certain that these are all.
    """
    before = findings.any_damage()
    found = read_tables(place, RUN_TABLES, name, findings, lambda _: _RESTORE)
    if len(found) == len(RUN_TABLES):
        for table in RUN_TABLES:
            _check_ids(table, found[table.name], name, findings)
        for table in (REPOSITORIES, IMAGES):
            _check_unique(table, found[table.name], name, findings)
        _check_listed(found, name, findings)
        _check_counts(found, name, findings)
    if findings.any_damage() and not before:
        return Cure(None)
    if known is not None and len(found) == len(RUN_TABLES) and _lack_manifests(found, name, known, findings):
        return Cure([], known=known)
    return None


def _check_ids(table: Table, stored: pa.Table, name: str, findings: Findings) -> None:
    others = pc.unique(stored.column("run_id")).to_pylist()
    if [each for each in others if each != layout.run_of(name)]:
        key = layout.published_key(table, name)
        findings.damage("wrong run_id", key, "Rows are of another run than the file", _RESTORE)


def _check_unique(table: Table, stored: pa.Table, name: str, findings: Findings) -> None:
    counted = stored.group_by(list(table.key)).aggregate([([], "count_all")])
    repeated = counted.filter(pc.greater(counted.column("count_all"), 1))
    for row in repeated.to_pylist():
        subject = "/".join(str(row[each]) for each in table.key if each != "run_id")
        detail = f"The run has it {row['count_all']} times"
        findings.damage("duplicate row", layout.published_key(table, name), detail, _RESTORE, subject)


def _check_listed(found: dict[str, pa.Table], name: str, findings: Findings) -> None:
    """Every image stands in a repository that the run listed whole: no other is ever shown."""
    repositories = found["repositories"]
    listed = repositories.filter(pc.equal(repositories.column("status"), "listed")).select(_PLACE)
    there = found["images"].select(_PLACE).group_by(_PLACE).aggregate([])
    for row in there.join(listed, keys=_PLACE, join_type="left anti").to_pylist():
        subject = "/".join(row[each] for each in _PLACE)
        detail = "It has images, but the run did not list it whole"
        findings.damage("images without listing", layout.published_key(IMAGES, name), detail, _RESTORE, subject)


def _lack_manifests(found: dict[str, pa.Table], name: str, known: Known, findings: Findings) -> bool:
    """Whether images are unknown, and neither archived nor failures: no figure would say that it leaves them out."""
    lost = lost_images(found["images"], found["failures"], known)
    if len(lost):
        example = lost.column("manifest_digest")[0].as_py()
        detail = (
            f"{len(lost)} images whose manifests are not in the store, and no failure that says why: {example}, say"
        )
        findings.damage("images without manifest", layout.published_key(IMAGES, name), detail, _TELL)
    return len(lost) > 0


def _check_counts(found: dict[str, pa.Table], name: str, findings: Findings) -> None:
    key = layout.published_key(RUNS, name)
    if len(found["runs"]) != 1:
        findings.damage("wrong count", key, f"It has {len(found['runs'])} rows, and a run is one", _RESTORE)
        return
    said: dict[str, Any] = found["runs"].to_pylist()[0]
    listed = pc.sum(pc.equal(found["repositories"].column("status"), "listed")).as_py() or 0
    there = {"images": len(found["images"]), "failures": len(found["failures"]), "repositories": listed}
    for column, count in there.items():
        if said[column] != count:
            detail = f"The run says {said[column]} {column}; its files have {count}"
            findings.damage("wrong count", key, detail, _RESTORE, column)
    if said["complete"] != (said["failures"] == 0):
        findings.damage("wrong count", key, "It says complete and has failures, or neither", _RESTORE, "complete")
