"""Which runs the current state stands on: without them, a question about today would get another answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from indexer.store.facts import RepositoryKey
from indexer.store.places import Folder
from indexer.store.upkeep.reading import read
from indexer.tables import REPOSITORIES, RUNS


class Seen(NamedTuple):
    """Of one repository: the newest runs that had a row of it, that listed it whole, and that found it deleted."""

    newest: str
    listed: str | None = None
    deleted: str | None = None

    @property
    def is_deleted(self) -> bool:
        """Whether its newest row says that it is deleted."""
        return self.newest == self.deleted

    @property
    def holds(self) -> str | None:
        """The listing that says what it holds now; None where there is none since it was last found deleted."""
        return self.listed if self.deleted is None or (self.listed or "") > self.deleted else None


class Snapshots(NamedTuple):
    """What there is to know of the committed runs, by their ids."""

    names: dict[str, str]
    """id -> the name of its files."""
    complete: set[str]
    covering: dict[tuple[str | None, str], str]
    """(registry_id, region) -> the newest run that covered it."""
    started: dict[str, int]
    """id -> when that run started, microseconds since 1970."""
    repositories: dict[RepositoryKey, Seen]
    before: dict[RepositoryKey, list[str]]
    """Of the repositories that hold nothing since they were found deleted: the runs that had them before."""


def snapshots(folder: Folder, names: Iterable[str]) -> Snapshots:
    """Read `runs` and `repositories` of the runs `names`, in the order of their ids."""
    found = Snapshots({}, set(), {}, {}, {}, {})
    statuses: dict[RepositoryKey, list[str]] = {}
    for name in names:
        (row,) = read(folder, RUNS, name).to_pylist()
        run_id = row["run_id"]
        found.names[run_id] = name
        found.started[run_id] = int(row["started_at"].timestamp() * 1_000_000)
        if row["complete"]:
            found.complete.add(run_id)
        for target in row["targets"]:
            place = (target["registry_id"], target["region"])
            found.covering[place] = run_id
        for key, status in _statuses(folder, name):
            found.repositories[key] = _after(found.repositories.get(key), run_id, status)
            statuses.setdefault(key, []).append(run_id)
    for key, seen in found.repositories.items():
        if seen.deleted is not None and seen.holds is None:
            found.before[key] = [run_id for run_id in statuses[key] if run_id < seen.deleted]
    return found


def needed(found: Snapshots, kept: set[str]) -> set[str]:
    """Return the runs that must stay where `kept` stay: those of today's state, and the ends of what was deleted.

    Today's state: the newest run and the newest complete one, the newest that covered each account and region, and of
    each repository that is there the newest row and the newest whole listing. A run that found a repository deleted
    stays for as long as an older row of it does: without it, the repository would seem to be there again.
    """
    pinned = set(found.covering.values()) | {max(found.names, default="")} | {max(found.complete, default="")}
    for seen in found.repositories.values():
        if not seen.is_deleted:
            pinned |= {seen.newest, seen.holds or ""}
    pinned.discard("")
    while more := _ends(found, kept | pinned) - pinned - kept:
        pinned |= more
    return pinned


def _ends(found: Snapshots, staying: set[str]) -> set[str]:
    ends = ((found.repositories[key].deleted, before) for key, before in found.before.items())
    return {deleted for deleted, before in ends if deleted is not None and not staying.isdisjoint(before)}


def _statuses(folder: Folder, name: str) -> Iterator[tuple[RepositoryKey, str]]:
    rows = read(folder, REPOSITORIES, name)
    columns = [rows.column(column).to_pylist() for column in (*RepositoryKey._fields, "status")]
    for *key, status in zip(*columns, strict=True):
        yield RepositoryKey._make(key), status


def _after(seen: Seen | None, run_id: str, status: str) -> Seen:
    before = seen or Seen(run_id)
    return Seen(
        run_id,
        run_id if status == "listed" else before.listed,
        run_id if status == "deleted" else before.deleted,
    )
