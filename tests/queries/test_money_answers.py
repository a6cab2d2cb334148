"""What is stored, what it costs, and what mounting blobs could save, worked out by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, Estate, answer, picked

from indexer.errors import QueryError

GIGABYTE = 10**9


def _money() -> Estate:
    """Three repositories of one key share 10 GB; a fourth has a key of its own; the last is in another account."""
    estate = Estate()
    estate.image("one", [("base", 10 * GIGABYTE), ("top1", GIGABYTE)])
    estate.image("two", [("base", 10 * GIGABYTE), ("top2", 2 * GIGABYTE)])
    run = estate.run((ACCOUNT, REGION), (OTHER_ACCOUNT, REGION))
    run.repository("team/a", {"one": []})
    run.repository("team/b", {"two": []})
    run.repository("hub/mirror", {"one": []})
    run.repository("secret", {"one": []}, kms_key="key")
    run.repository("never", status="failed")
    run.repository("team/a", {"one": []}, place=(OTHER_ACCOUNT, REGION))
    return estate


def test_what_the_bytes_cost(tmp_path: Path) -> None:
    with _money().catalog(tmp_path) as opened:
        found = answer(opened, "registry-totals")
        dear = answer(opened, "registry-totals", price_per_gb_month="0.333", pull_through="hub/*,quay/*")
    columns = ("stored_bytes_low", "stored_bytes_high", "cost_low", "cost_high")
    low, high = 10 + 1 + 2 + 11, 11 + 12 + 11 + 11
    assert picked(found, *columns) == [
        ((low + 11) * GIGABYTE, (high + 11) * GIGABYTE, 3.5, 5.6),
        (low * GIGABYTE, high * GIGABYTE, 2.4, 4.5),
        (11 * GIGABYTE, 11 * GIGABYTE, 1.1, 1.1),
    ]
    # the mirror cannot share: 11 more at least; 0.333 * 35 = 11.655, 0.333 * 45 = 14.985
    assert picked(dear, *columns)[1] == (
        (low + 11) * GIGABYTE,
        high * GIGABYTE,
        11.66,
        pytest.approx(14.985, abs=0.0051),
    )


def test_what_mounting_could_save_and_who_gains(tmp_path: Path) -> None:
    with _money().catalog(tmp_path) as opened:
        found = answer(opened, "blob-mounting-savings")
        without = answer(opened, "blob-mounting-savings", pull_through="hub/*", repositories="0")
    columns = ("registry_id", "kms_key", "repository", "repositories_sharing", "bytes_saved", "cost_saved")
    base = 10 * GIGABYTE * 2 // 3  # of the three that have it, each saves two thirds
    assert picked(found, *columns) == [
        (ACCOUNT, None, None, 3, (34 - 13) * GIGABYTE, 2.1),
        (ACCOUNT, None, "hub/mirror", 1, base + GIGABYTE // 2, 0.72),
        (ACCOUNT, None, "team/a", 1, base + GIGABYTE // 2, 0.72),
        (ACCOUNT, None, "team/b", 1, base, 0.67),
        (ACCOUNT, "key", None, 0, 0, 0),
        (OTHER_ACCOUNT, None, None, 0, 0, 0),
    ]
    assert picked(found, "stored_bytes_high", "stored_bytes_low", "shared_bytes")[:2] == [
        (34 * GIGABYTE, 13 * GIGABYTE, 11 * GIGABYTE),
        (11 * GIGABYTE, None, 11 * GIGABYTE),
    ]
    assert picked(without, "repositories", "pull_through_repositories", "bytes_saved")[0] == (3, 1, 10 * GIGABYTE)


def test_storage_by_prefix(tmp_path: Path) -> None:
    with _money().catalog(tmp_path) as opened:
        found = answer(opened, "storage-by-prefix")
        deep = answer(opened, "storage-by-prefix", depth="2", prefix="team/*")
        whole = answer(opened, "storage-by-prefix", depth=0)
    gigabytes = [tuple(each // GIGABYTE for each in row) for row in picked(found, "logical_bytes", "unique_bytes")]
    assert list(zip(picked(found, "prefix", "repositories"), gigabytes, strict=True)) == [
        (("team", 2), (23, 13)),  # base once, not once per repository
        (("hub", 1), (11, 11)),
        (("secret", 1), (11, 11)),
        (("team", 1), (11, 11)),  # the other account's
        (("never", 1), (0, 0)),
    ]
    columns = ("exclusive_bytes", "shared_bytes", "per_repository_unique_bytes", "dedup_ratio", "repositories_unknown")
    assert picked(found, *columns)[0] == (2 * GIGABYTE, 11 * GIGABYTE, 23 * GIGABYTE, 1.77, 0)
    assert picked(found, *columns)[-1] == (0, 0, 0, None, 1)
    assert picked(deep, "registry_id", "prefix", "exclusive_bytes") == [
        (ACCOUNT, "team/b", 2 * GIGABYTE),
        (ACCOUNT, "team/a", 0),
        (OTHER_ACCOUNT, "team/a", 11 * GIGABYTE),
    ]
    assert picked(whole, "prefix", "repositories", "exclusive_bytes") == [
        ("", 5, 13 * GIGABYTE),
        ("", 1, 11 * GIGABYTE),
    ]


def test_old_and_missing_listings_show(tmp_path: Path) -> None:
    estate = _money()
    estate.image("hidden", [("base", 10 * GIGABYTE)])
    second = estate.run((ACCOUNT, REGION), (OTHER_ACCOUNT, REGION))
    second.repository("team/a", status="failed")
    second.repository("team/b", {"two": [], "cold": []}, archived=["cold"])
    second.repository("hub/mirror", {"one": []})
    with estate.catalog(tmp_path) as opened:
        found = answer(opened, "storage-by-repository")
        totals = answer(opened, "registry-totals")
        prefixes = answer(opened, "storage-by-prefix")
        alone = answer(opened, "exclusive-bytes-by-image", repository="secret")
    first_night, second_night = DAY_ONE + timedelta(days=1), DAY_ONE + timedelta(days=2)
    columns = ("registry_id", "repository", "is_stale", "listed_at", "unknown_elsewhere")
    assert set(picked(found, *columns)) == {
        (ACCOUNT, "team/a", True, first_night, 2),  # cold, and never
        (ACCOUNT, "team/b", False, second_night, 1),  # its own do not count
        (ACCOUNT, "hub/mirror", False, second_night, 2),
        (ACCOUNT, "secret", True, first_night, 2),  # no longer covered
        (ACCOUNT, "never", True, None, None),
        (OTHER_ACCOUNT, "team/a", True, first_night, 0),
    }
    assert picked(totals, "repositories_unknown", "repositories_stale", "oldest_listed_at") == [
        (1, 4, first_night),
        (1, 3, first_night),
        (0, 1, first_night),
    ]
    assert {(row["registry_id"], row["prefix"]): row["unknown_elsewhere"] for row in prefixes} == {
        (ACCOUNT, "team"): 1,
        (ACCOUNT, "hub"): 2,
        (ACCOUNT, "secret"): 2,
        (ACCOUNT, "never"): 1,
        (OTHER_ACCOUNT, "team"): 0,
    }
    assert picked(alone, "unknown_elsewhere", "repository_unknown") == [(2, 0)]


def test_absurd_sizes_do_not_turn_a_figure_into_an_error(tmp_path: Path) -> None:
    estate = Estate()
    for name in ("one", "two", "three"):
        estate.image(name, [("huge", 2**62), (name, 2**61)])
    run = estate.run()
    run.repository("app", {"one": [], "two": ["2"]})
    run.repository("team", {"one": [], "three": []})
    with estate.catalog(tmp_path) as opened:
        byte_columns = {
            query.name: {row[column] for row in answer(opened, query.name) for column in row if "_bytes" in column}
            for query in opened.queries.values()
            if not any(parameter.required for parameter in query.parameters)
        }
    for query in ("registry-totals", "storage-by-repository", "storage-by-prefix", "growth", "blob-mounting-savings"):
        assert 2**63 - 1 in byte_columns[query]
    assert {2**61, 2**63 - 1} <= byte_columns["reclaimable"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("reclaimable", "keep_newest"),
        ("stale-images", "days"),
        ("storage-by-prefix", "depth"),
        ("exclusive-bytes-by-tag", "limit"),
        ("blob-mounting-savings", "repositories"),
    ],
)
def test_what_cannot_be_below_zero_is_refused_below_zero(tmp_path: Path, query: str, parameter: str) -> None:
    with (
        Estate().catalog(tmp_path) as opened,
        pytest.raises(QueryError, match=f"{parameter}=-1: expected a whole number such as 20, not below 0"),
    ):
        answer(opened, query, **{parameter: "-1"})
