"""The queries about deleting and about money agree with a slow model over random registries."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.deletion_estates import DAYS, TAGS, estates
from support.deletion_model import Choice, DeletionModel
from support.estates import Estate, answer, rows
from support.slow_model import Home

from indexer.catalog import Catalog

TAGGED_TOO = st.builds(
    Choice,
    repository=st.sampled_from(["*", "team/*", "app"]),
    untagged=st.just(value=False),
    keep_tags=st.sampled_from([None, None, "v*", "latest", *TAGS[3:]]),
    keep_newest=st.integers(0, 2),
    pushed_before=st.none() | DAYS,
    not_pulled_since=st.none() | DAYS,
    with_referrers=st.booleans(),
)
UNTAGGED = TAGGED_TOO.map(lambda choice: choice._replace(untagged=True, keep_tags=None))
CHOICES = TAGGED_TOO | UNTAGGED
_PULLS = """select
    registry_id, region, repository, manifest_digest, is_own_pull, last_external_pull_at, last_used_at, listed_at
from image_pulls
order by all"""
NAMES = ("registry_id", "region", "repository")


def home_of(row: dict[str, Any]) -> Home:
    return (row["registry_id"], row["region"], row["repository"])


def keyed(found: list[dict[str, Any]]) -> dict[tuple[Home, str], dict[str, Any]]:
    by_key = {(home_of(row), row["manifest_digest"]): row for row in found}
    assert len(by_key) == len(found)
    return by_key


def check_reclaimable(model: DeletionModel, catalog: Catalog, choice: Choice) -> None:
    fates = {home: model.fate(home, choice) for home in model.homes}
    expected = {home: repository_row(model, home, choice) for home, fate in fates.items() if fate.deleted}
    found = answer(catalog, "reclaimable", **choice._asdict())
    assert {home_of(row): row for row in found if row["repository"]} == {
        home: dict(zip(NAMES, home, strict=True))
        | row
        | {"deletes": found[0]["deletes"], "reclaimable_bytes_mounted": mounted}
        for home, row in expected.items()
        for mounted in [model.bytes_of(model.freed(home, fates[home].deleted) - pool_kept(model, home, choice))]
    }
    check_total(model, choice, found)
    listed = keyed(answer(catalog, "reclaimable-images", **choice._asdict()))
    assert set(listed) == {(home, image) for home, fate in fates.items() for image in fate.deleted}
    for (home, image), row in listed.items():
        assert row["why"] == ("referrer" if image in fates[home].referrers else "chosen")
        assert row["bytes"] == (model.own_bytes(image) if image in model.known[home] else None)
        assert row["is_own_pull"] == model.is_own_pull(home, image)
        assert row["last_used_at"] == model.last_used(home, image)


def repository_row(model: DeletionModel, home: Home, choice: Choice) -> dict[str, Any]:
    deleted, referrers = model.fate(home, choice)
    freed, known = model.freed(home, deleted), model.known[home]
    return {
        "images": len(deleted),
        "manifests": len(deleted & known),
        "referrers": len(referrers),
        "logical_bytes": model.logical(deleted & known),
        "reclaimable_bytes": model.bytes_of(freed),
        "images_unknown": len(deleted - known),
        "blobs_unknown_size": sum(model.blobs[blob].size is None for blob in freed),
        "pulls_in_doubt": sum(model.is_own_pull(home, each) for each in deleted) if choice.not_pulled_since else 0,
        "images_kept": len(set(model.rows[home]) - deleted),
        "kept_unknown": len(model.held[home] - deleted - known),
        "pool_unknown": unknown_in(model, mates(model, home)) - gone_unknown(model, mates(model, home), choice),
        "listed_at": model.listed_at(home),
    }


def pool(model: DeletionModel, home: Home) -> tuple[object, ...]:
    row = model.homes[home]
    return (*home[:2], row.encryption_type, row.kms_key)


def pool_kept(model: DeletionModel, home: Home, choice: Choice) -> set[str]:
    """Blobs that something which stays refers to, anywhere in the account, region and key of `home`."""
    staying = (model.known[mate] - model.fate(mate, choice).deleted for mate in mates(model, home))
    return set().union(*map(model.blobs_of, staying))


def mates(model: DeletionModel, home: Home) -> list[Home]:
    """The repositories with which `home` may share blobs, itself among them."""
    return [mate for mate in model.homes if pool(model, mate) == pool(model, home)]


def unknown_in(model: DeletionModel, homes: list[Home]) -> int:
    """Images of unknown contents in these repositories, and repositories that were never listed."""
    return sum(len(set(model.rows[home]) - model.known[home]) + (model.listed_at(home) is None) for home in homes)


def gone_unknown(model: DeletionModel, homes: list[Home], choice: Choice) -> int:
    return sum(len(model.fate(home, choice).deleted - model.known[home]) for home in homes)


def check_total(model: DeletionModel, choice: Choice, found: list[dict[str, Any]]) -> None:
    total = next((row for row in found if row["repository"] is None), None)
    assert (total is None) == (not found)
    if total is None:
        return
    each = found[1:]
    assert total is found[0]
    for column in ("images", "referrers", "logical_bytes", "reclaimable_bytes", "images_unknown", "kept_unknown"):
        assert total[column] == sum(row[column] for row in each)
    deleted = [model.fate(home, choice).deleted & model.known[home] for home in model.homes]
    assert total["manifests"] == len(set().union(*deleted))
    freed: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for home in model.homes:
        freed[pool(model, home)] |= model.freed(home, model.fate(home, choice).deleted) - pool_kept(model, home, choice)
    assert total["reclaimable_bytes_mounted"] == sum(map(model.bytes_of, freed.values()))
    pools = {pool(model, home_of(row)): row["pool_unknown"] for row in each}
    assert total["pool_unknown"] == sum(pools.values())
    assert total["listed_at"] == min(row["listed_at"] for row in each)


def check_alone(model: DeletionModel, catalog: Catalog) -> None:
    rows_of = {name: answer(catalog, f"exclusive-bytes-by-{name}", limit=1_000) for name in ("image", "tag")}
    found = keyed(rows_of["image"])
    assert set(found) == {(home, image) for home in model.homes for image in model.roots(home)}
    tags = rows_of["tag"]
    for (home, image), row in found.items():
        parts = model.parts(home, image)
        freed = model.freed(home, model.goes_alone(home, image))
        others = [other for other in model.homes if other != home and other[:2] == home[:2]]
        elsewhere = set().union(*(model.blobs_of(model.known[other]) for other in others))
        assert row["reclaimable_bytes"] == model.bytes_of(freed)
        assert row["exclusive_bytes"] == model.bytes_of(freed - elsewhere)
        assert row["logical_bytes"] == sum(map(model.own_bytes, parts & model.known[home]))
        assert (row["manifests"], row["manifests_unknown"]) == (len(parts), len(parts - model.known[home]))
        assert row["repository_unknown"] == len(model.held[home] - model.known[home])
        assert row["unknown_elsewhere"] == unknown_in(model, others)
        own = [tag for tag in tags if (home_of(tag), tag["manifest_digest"]) == (home, image)]
        assert sorted(tag["tag"] for tag in own) == sorted(model.rows[home][image].tags)
        for tag in own:
            alone = tag["other_tags"] == 0
            assert tag["other_tags"] == len(own) - 1
            assert tag["reclaimable_bytes"] == (row["reclaimable_bytes"] if alone else 0)
            assert tag["exclusive_bytes"] == (row["exclusive_bytes"] if alone else 0)
            assert (tag["logical_bytes"], tag["manifests"]) == (row["logical_bytes"], row["manifests"])
    assert {(home_of(tag), tag["manifest_digest"]) for tag in tags} <= set(found)


def check_those_that_free_most(catalog: Catalog) -> None:
    """They are found by hashes of digests; whatever these are, what shows is worked out of digests."""

    def figures(name: str, limit: int) -> list[tuple[int, int]]:
        found = answer(catalog, f"exclusive-bytes-by-{name}", limit=limit)
        return [(row["exclusive_bytes"], row["reclaimable_bytes"]) for row in found]

    whole = {name: figures(name, 1_000) for name in ("image", "tag")}
    for name, all_figures in whole.items():
        assert all(figures(name, limit) == all_figures[:limit] for limit in (1, 5))
    catalog._connections.here.execute("create macro hash(digest) as (ascii(digest[8]) % 2)::ubigint")
    assert {name: figures(name, 1_000) for name in whole} == whole


def check_untagged(model: DeletionModel, catalog: Catalog) -> None:
    found = keyed(answer(catalog, "untagged"))
    untagged = {(home, each) for home, rows in model.rows.items() for each, row in rows.items() if not row.tags}
    assert set(found) == untagged
    for (home, image), row in found.items():
        links = [link for link in model.links[home] if link.member == image]
        assert row["indexes"] == sum(link.is_entry for link in links)
        assert row["subjects"] == sum(not link.is_entry for link in links)
        assert row["is_orphan"] == (image in model.orphans(home))
        assert row["bytes"] == (model.own_bytes(image) if image in model.known[home] else None)
        assert row["repository_unknown"] == len(model.held[home] - model.known[home])
    orphans = keyed(answer(catalog, "orphans"))
    columns = [column for column in next(iter(found.values()), {}) if column != "is_orphan"]
    assert orphans == {
        key: {column: row[column] for column in columns} for key, row in found.items() if row["is_orphan"]
    }
    assert set(orphans) == set(keyed(answer(catalog, "reclaimable-images", untagged=True, with_referrers=False)))


def check_stale(model: DeletionModel, catalog: Catalog) -> None:
    pulls = rows(catalog, _PULLS)
    assert pulls == sorted(
        ((*home, image, *pull_row(model, home, image)) for home in model.homes for image in model.rows[home]),
        key=lambda row: row[:4],
    )
    found = keyed(answer(catalog, "stale-images", days=2))
    expected = set()
    for home in model.homes:
        for image in model.roots(home):
            listed_at = model.listed_at(home)
            if listed_at and model.last_used(home, image) <= listed_at - timedelta(days=2):
                expected.add((home, image))
    assert set(found) == expected
    for (home, image), row in found.items():
        parts = model.parts(home, image)
        assert row["logical_bytes"] == sum(map(model.own_bytes, parts))
        assert (row["manifests"], row["manifests_unknown"]) == (len(parts), len(parts - model.known[home]))
        assert row["unused_days"] == (row["listed_at"] - row["last_used_at"]).days


def pull_row(model: DeletionModel, home: Home, image: str) -> tuple[object, ...]:
    used = model.last_used(home, image)
    return model.is_own_pull(home, image), model.external_pull(home, image), used, model.listed_at(home)


def check_prefixes(model: DeletionModel, catalog: Catalog, depth: int) -> None:
    groups: dict[tuple[str, str, str], list[Home]] = defaultdict(list)
    for home in model.homes:
        groups[home[0], home[1], "/".join(home[2].split("/")[:depth])].append(home)
    found = {
        (row["registry_id"], row["region"], row["prefix"]): row
        for row in answer(catalog, "storage-by-prefix", depth=depth)
    }
    assert set(found) == set(groups)
    for key, homes in groups.items():
        manifests = set().union(*(model.known[home] for home in homes))
        outside = [home for home in model.homes if home[:2] == key[:2] and home not in homes]
        elsewhere = model.blobs_of(set().union(*(model.known[home] for home in outside)))
        blobs = model.blobs_of(manifests)
        row = found[key]
        assert row["repositories"] == len(homes)
        assert row["images"] == sum(len(model.rows[home]) for home in homes)
        assert row["manifests"] == len(manifests)
        assert row["logical_bytes"] == model.logical(manifests)
        assert row["unique_bytes"] == model.bytes_of(blobs)
        assert row["exclusive_bytes"] == model.bytes_of(blobs - elsewhere)
        assert row["shared_bytes"] == row["unique_bytes"] - row["exclusive_bytes"]
        assert row["per_repository_unique_bytes"] == sum(
            model.bytes_of(model.blobs_of(model.known[home])) for home in homes
        )
        assert row["repositories_unknown"] == sum(model.listed_at(home) is None for home in homes)
        assert row["blobs_unknown_size"] == unknown_sizes(model, blobs)
        assert row["unknown_elsewhere"] == unknown_in(model, outside)


def unknown_sizes(model: DeletionModel, blobs: set[str]) -> int:
    return sum(model.blobs[blob].size is None and model.blobs[blob].is_stored for blob in blobs)


def check_mounting(model: DeletionModel, catalog: Catalog, caches: str | None) -> None:
    patterns = caches.split(",") if caches else []
    pools: dict[tuple[object, ...], list[Home]] = defaultdict(list)
    apart: dict[tuple[object, ...], int] = defaultdict(int)
    for home in model.homes:
        is_cache = any(fnmatchcase(home[2], pattern) for pattern in patterns)
        pools[pool(model, home)] += [] if is_cache else [home]
        apart[pool(model, home)] += is_cache
    found = answer(catalog, "blob-mounting-savings", repositories=100, pull_through=caches)
    heads = [row for row in found if row["repository"] is None]
    assert len(heads) == len(pools)
    for row in heads:
        key = (row["registry_id"], row["region"], row["encryption_type"], row["kms_key"])
        contents = {home: model.blobs_of(model.known[home]) for home in pools[key]}
        low = model.bytes_of(set().union(*contents.values()))
        high = sum(map(model.bytes_of, contents.values()))
        assert (row["stored_bytes_low"], row["stored_bytes_high"], row["bytes_saved"]) == (low, high, high - low)
        assert row["cost_saved"] == pytest.approx((high - low) / 1e10, abs=0.0051)
        assert (row["repositories"], row["pull_through_repositories"]) == (len(contents), apart[key])
        parts = [each for each in found if pool_key(each) == key and each["repository"]]
        assert row["repositories_sharing"] == len(parts)
        assert high - low - len(parts) * 5 <= sum(each["bytes_saved"] for each in parts) <= high - low
        for each in parts:
            own = contents[home_of(each)]
            others = set().union(*(blobs for home, blobs in contents.items() if home != home_of(each)))
            assert each["shared_bytes"] == model.bytes_of(own & others)
    check_totals(model, catalog, patterns, caches)


def pool_key(row: dict[str, Any]) -> tuple[object, ...]:
    return (row["registry_id"], row["region"], row["encryption_type"], row["kms_key"])


def check_totals(model: DeletionModel, catalog: Catalog, patterns: list[str], caches: str | None) -> None:
    """registry-totals: what pull-through caches hold is stored by itself, and costs follow from the bytes."""
    totals = answer(catalog, "registry-totals", price_per_gb_month=0.2, pull_through=caches)
    for row in totals[1:]:
        stored: dict[object, set[str]] = defaultdict(set)
        for home in model.homes:
            if home[:2] == (row["registry_id"], row["region"]):
                is_cache = any(fnmatchcase(home[2], pattern) for pattern in patterns)
                stored[home if is_cache else pool(model, home)] |= model.blobs_of(model.known[home])
        assert row["stored_bytes_low"] == sum(map(model.bytes_of, stored.values()))
    for row in totals:
        assert row["cost_low"] == pytest.approx(row["stored_bytes_low"] / 5e9, abs=0.0051)
        assert row["cost_high"] == pytest.approx(row["stored_bytes_high"] / 5e9, abs=0.0051)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estate=estates(), choices=st.lists(CHOICES, min_size=2, max_size=2))
def test_what_is_deleted_agrees_with_the_slow_model(estate: Estate, choices: list[Choice]) -> None:
    model = DeletionModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        for choice in [Choice(), *choices]:
            check_reclaimable(model, catalog, choice)
        check_alone(model, catalog)
        check_those_that_free_most(catalog)


@pytest.mark.slow
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    estate=estates(),
    depth=st.integers(0, 3),
    caches=st.sampled_from([None, "app", "team/*", "app, team/sub/*".replace(" ", "")]),
)
def test_what_is_held_agrees_with_the_slow_model(estate: Estate, depth: int, caches: str | None) -> None:
    model = DeletionModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check_untagged(model, catalog)
        check_stale(model, catalog)
        check_prefixes(model, catalog, depth)
        check_mounting(model, catalog, caches)
