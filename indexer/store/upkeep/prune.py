"""`prune`: fewer snapshots, by a policy; and, if asked, no manifests that no snapshot refers to.

A run that goes is marked first, and its files go after a while, for readers that listed it before. What the marked runs
referred to stays until their files are gone: a reader that sees such a run sees its manifests too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from indexer.store import layout
from indexer.store.places import Folder
from indexer.store.upkeep.holding import Held, Progress
from indexer.store.upkeep.needed import Snapshots, needed, snapshots
from indexer.store.upkeep.policy import Policy, kept
from indexer.store.upkeep.unreferenced import Dropped, drop_unreferenced
from indexer.store.versions import GRACE, versions
from indexer.tables import RUN_TABLES, RUNS


class Going(NamedTuple):
    """A run that a policy lets go, and the bytes of its files."""

    run_id: str
    bytes: int


class Plan(NamedTuple):
    """What a policy would do. `needed` are runs that stay though the policy would let them go: today stands on them."""

    going: tuple[Going, ...]
    kept: tuple[str, ...]
    needed: tuple[str, ...]
    snapshots: Snapshots


class Pruned(NamedTuple):
    """What was done. `dropped` is None where dropping manifests was not asked for."""

    plan: Plan
    dropped: Dropped | None
    removed_files: int


def plan(folder: Folder, policy: Policy) -> Plan:
    """Return what `prune` would do; reads as any reader does."""
    found = snapshots(folder, versions(folder, RUNS).current)
    by_policy = kept(policy, found.names, found.complete)
    staying = by_policy | needed(found, by_policy)
    going = tuple(Going(run_id, _size(folder, name)) for run_id, name in found.names.items() if run_id not in staying)
    return Plan(going, tuple(sorted(staying)), tuple(sorted(staying - by_policy)), found)


def prune(
    held: Held,
    policy: Policy,
    *,
    unreferenced: bool = False,
    grace: timedelta = GRACE,
    progress: Progress = lambda _done, _of: None,
) -> Pruned:
    """Let go of the runs that neither the policy nor today's state needs.

    `unreferenced` also drops manifests that no run in the store refers to any more, those of runs that go now only
    when their files are gone.
    """
    chosen = plan(held.folder, policy)
    for run in chosen.going:
        # Each by itself leaves a consistent store: stopped anywhere, fewer runs are gone.
        held.mark_pruned(run.run_id)
    removed = held.remove_replaced(grace)
    dropped = drop_unreferenced(held, chosen.snapshots, progress) if unreferenced else None
    return Pruned(chosen, dropped, removed)


def _size(folder: Folder, name: str) -> int:
    return sum(folder.path(layout.published_key(table, name)).stat().st_size for table in RUN_TABLES)
