"""Who pulled an image last, and what nobody has used for long, worked out by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from support.deletion_estates import deleted, fetched, set_image
from support.estates import DAY_ONE, Estate, answer, digest, picked, rows

NIGHTS = [DAY_ONE + timedelta(days=number) for number in range(5)]
SOMEBODY = DAY_ONE - timedelta(days=100)


def _pulled(name: str, repository: str, pulls: list[datetime | None], fetched_at: datetime | None = None) -> Estate:
    """An image, listed on nights 1, 2, ... with these pull times, and fetched from `repository` after the first."""
    estate = Estate()
    estate.image(name, [("base", 1)])
    if fetched_at is not None:
        fetched(estate, name, repository, fetched_at, pulls[0])
    for pulled_at in pulls:
        run = estate.run()
        run.repository("app", {name: ["1"]})
        set_image(run, "app", name, last_pulled_at=pulled_at, pushed_at=SOMEBODY - timedelta(days=100))
    return estate


OURS = NIGHTS[1] + timedelta(minutes=30)
_SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("pulls", "repository", "fetched_at", "expected"),
    [
        ([SOMEBODY], "app", OURS, (False, SOMEBODY)),
        ([SOMEBODY, OURS], "app", OURS, (True, SOMEBODY)),
        ([None, OURS], "app", OURS, (True, None)),
        ([None, OURS, OURS, OURS], "app", OURS, (True, None)),
        ([SOMEBODY, OURS - timedelta(minutes=5)], "app", OURS, (True, SOMEBODY)),
        ([SOMEBODY, OURS + timedelta(minutes=5)], "app", OURS, (True, SOMEBODY)),
        (
            [SOMEBODY, OURS - timedelta(minutes=5) - _SECOND],
            "app",
            OURS,
            (False, OURS - timedelta(minutes=5) - _SECOND),
        ),
        ([SOMEBODY, OURS, NIGHTS[2]], "app", OURS, (False, NIGHTS[2])),
        ([SOMEBODY, OURS], "elsewhere", OURS, (False, OURS)),
        ([SOMEBODY, OURS], "app", None, (False, OURS)),
        ([OURS - timedelta(minutes=1)], "app", OURS, (False, OURS - timedelta(minutes=1))),
        ([None, None], "app", OURS, (False, None)),
    ],
    ids=[
        "listed before the fetch",
        "our own",
        "our own, never pulled before",
        "our own, for nights",
        "our clock is fast",
        "our clock is slow",
        "too early to be ours",
        "pulled since",
        "we fetched it from another repository",
        "we did not fetch it here",
        "pulled by somebody a minute before our fetch, which is not listed yet",
        "our pulls do not count",
    ],
)
def test_the_last_pull_by_others(
    tmp_path: Path,
    pulls: list[datetime | None],
    repository: str,
    fetched_at: datetime | None,
    expected: tuple[bool, datetime | None],
) -> None:
    with _pulled("a", repository, pulls, fetched_at).catalog(tmp_path) as opened:
        [(is_own, external, listed)] = rows(
            opened, "select is_own_pull, last_external_pull_at, last_pulled_at from image_pulls"
        )
    assert listed == pulls[-1]
    assert (is_own, external) == expected


@pytest.mark.parametrize("before", [None, SOMEBODY])
def test_what_a_run_fetched_that_died_before_its_listing_is_not_a_pull_by_others(
    tmp_path: Path, before: datetime | None
) -> None:
    """Only the segment is left of that run; the listings of all others show the pull that was its fetch."""
    estate = _pulled("a", "app", [OURS, OURS])
    fetched(estate, "a", "app", OURS, before)
    with estate.catalog(tmp_path) as opened:
        assert rows(opened, "select is_own_pull, last_external_pull_at from image_pulls") == [(True, before)]
        [stale] = answer(opened, "stale-images")
        assert (stale["last_external_pull_at"], stale["last_pulled_at"]) == (before, OURS)
        assert deleted(opened, not_pulled_since=NIGHTS[0]) == {"a"}


def test_the_whole_index_counts_as_used_where_a_part_is(tmp_path: Path) -> None:
    estate = Estate()
    for name in ("amd", "arm", "alone"):
        estate.image(name, [(f"layer-{name}", 10)])
    estate.index("multi", ["amd", "arm"])
    run = estate.run()
    run.repository("app", {"multi": ["1"], "amd": [], "arm": [], "alone": ["2"]})
    for name in ("multi", "amd", "arm", "alone"):
        set_image(run, "app", name, pushed_at=SOMEBODY)
    set_image(run, "app", "arm", last_pulled_at=DAY_ONE)
    with estate.catalog(tmp_path) as opened:
        used = dict(rows(opened, "select manifest_digest, last_used_at from image_pulls"))
        stale = answer(opened, "stale-images", days=30)
        assert deleted(opened, not_pulled_since="2025-12-31") == {"alone"}
        assert deleted(opened, not_pulled_since=SOMEBODY) == set()
        assert answer(opened, "stale-images", days=200) == []
    assert used == {digest(name): DAY_ONE for name in ("multi", "amd", "arm")} | {digest("alone"): SOMEBODY}
    assert picked(stale, "manifest_digest", "tags", "logical_bytes", "unused_days", "manifests") == [
        (digest("alone"), ["2"], 10, 101, 1)
    ]


def test_stale_images_are_counted_with_their_parts(tmp_path: Path) -> None:
    with _stale().catalog(tmp_path) as opened:
        found = answer(opened, "stale-images")
        assert picked(found, "manifest_digest", "kind", "logical_bytes", "manifests", "manifests_unknown") == [
            (digest("multi"), "index", 30, 4, 1),
            (digest("plain"), "image", 5, 1, 0),
        ]
        assert picked(found, "unused_days", "last_external_pull_at") == [
            (101, None),
            (100, SOMEBODY + timedelta(days=1)),
        ]
        assert picked(answer(opened, "stale-images", tagged="false"), "manifest_digest") == [(digest("plain"),)]
        assert len(answer(opened, "stale-images", limit=1)) == 1
        reclaimable = answer(opened, "reclaimable", untagged=False, not_pulled_since="2025-11-01")
    assert picked(reclaimable, "images", "reclaimable_bytes") == [(4, 35), (4, 35)]


def _stale() -> Estate:
    estate = Estate()
    estate.image("amd", [("x", 10)])
    estate.image("arm", [("y", 20)])
    estate.image("plain", [("z", 5)])
    estate.image("fresh", [("w", 7)])
    estate.index("multi", ["amd", "arm", "absent"])
    run = estate.run()
    run.repository("app", {"multi": ["1"], "amd": [], "arm": [], "plain": [], "fresh": ["2"]})
    for name in ("multi", "amd", "arm", "plain"):
        set_image(run, "app", name, pushed_at=SOMEBODY)
    set_image(run, "app", "plain", last_pulled_at=SOMEBODY + timedelta(days=1))
    return estate


def test_a_deletion_counts_the_images_whose_pulls_are_in_doubt(tmp_path: Path) -> None:
    estate = _pulled("a", "app", [SOMEBODY, OURS], OURS)
    with estate.catalog(tmp_path) as opened:
        assert deleted(opened, not_pulled_since=SOMEBODY) == set()
        choice = {"not_pulled_since": SOMEBODY + timedelta(days=1)}
        assert deleted(opened, **choice) == {"a"}
        assert picked(answer(opened, "reclaimable", untagged=False, **choice), "images", "pulls_in_doubt") == [
            (1, 1),
            (1, 1),
        ]
        assert picked(answer(opened, "reclaimable", untagged=False), "pulls_in_doubt") == [(0,), (0,)]
