"""prune: what a policy keeps, what must stay whatever it says, and that today's answers stay the same."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.manifests import digest_of, image, index
from support.store_rows import NOON, everything_expected, everything_in
from support.upkeep import check, everything, held, night

import indexer
from indexer.catalog import fetch
from indexer.flatten import Source, flatten
from indexer.store import Store, layout
from indexer.store.upkeep import Policy, plan, prune
from indexer.store.upkeep.policy import kept

DAY = timedelta(days=1)
YEAR = datetime(2025, 1, 1, 2, 0, tzinfo=UTC)
NOWS = ("repositories", "images", "tags", "manifests", "layers", "configs", "index_entries", "failures", "image_pulls")


def runs(*days: float) -> list[str]:
    return [f"{YEAR + day * DAY:%Y%m%dT%H%M%S}.000Z-{at:06x}" for at, day in enumerate(days)]


def days_kept(policy: Policy, days: list[float], incomplete: tuple[float, ...] = ()) -> list[float]:
    ids = runs(*days)
    complete = {run for run, day in zip(ids, days, strict=True) if day not in incomplete}
    staying = kept(policy, ids, complete)
    return [day for run, day in zip(ids, days, strict=True) if run in staying]


EVERY_NIGHT = [float(day) for day in range(400)]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Policy(), []),
        (Policy(days=3), [397.0, 398.0, 399.0]),
        (Policy(daily=2), [398.0, 399.0]),
        # 2025-01-01 is a Wednesday, so weeks end on days 4, 11, ...; day 399 is a Wednesday again.
        (Policy(weekly=3), [389.0, 396.0, 399.0]),
        # 2026-02-04; the ends of January and December.
        (Policy(monthly=3), [364.0, 395.0, 399.0]),
        (Policy(days=2, weekly=2, monthly=2), [395.0, 396.0, 398.0, 399.0]),
    ],
)
def test_policies(policy: Policy, expected: list[float]) -> None:
    assert days_kept(policy, EVERY_NIGHT) == expected


def test_of_several_runs_a_day_the_last_complete_one_stays() -> None:
    days = [0.0, 0.3, 0.6, 1.0, 1.3, 1.6]
    assert days_kept(Policy(daily=9), days) == [0.6, 1.6]
    assert days_kept(Policy(daily=9), days, incomplete=(0.6, 1.6)) == [0.3, 1.3]
    assert days_kept(Policy(daily=9), days, incomplete=(0.0, 0.3, 0.6)) == [0.6, 1.6]
    assert days_kept(Policy(days=1), days) == [1.0, 1.3, 1.6], "of the last day, back from the newest run"


def test_a_store_that_rests_loses_nothing() -> None:
    """Periods are counted back from the newest run, not from now."""
    assert days_kept(Policy(days=30), [0.0, 5.0]) == [0.0, 5.0]
    assert kept(Policy(days=30), [], set()) == set()


def now_of(folder: Path) -> dict[str, list[object]]:
    """Return what the views of the current state say."""
    with indexer.open(folder) as store:
        return {view: fetch(store.sql(f"select * from {view} order by all")).to_pylist() for view in NOWS}  # noqa: S608 - our names


def thin(folder: Path, now: datetime, policy: Policy = Policy(days=1), *, unreferenced: bool = False) -> list[str]:  # noqa: B008 - immutable
    with held(folder, now=now) as store:
        return [run.run_id for run in prune(store, policy, unreferenced=unreferenced).plan.going]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten nights of one repository, with an image of each night's own and one that stays."""
    for number in range(10):
        night(tmp_path / "store", NOON + number * DAY, [image("stays", []), image(f"night {number}", [])])
    return tmp_path / "store"


def test_old_runs_go_and_today_stays(folder: Path) -> None:
    before, everything_before = now_of(folder), everything(folder)
    ids = Store.open(folder).files().runs
    assert thin(folder, NOON + 10 * DAY, Policy(days=3)) == list(ids[:7])
    assert Store.open(folder).files().runs == ids[7:]
    assert now_of(folder) == before
    after = everything(folder)
    assert len(after["images"]) == 6
    assert after["manifests"] == everything_before["manifests"]
    assert check(folder).findings == ()
    assert thin(folder, NOON + 10 * DAY, Policy(days=3)) == []


def test_files_go_a_day_later_and_marks_another(folder: Path) -> None:
    there = everything_in(folder)
    thin(folder, NOON + 10 * DAY)
    marks = {f"runs/{path.name}" for path in (folder / "runs").glob("*.pruned")}
    assert len(marks) == 9
    assert everything_in(folder) == there | marks
    with held(folder, now=NOON + 11 * DAY + timedelta(hours=1)) as store:
        assert store.remove_replaced(DAY) == 9 * 4
    assert everything_in(folder) == everything_expected(Store.open(folder).files()) | marks
    with held(folder, now=NOON + 13 * DAY) as store:
        assert store.remove_replaced(DAY) == 9
    assert everything_in(folder) == everything_expected(Store.open(folder).files())


def test_dry_runs_change_nothing(folder: Path) -> None:
    before = everything_in(folder)
    chosen = plan(Store.open(folder).place, Policy(days=3))
    assert len(chosen.going) == 7
    sizes = [(folder / table / f"{chosen.going[0].run_id}.parquet").stat().st_size for table in _RUN_TABLES]
    assert chosen.going[0].bytes == sum(sizes)
    assert (len(chosen.kept), chosen.needed) == (3, ())
    assert everything_in(folder) == before


_RUN_TABLES = ("runs", "repositories", "images", "failures")


