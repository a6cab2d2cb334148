"""`verify`: whether every promise of docs/format.md holds, segment by segment and run by run.

Reads as any reader does, without the lock; what a writer removes meanwhile is no damage. In memory are one segment at a
time, and 40 bytes for each manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import pyarrow as pa

from indexer.store import layout
from indexer.store.known import Known
from indexer.store.places import Folder
from indexer.store.upkeep.check_run import check_run
from indexer.store.upkeep.check_segment import Cure, Place, check_segment
from indexer.store.upkeep.findings import Finding, Findings
from indexer.store.upkeep.holding import Held, Progress, Span
from indexer.store.upkeep.lost import tell_lost
from indexer.store.upkeep.reading import read
from indexer.store.upkeep.rebuilding import rebuilt
from indexer.store.versions import parts_in, versions
from indexer.tables import IMAGES, MANIFESTS, RUNS, TABLES, Table

_LEAVE: Final = "Nothing: no command reads it. Remove it if it is not yours to keep"
_WAIT: Final = "Nothing: it is being written, or the next indexer run removes it"


class Verified(NamedTuple):
    """What was found, and how much was looked at."""

    findings: tuple[Finding, ...]
    segments: int
    runs: int
    manifests: int
    cures: tuple[tuple[Table, str, Cure], ...]
    """What `repair` would do, with which segment or run."""

    @property
    def sound(self) -> bool:
        """Whether nothing is damaged."""
        return not any(finding.level == "damage" for finding in self.findings)


def verify(folder: Folder, progress: Progress = lambda _done, _of: None) -> Verified:
    """Check a store. Raises StoreError where a file cannot be read for another reason than its content."""
    findings = Findings()
    runs, segments = versions(folder, RUNS).current, versions(folder, MANIFESTS).current
    place = Place(folder, {name: frozenset(folder.names(name)) for name in TABLES})
    known, cures = Known(), []
    gone: list[str] = []
    steps: list[tuple[Table, str, Callable[[Findings], Cure | None]]] = [
        *((MANIFESTS, name, _segment_step(place, name, known)) for name in segments),
        *((RUNS, name, _run_step(place, name, lambda: None if gone else known)) for name in runs),
    ]
    for done, (commit, name, step) in enumerate(steps):
        progress(done, len(steps))
        found = Findings()
        cure = step(found)
        if found.any_damage() and name not in versions(folder, commit).current:
            gone.append(name)  # replaced, and then removed, while it was looked at
            continue
        findings.extend(found)
        if cure is not None:
            cures.append((commit, name, cure))
    if gone and runs:
        detail = "Segments went while this looked at them, so images were not compared with manifests"
        findings.note("not compared", f"{IMAGES.name}/", detail, "Nothing is wrong by itself: run indexer verify again")
    _check_strays(folder, findings)
    return Verified(findings.all(), len(segments), len(runs), len(known), tuple(cures))


def repair(held: Held, verified: Verified) -> None:
    """Do what can be done about what was found under the same lock.

    Rows are made anew from the manifests' texts where these are good; what cannot be is given up: the next run fetches
    it again, as far as the registry still has it.
    """
    # The runs first: stopped in between, nothing is given up of which they do not tell.
    for commit, name, cure in sorted(verified.cures, key=lambda each: each[0] is not RUNS):
        if cure.known is not None:
            tell_lost(held, name, cure.known)
        elif cure.keep is None:
            held.drop(commit, name)
        else:
            good = read(held.folder, MANIFESTS, name).take(pa.array(cure.keep, pa.int64()))
            held.replace(MANIFESTS, Span.of(name), rebuilt(good), cure.flattener)


def _segment_step(place: Place, name: str, known: Known) -> Callable[[Findings], Cure | None]:
    return lambda findings: check_segment(place, name, known, findings)


def _run_step(place: Place, name: str, known: Callable[[], Known | None]) -> Callable[[Findings], Cure | None]:
    return lambda findings: check_run(place, name, known(), findings)


def _check_strays(folder: Folder, findings: Findings) -> None:
    """Report files that belong to no commit: another program's, or a dead (or a working) writer's."""
    for name in folder.names(layout.STAGING):
        if layout.is_staged(name):
            findings.note("unfinished file", f"{layout.STAGING}/{name}", "It was never published", _WAIT)
        else:
            findings.note("stray file", f"{layout.STAGING}/{name}", "No writer of this program made it", _LEAVE)
    for commit in (MANIFESTS, RUNS):
        there = {part.name for part in parts_in(folder, commit) if not part.is_mark}
        for table in (commit, *layout.dependents(commit)):
            _check_folder(folder, table, there, findings)


def _check_folder(folder: Folder, table: Table, commits: Iterable[str], findings: Findings) -> None:
    for file_name in folder.names(table.name):
        name = layout.name_in(table, file_name)
        if name is None:
            if layout.pruned_in(table, file_name) is None:
                detail = "No writer of this program made it"
                findings.note("stray file", f"{table.name}/{file_name}", detail, _LEAVE)
        elif name not in commits and TABLES[table.name] not in {MANIFESTS, RUNS}:
            findings.note("uncommitted file", f"{table.name}/{file_name}", "Its segment or run has no commit", _WAIT)
