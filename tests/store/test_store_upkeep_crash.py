"""Who looks after a store dies at any file operation: readers see the old or the new, and the next one ends it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support import golden
from support.manifests import image, index
from support.store_disks import Death, Died, DyingDisk, WatchedDisk
from support.store_rows import NOON, everything_expected, everything_in
from support.upkeep import check, everything, held, night

from indexer.errors import StoreOutdated
from indexer.store import Disk, Store
from indexer.store.locations import folder_at
from indexer.store.places import Folder
from indexer.store.upkeep import Held, Policy, compact, prune, reflatten
from indexer.tables import RUNS

Tables = dict[str, list[dict[str, Any]]]

DAY = timedelta(days=1)
LATER = NOON + 10 * DAY
NEVER = 100_000
ONE = image("one", [("base", 10), ("own", 1)])
GONE = image("gone", [("base", 10), ("lost", 5)])
NESTED = index(index(ONE))


def _prune(store: Held) -> None:
    prune(store, Policy(days=0, monthly=1), unreferenced=True)


def _reflatten(store: Held) -> None:
    reflatten(store, "9.9.9", everything=True)


ACTIONS: dict[str, Callable[[Held], object]] = {"compact": compact, "prune": _prune, "reflatten": _reflatten}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nights; the first two are merged and the first is pruned, long enough ago that their files go now."""
    folder = tmp_path_factory.mktemp("template") / "store"
    night(folder, NOON, [ONE, GONE])
    night(folder, NOON + DAY, [NESTED, ONE])
    with held(folder, now=NOON + 2 * DAY) as store:
        compact(store)
        store.mark_pruned(store.versions(RUNS).current[0])
    night(folder, NOON + 2 * DAY + timedelta(hours=2), [ONE, image("three", [("base", 10)])])
    night(folder, NOON + 2 * DAY + timedelta(hours=3), [ONE])
    return folder


def act(folder: Path, action: str, disk: Disk | None = None) -> None:
    with held(folder, now=LATER, disk=disk) as store:
        ACTIONS[action](store)


def finish(folder: Path, action: str) -> Tables:
    """Do it whole; return what readers see then. Nothing is left over two days later."""
    act(folder, action)
    after = everything(folder)
    for days in (2, 4):
        with held(folder, now=LATER + days * DAY) as store:
            store.remove_replaced(timedelta(hours=24))
    assert everything_in(folder) == everything_expected(Store.open(folder).files())
    assert everything(folder) == after
    return after


def between(seen: Tables, before: Tables, after: Tables) -> None:
    """Nothing twice, nothing lost that stays, nothing that never was."""
    for table, rows in seen.items():
        counted = Counter(map(repr, rows))
        assert max(counted.values(), default=1) == 1, f"{table}: a row is seen twice"
        old, new = set(map(repr, before[table])), set(map(repr, after[table]))
        assert old & new <= set(counted) <= old | new, table


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("death", ["before", "torn", "power", "reordered"])
def test_dying_at_every_operation(template: Path, tmp_path: Path, action: str, death: Death) -> None:
    folder, whole = tmp_path / "store", tmp_path / "whole"
    before = everything(template)
    shutil.copytree(template, whole)
    measure = DyingDisk(NEVER, "before")
    act(whole, action, measure)
    measure.bury()
    after = everything(whole)
    assert (len(after["manifests"]) < len(before["manifests"])) == (action == "prune")
    assert {"create", "write", "sync_file", "rename", "sync_folder", "remove"} <= set(measure.done)
    # A power cut at every operation; of the other deaths, which differ from it less, at some.
    steps = range(0, len(measure.done), 1 if death == "power" else 6)
    writes = [at for at, operation in enumerate(measure.done) if operation == "write"]
    for at in writes[::3] if death == "torn" else steps:
        shutil.copytree(template, folder)
        disk = DyingDisk(at, death)
        with pytest.raises(Died):
            act(folder, action, disk)
        disk.bury()
        between(everything(folder), before, after)
        assert not [finding for finding in check(folder).findings if finding.level == "damage"]
        act(folder, action)
        ended = finish(folder, action) if at % 4 == 0 else everything(folder)
        assert {table: ended[table] for table in ("manifests", "layers")} == {
            table: after[table] for table in ("manifests", "layers")
        }
        shutil.rmtree(folder)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_reader_during_it_sees_the_old_or_the_new(template: Path, tmp_path: Path, action: str) -> None:
    folder, whole = tmp_path / "store", tmp_path / "whole"
    shutil.copytree(template, folder)
    shutil.copytree(template, whole)
    act(whole, action)
    before, after = everything(template), everything(whole)
    early = Store.open(folder).files()

    def look(name: str) -> None:
        if name in {"rename", "remove"}:
            between(everything(folder), before, after)

    act(folder, action, WatchedDisk(look))
    assert all(path.exists() for paths in early.tables.values() for path in paths), "who listed before still reads"


@pytest.mark.slow
@pytest.mark.parametrize("death", ["before", "power", "reordered"])
def test_an_upgrade_that_dies_anywhere_is_done_by_the_next(tmp_path: Path, death: Death) -> None:
    template, folder = golden.unpack(1, tmp_path / "template"), tmp_path / "store"
    old = everything_in(template)

    def upgrade(disk: Disk | None = None) -> None:
        store = Store(Store.open(folder, outdated=True).place if disk is None else _dying(folder, disk))
        with store.upkeep(now=lambda: LATER, command="indexer reflatten") as right:
            reflatten(right, "9.9.9")

    shutil.copytree(template, folder)
    measure = DyingDisk(NEVER, "before")
    upgrade(measure)
    measure.bury()
    after = everything(folder)
    shutil.rmtree(folder)
    step = 4 if death == "power" else 15
    for at in (*range(0, len(measure.done), step), *range(len(measure.done) - 6, len(measure.done))):
        shutil.copytree(template, folder)
        disk = DyingDisk(at, death)
        with suppress(Died):
            upgrade(disk)
        disk.bury()
        assert everything_in(folder) >= old, "a program of the old format still has all it had"
        with suppress(StoreOutdated):
            Store.open(folder)
            between(everything(folder), after, after)
        upgrade()
        between(everything(folder), after, after)
        shutil.rmtree(folder)


def _dying(folder: Path, disk: Disk) -> Folder:
    return folder_at(folder, disk=disk)