def test_what_today_stands_on_stays(tmp_path: Path) -> None:
    folder, one = tmp_path / "store", [image("one", [])]
    ids = [
        night(folder, NOON, one, statuses=[("a", "listed"), ("b", "listed"), ("gone", "listed")]),
        night(folder, NOON + 1 * DAY, one, statuses=[("a", "listed"), ("b", "failed"), ("gone", "deleted")]),
        night(folder, NOON + 2 * DAY, one, statuses=[("a", "listed"), ("b", "failed")], failures=1),
        night(folder, NOON + 3 * DAY, one, statuses=[("a", "listed")]),
        night(folder, NOON + 4 * DAY, one, statuses=[("a", "listed")], failures=1),
    ]
    before = now_of(folder)
    chosen = plan(Store.open(folder).place, Policy(days=1))
    # 0: the last good listing of b. 1: the end of gone, which 0 still lists. 2: b's newest row. 3: the newest complete.
    assert chosen.kept == tuple(ids)
    assert chosen.needed == tuple(ids[:4])
    thin(folder, NOON + 5 * DAY)
    assert now_of(folder) == before


def test_a_deleted_repository_does_not_come_back(tmp_path: Path) -> None:
    folder, one = tmp_path / "store", [image("one", [])]
    both, first = [("a", "listed"), ("gone", "listed")], [("a", "listed")]
    statuses = [both, both, [("a", "listed"), ("gone", "deleted")], first, first]
    ids = [night(folder, NOON + at * DAY, one, statuses=each) for at, each in enumerate(statuses)]
    before = now_of(folder)
    assert thin(folder, NOON + 9 * DAY, Policy(days=5)) == []
    with held(folder, now=NOON + 9 * DAY) as store:
        store.mark_pruned(ids[0])
    assert now_of(folder) == before
    # With the last listing of it the end may go as well.
    assert thin(folder, NOON + 10 * DAY) == [ids[1], ids[2], ids[3]]
    assert now_of(folder) == before
    assert {key.repository for key in Store.open(folder).last_repositories()} == {"a"}


def test_runs_of_other_accounts_stay(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    night(folder, NOON, [image("one", [])], statuses=[("only then", "listed")])
    night(folder, NOON + DAY, [image("one", [])])
    before = now_of(folder)
    assert thin(folder, NOON + 2 * DAY) == []
    assert now_of(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_no_policy_changes_what_is_true_today(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    folder, there = tmp_path / "store", set()
    for number in range(chance.randint(3, 9)):
        statuses = []
        for name in "abcd":
            state = chance.choice(["listed", "listed", "failed", "absent"])
            if state == "absent":
                statuses += [(name, "deleted")] if name in there else []
                there.discard(name)
            else:
                statuses.append((name, state))
                there.add(name)
        images = [image(f"{chance.randrange(5)}", [])]
        night(folder, NOON + number * DAY, images, statuses=statuses, failures=chance.randrange(2))
    before = now_of(folder)
    policy = Policy(*(chance.randrange(4) for _ in range(4)))
    going = thin(folder, NOON + 20 * DAY, policy, unreferenced=True)
    assert now_of(folder) == before, going
    thin(folder, NOON + 30 * DAY, policy, unreferenced=True)
    assert now_of(folder) == before
    assert check(folder).findings == ()


def test_manifests_that_nothing_refers_to_go_when_the_runs_are_gone(folder: Path) -> None:
    before = now_of(folder)
    digests = len(everything(folder)["manifests"])
    thin(folder, NOON + 10 * DAY, unreferenced=True)
    assert len(everything(folder)["manifests"]) == digests == 11, "a reader may still see the runs"
    with held(folder, now=NOON + 12 * DAY) as store:
        done = prune(store, Policy(days=1), unreferenced=True)
    assert done.dropped is not None
    assert (done.dropped.manifests, done.dropped.segments) == (9, 9)
    assert done.dropped.bytes == 9 * len(image("night 0", []))
    assert {row["manifest_digest"] for row in everything(folder)["manifests"]} == {
        digest_of(image("stays", [])),
        digest_of(image("night 9", [])),
    }
    assert now_of(folder) == before
    assert check(folder).findings == ()
    # It is not known any more: should it come back, it is fetched again.
    assert digest_of(image("night 3", [])) not in Store.open(folder).known()


def test_what_an_index_lists_is_referred_to(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    child = image("child", [("a", 1)])
    nested = index(index(child))
    night(folder, NOON, [child, index(child), image("old", [])])
    night(folder, NOON + DAY, [nested])
    for later in (5, 10):
        thin(folder, NOON + later * DAY, unreferenced=True)
    found = {row["manifest_digest"] for row in everything(folder)["manifests"]}
    assert found == {digest_of(raw) for raw in (child, index(child), nested)}
    assert len(everything(folder)["layers"]) == 1
    assert len(everything(folder)["index_entries"]) == 2


def test_what_a_stopped_run_has_fetched_stays(folder: Path) -> None:
    later = NOON + 10 * DAY
    with Store.open(folder).writer(now=lambda: later, version="1") as writer:
        source = Source("123456789012", "eu-west-1", "shop/web", later)
        raw = image("fetched, and not listed yet", [])
        writer.add(flatten(digest_of(raw), raw, source))
    for days in (11, 15):
        thin(folder, NOON + days * DAY, unreferenced=True)
    assert digest_of(raw) in Store.open(folder).known()
    assert len(everything(folder)["manifests"]) == 3


def test_a_pruned_run_stays_pruned_in_the_next_run(folder: Path) -> None:
    thin(folder, NOON + 10 * DAY)
    newest = night(folder, NOON + 11 * DAY, [image("stays", [])])
    files = Store.open(folder).files()
    assert len(files.runs) == 2
    assert (
        files.runs[-1] == newest > max(layout.stands_for(path.stem)[2] for path in (folder / "runs").glob("*.pruned"))
    )
