"""One segment: its four files, its texts against their digests, its rows against its texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from indexer.errors import StoreDamaged
from indexer.flatten import VERSION, is_genuine
from indexer.store import layout
from indexer.store.known import Known
from indexer.store.places import Folder
from indexer.store.upkeep.findings import Findings
from indexer.store.upkeep.holding import Tables
from indexer.store.upkeep.reading import RESTORE, footer, is_intact, read
from indexer.store.upkeep.rebuilding import rebuilt, rows
from indexer.tables import CONFIGS, INDEX_ENTRIES, LAYERS, MANIFESTS, SEGMENT_TABLES, Table

REMAKE: Final = "indexer verify --repair makes the rows anew from the manifests' texts"
_OWNER: Final = {MANIFESTS: "manifest_digest", LAYERS: "manifest_digest", CONFIGS: "manifest_digest"} | {
    INDEX_ENTRIES: "index_digest"
}
_REFETCH: Final = "Restore it from a backup, or indexer verify --repair drops it: the next indexer run fetches it again"


class Cure(NamedTuple):
    """How to repair a segment or a run: keep the manifests in these places and make their rows anew, or (None) drop it.

    `flattener` is the version that then made the rows. A run that is kept is told which of its images are not `known`.
    """

    keep: list[int] | None
    flattener: int = VERSION
    known: Known | None = None


class Place(NamedTuple):
    """A store to check, and the names of the files in each table's folder."""

    folder: Folder
    there: Mapping[str, frozenset[str]]


def check_segment(place: Place, name: str, known: Known, findings: Findings) -> Cure | None:
    """Check a segment and add its digests to `known`; return what would repair it, None where it is sound."""
    found = read_tables(place, SEGMENT_TABLES, name, findings, lambda table: _REFETCH if table is MANIFESTS else REMAKE)
    harmed = findings.any_damage()
    manifests = found.get(MANIFESTS.name)
    if manifests is None:
        return Cure(None)
    keep = _good(manifests, layout.published_key(MANIFESTS, name), known, findings)
    cure = Cure(keep) if len(keep) < len(manifests) or harmed else None
    made = footer(place.folder.path(layout.published_key(MANIFESTS, name))).flattener
    if made != VERSION:
        _note_version(layout.published_key(MANIFESTS, name), made, findings)
        return cure
    expected = rebuilt(manifests)
    same = [
        _compare(table, found[table.name], expected, name, findings) for table in SEGMENT_TABLES if table.name in found
    ]
    return Cure(keep) if cure is not None or not all(same) else None


def read_tables(
    place: Place, tables: Sequence[Table], name: str, findings: Findings, advice: Callable[[Table], str]
) -> dict[str, pa.Table]:
    """Read a segment's or a run's files; one that is missing or unreadable is found and left out.

    One that was changed and can be read all the same is found too: a reader may skip rows of it and say nothing.
    """
    found = {}
    for table in tables:
        key = layout.published_key(table, name)
        if name + layout.SUFFIX not in place.there[table.name]:
            findings.damage("missing file", key, f"The commit of {name} promises it", advice(table))
            continue
        try:
            found[table.name] = read(place.folder, table, name)
            if not is_intact(place.folder, table, name):
                detail = "Its bytes are not those that were written: it has another SHA-256 than it says"
                findings.damage("changed file", key, detail, REMAKE if table is MANIFESTS else advice(table))
        except StoreDamaged as error:
            findings.damage("unreadable file", key, str(error).removesuffix(RESTORE).strip(), advice(table))
    return found


def _good(manifests: pa.Table, key: str, known: Known, findings: Findings) -> list[int]:
    """Return the places of the manifests whose text is genuine and that are in the store for the first time."""
    keep = []
    for place, row in enumerate(rows(manifests)):
        digest = row.manifest_digest
        genuine = is_genuine(row)
        if genuine is False or (genuine is None and row.verified):
            detail = "The stored text does not hash to the digest"
            findings.damage("wrong digest", key, detail, _REFETCH, digest)
        elif not known.add(digest):
            advice = "indexer verify --repair keeps the first"
            findings.damage("duplicate manifest", key, "The store has it already, here or before", advice, digest)
        else:
            keep.append(place)
    return keep


def _note_version(key: str, made: int, findings: Findings) -> None:
    if made < VERSION:
        advice = "indexer reflatten makes them anew"
        findings.note("older rows", key, f"Flattener {made} made the rows; this is {VERSION}", advice)
    else:
        detail = f"Flattener {made} made the rows, which this version ({VERSION}) cannot check"
        findings.note("newer rows", key, detail, "Use that version of indexer")


def _compare(table: Table, stored: pa.Table, expected: Tables, name: str, findings: Findings) -> bool:
    """Whether the stored rows are those that the texts give; in whatever order."""
    if stored.equals(expected[table.name]):
        return True
    have, want = _grouped(table, stored), _grouped(table, expected[table.name])
    owners = set(_grouped(MANIFESTS, expected["manifests"]))
    key = layout.published_key(table, name)
    for digest in sorted(digest for digest in have.keys() | want.keys() if have.get(digest) != want.get(digest)):
        if digest not in owners:
            findings.damage("rows without manifest", key, "No manifest of this segment has them", REMAKE, digest)
        else:
            findings.damage("wrong rows", key, _difference(table, have.get(digest), want.get(digest)), REMAKE, digest)
    return have == want


def _grouped(table: Table, stored: pa.Table) -> Mapping[str, list[tuple[Any, ...]]]:
    """Return the rows of each manifest, in the order of their positions."""
    columns = [column.to_pylist(maps_as_pydicts="lossy") for column in stored.columns]
    names = stored.schema.names
    owner, position = names.index(_OWNER[table]), names.index("position") if "position" in names else None
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in zip(*columns, strict=True):
        found[row[owner]].append(row)
    if position is not None:
        for each in found.values():
            each.sort(key=lambda row: row[position])
    return dict(found)


def _difference(table: Table, have: list[tuple[Any, ...]] | None, want: list[tuple[Any, ...]] | None) -> str:
    have, want = have or [], want or []
    if len(have) != len(want):
        return f"There are {len(have)} rows; the text gives {len(want)}"
    names = table.schema.names
    wrong = {
        name
        for one, other in zip(have, want, strict=True)
        for name, a, b in zip(names, one, other, strict=True)
        if a != b
    }
    return f"The text gives another {', '.join(sorted(wrong))}"
