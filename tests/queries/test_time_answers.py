"""The queries about time: rows, parameters, and the answer worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, Estate, answer, digest, picked

from indexer.catalog import Catalog
from indexer.errors import QueryError

AWAY = (OTHER_ACCOUNT, REGION)
NIGHTS = [DAY_ONE + timedelta(days=number) for number in range(5)]


def _estate() -> Estate:
    """Three nights. `base` is 100 bytes, the layer on top of it 1 to 4, every config 10.

    Night 1: app has v1 (tags 1, latest) and the index multi of v2; old has v1; another account has v1.
    Night 2: latest moves to v3, multi goes; old cannot be listed; a lost image appears that no one could fetch.
    Night 3: old is deleted, tool appears with v4; v1 loses its tag 1; the other account is not covered at all.
    """
    estate = Estate()
    for number in (1, 2, 3, 4):
        estate.image(f"v{number}", [("base", 100), (f"top{number}", number)], (f"config{number}", 10))
    estate.index("multi", ["v2"])
    first, second = estate.run((ACCOUNT, REGION), AWAY), estate.run((ACCOUNT, REGION), AWAY)
    third = estate.run((ACCOUNT, REGION))
    first.repository("app", {"v1": ["1", "latest"], "multi": ["multi"]})
    first.repository("old", {"v1": ["keep"]})
    first.repository("away", {"v1": []}, place=AWAY)
    second.repository("app", {"v1": ["1"], "v3": ["latest"], "lost": []})
    second.repository("old", status="failed")
    second.repository("away", {"v1": []}, place=AWAY)
    third.repository("app", {"v1": [], "v3": ["latest"], "lost": []})
    third.repository("old", status="deleted")
    third.repository("tool", {"v4": ["latest"]})
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@pytest.fixture
def one_run(tmp_path: Path) -> Iterator[Catalog]:
    estate = Estate()
    estate.image("v1", [("base", 100)])
    estate.run().repository("app", {"v1": ["1"]})
    with estate.catalog(tmp_path) as opened:
        yield opened


def test_growth(catalog: Catalog) -> None:
    found = answer(catalog, "growth")
    columns = ("run_id", "repositories", "images", "logical_bytes", "unique_bytes", "unique_bytes_change")
    one, two, three = (100 + number + 10 for number in (1, 2, 3))
    assert picked(found, *columns) == [
        # v1 and, below multi, v2 here; v1 away
        ("run-001", 3, 4, (one + two) + one, (one + 2 + 10) + one, None),
        ("run-002", 3, 5, (one + three) + one, (one + 3 + 10) + one, 1),
        # v1, v3 and v4 here; away is as it was
        ("run-003", 3, 5, (one + three + 114) + one, (one + 13 + 14) + one, 14),
    ]
    assert picked(found, "registry_id", "repository", "images_unknown") == [
        (None, None, number) for number in (0, 1, 1)
    ]
    assert picked(found, "day", "run_started_at") == [(night.date(), night) for night in NIGHTS[1:4]]


def test_growth_by_repository(catalog: Catalog) -> None:
    found = answer(catalog, "growth", by_repository=True)
    assert picked(found, "repository", "run_id", "images", "unique_bytes", "unique_bytes_change") == [
        ("app", "run-001", 2, 123, None),
        ("app", "run-002", 3, 124, 1),
        ("app", "run-003", 3, 124, 0),
        ("old", "run-001", 1, 111, None),
        ("old", "run-002", 1, 111, 0),  # could not be listed: the last good listing stands
        ("tool", "run-003", 1, 114, None),
        ("away", "run-001", 1, 111, None),
        ("away", "run-002", 1, 111, 0),
        ("away", "run-003", 1, 111, 0),  # not covered by that run
    ]
    assert picked(answer(catalog, "growth", repository="to*"), "run_id", "images") == [
        ("run-001", 0),
        ("run-002", 0),
        ("run-003", 1),
    ]
    assert answer(catalog, "growth", repository="nobody") == []


def test_growth_by_day_shows_the_last_run_of_each(tmp_path: Path) -> None:
    estate = _estate()
    estate.runs[1].started_at = estate.runs[0].started_at + timedelta(hours=5)
    with estate.catalog(tmp_path) as opened:
        found = answer(opened, "growth", per_day=True)
    assert picked(found, "day", "run_id", "images", "unique_bytes_change") == [
        (date(2026, 1, 2), "run-002", 5, None),
        (date(2026, 1, 4), "run-003", 5, 14),
    ]


def test_growth_over_more_nights_than_a_number_has_bits(tmp_path: Path) -> None:
    estate = Estate()
    for number in range(130):
        estate.image(f"v{number}", [("base", 100), (f"top{number}", 1)])
        estate.run().repository("app", {f"v{number}": [], "v0": []})
    with estate.catalog(tmp_path) as opened:
        found = picked(answer(opened, "growth"), "images", "logical_bytes", "unique_bytes")
    assert found == [(1, 101, 101), *[(2, 202, 102)] * 129]


def test_growth_of_a_single_run_has_no_change(one_run: Catalog) -> None:
    assert picked(answer(one_run, "growth"), "unique_bytes", "unique_bytes_change") == [(100, None)]


def test_added_and_removed_since_the_run_before(catalog: Catalog) -> None:
    found = answer(catalog, "added-and-removed")
    columns = ("repository", "repository_change", "images_added", "images_removed", "tags_moved")
    assert picked(found, *columns) == [
        (None, None, 1, 1, 0),
        ("old", "gone", 0, 1, 0),
        ("tool", "appeared", 1, 0, 0),
    ]
    blobs = ("layers_added", "layers_removed", "bytes_added", "bytes_removed", "images_unknown", "not_relisted")
    assert picked(found, *blobs) == [
        (1, 0, 14, 0, 0, 1),  # what old had is in app, too; away was not listed again
        (0, 2, 0, 111, 0, 0),
        (2, 0, 114, 0, 0, 0),
    ]
    assert {(row["earlier_run_id"], row["later_run_id"]) for row in found} == {("run-002", "run-003")}


def test_added_and_removed_between_runs_that_are_named(catalog: Catalog) -> None:
    found = answer(catalog, "added-and-removed", earlier="run-001", later="run-002")
    assert picked(found, "repository", "images_added", "images_removed", "tags_moved", "images_unknown") == [
        (None, 2, 1, 1, 1),
        ("app", 2, 1, 1, 1),
    ]
    assert picked(found, "layers_added", "layers_removed", "bytes_added", "bytes_removed", "not_relisted") == [
        (1, 1, 13, 12, 1),
        (1, 1, 13, 12, 0),
    ]
    whole = answer(catalog, "added-and-removed", earlier="run-001", repository="app")
    assert picked(whole, "repository", "later_run_id", "bytes_added") == [(None, "run-003", 13), ("app", "run-003", 13)]
    assert picked(answer(catalog, "added-and-removed", later="run-002"), "earlier_run_id") == [("run-001",)] * 2


def test_added_and_removed_without_two_runs(catalog: Catalog, one_run: Catalog) -> None:
    assert answer(one_run, "added-and-removed") == []
    assert answer(catalog, "added-and-removed", earlier="run-003") == []
    assert answer(catalog, "added-and-removed", later="run-001") == []
    assert answer(catalog, "added-and-removed", later="2026") == []
    assert answer(catalog, "added-and-removed", repository="nobody") == []
    assert "single run" in str(catalog.queries["added-and-removed"].single)


def test_a_run_that_changed_nothing_says_so(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("v1", [("base", 100)])
    for _ in range(2):
        estate.run().repository("app", {"v1": ["1"]})
    with estate.catalog(tmp_path) as opened:
        [row] = answer(opened, "added-and-removed")
    assert [value for value in row.values() if value] == ["run-001", "run-002"]


def test_tag_history(catalog: Catalog) -> None:
    found = answer(catalog, "tag-history")
    assert picked(found, "repository", "tag", "manifest_digest", "first_seen_at", "last_seen_at", "ended") == [
        ("app", "1", digest("v1"), NIGHTS[1], NIGHTS[2], "tag removed"),
        ("app", "latest", digest("v1"), NIGHTS[1], NIGHTS[1], "moved"),
        ("app", "latest", digest("v3"), NIGHTS[2], NIGHTS[3], None),
        ("app", "multi", digest("multi"), NIGHTS[1], NIGHTS[1], "image deleted"),
        ("old", "keep", digest("v1"), NIGHTS[1], NIGHTS[1], "repository deleted"),
        ("tool", "latest", digest("v4"), NIGHTS[3], NIGHTS[3], None),
    ]
    assert picked(found, "registry_id", "pushed_at") == [(ACCOUNT, DAY_ONE)] * 6
    assert len(answer(catalog, "tag-history", repository="app", tag="latest")) == 2
    assert len(answer(catalog, "tag-history", limit=4)) == 4


def test_a_tag_that_comes_back_has_two_spans(tmp_path: Path) -> None:
    estate = Estate()
    for image, tags in (("v1", ["1"]), ("v2", ["1"]), ("v1", ["1"]), ("v1", []), ("v1", ["1"])):
        estate.run().repository("app", {image: tags})
    with estate.catalog(tmp_path) as opened:
        found = picked(answer(opened, "tag-history"), "manifest_digest", "first_seen_at", "ended")
        [churn] = answer(opened, "tag-churn")
    assert found == [
        (digest("v1"), DAY_ONE + timedelta(days=1), "moved"),
        (digest("v2"), DAY_ONE + timedelta(days=2), "moved"),
        (digest("v1"), DAY_ONE + timedelta(days=3), "tag removed"),
        (digest("v1"), DAY_ONE + timedelta(days=5), None),
    ]
    assert (churn["moves"], churn["images"], churn["listings"]) == (2, 2, 5)
    assert churn["last_moved_at"] == DAY_ONE + timedelta(days=3)


def test_a_tag_that_a_listing_shows_twice_gives_no_row_twice(tmp_path: Path) -> None:
    """A tag that moves while its repository is listed is seen on both images."""
    estate = Estate()
    estate.run().repository("app", {"v1": ["1"]})
    estate.run().repository("app", {"v1": ["1"], "v2": ["1"]})
    estate.run().repository("app", {"v2": ["1"]})
    with estate.catalog(tmp_path) as opened:
        found = picked(answer(opened, "tag-history"), "manifest_digest", "first_seen_at", "last_seen_at", "ended")
        assert picked(answer(opened, "added-and-removed"), "images_removed", "images_added") == [(1, 0), (1, 0)]
    day = [DAY_ONE + timedelta(days=number) for number in range(4)]
    assert found == [(digest("v1"), day[1], day[2], "moved"), (digest("v2"), day[2], day[3], None)]


def test_tag_churn(catalog: Catalog, one_run: Catalog) -> None:
    [row] = answer(catalog, "tag-churn")
    assert tuple(row.values()) == (ACCOUNT, REGION, "app", "latest", 1, 2, 3, NIGHTS[2], digest("v3"), None)
    assert answer(catalog, "tag-churn", tag="1") == []
    assert answer(one_run, "tag-churn") == []
    assert "single run" in str(one_run.queries["tag-churn"].single)


def _pushes() -> Estate:
    """v1 on Sunday the 4th, v2 on Monday, v3 a week later; the index of v2 on Tuesday, with a child that is not listed.

    `away` has v1 since the 6th; v1 was seen in app again with a later time, which does not count.
    """
    estate = Estate()
    estate.image("v1", [("base", 100), ("top1", 1)])
    estate.image("v2", [("base", 100), ("top2", 2)])
    estate.image("v3", [("base", 100), ("old", None), ("windows", 5_000)], foreign=["windows"])
    estate.image("child", [("base", 100), ("only-child", 7)])
    estate.index("multi", ["v2", "child"])
    times = {"v1": 4, "v2": 5, "multi": 6, "v3": 12, "lost": 12}
    first = estate.run()
    first.repository("app", {"v1": [], "v2": [], "multi": [], "v3": [], "lost": []})
    first.images = [
        row._replace(pushed_at=datetime(2026, 1, times[name], 23, tzinfo=UTC))
        for row, name in zip(first.images, ["v1", "v2", "multi", "v3", "lost"], strict=True)
    ]
    second = estate.run()
    second.repository("app", {"v1": []})
    second.repository("away", {"v1": []}, place=AWAY)
    second.images = [row._replace(pushed_at=datetime(2026, 1, 6, tzinfo=UTC)) for row in second.images]
    return estate


def test_push_rate(tmp_path: Path) -> None:
    columns = ("period", "images", "new_blobs", "new_bytes", "images_unknown", "blobs_unknown_size")
    with _pushes().catalog(tmp_path) as opened:
        by_day = answer(opened, "push-rate")
        by_week = answer(opened, "push-rate", days=7)
        later = answer(opened, "push-rate", since="2026-01-06")
        apart = answer(opened, "push-rate", by_repository=True, days=7)
    assert picked(by_day, *columns) == [
        (date(2026, 1, 4), 1, 2, 101, 0, 0),
        (date(2026, 1, 5), 1, 1, 2, 0, 0),
        (date(2026, 1, 6), 2, 1 + 2, 7 + 101, 0, 0),  # the index with its child here, v1 in the other account
        (date(2026, 1, 12), 2, 1, 0, 1, 1),
    ]
    assert later == by_day[2:]
    assert picked(by_week, "period", "images", "new_bytes") == [
        (date(2025, 12, 29), 1, 101),
        (date(2026, 1, 5), 3, 2 + 7 + 101),
        (date(2026, 1, 12), 2, 0),
    ]
    assert picked(apart, "registry_id", "repository", "period", "new_bytes") == [
        (ACCOUNT, "app", date(2025, 12, 29), 101),
        (ACCOUNT, "app", date(2026, 1, 5), 9),
        (ACCOUNT, "app", date(2026, 1, 12), 0),
        (OTHER_ACCOUNT, "away", date(2026, 1, 5), 101),
    ]


@pytest.mark.parametrize("days", ["0", "-1"])
def test_push_rate_of_no_days_is_refused(one_run: Catalog, days: str) -> None:
    with pytest.raises(QueryError, match=r"(?i)bucket|period"):
        answer(one_run, "push-rate", days=days)
