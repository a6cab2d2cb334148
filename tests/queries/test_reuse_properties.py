"""The queries about reuse agree with a slow model over random registries."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.estates import answer
from support.lineage_estates import LineageEstate, estates
from support.reuse_model import Copies, ReuseModel
from support.slow_model import Home

from indexer.catalog import Catalog

ALL = 10**6
PATTERNS = ["*", "team/*", "app", "[ab]*"]


def home_of(row: dict[str, Any], repository: str = "repository") -> Home:
    return (row["registry_id"], row["region"], row[repository])


def distinct(found: list[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    assert len(set(found)) == len(found)
    return set(found)


def check_used_once(model: ReuseModel, catalog: Catalog, pattern: str) -> None:
    for artifacts in (False, True):
        found = answer(catalog, "layers-used-once", repository=pattern, artifacts=artifacts, limit=ALL)
        names = ("layer_digest", "size", "is_stored", "position", "manifest_digest", "repositories")
        expected = model.used_once(pattern, artifacts=artifacts)
        assert distinct([tuple(row[name] for name in names) for row in found]) == expected


def check_shared_between(model: ReuseModel, catalog: Catalog, first: str, second: str) -> None:
    found = answer(catalog, "shared-between", first=first, second=second)
    names: tuple[str, ...] = (
        "first_repositories",
        "second_repositories",
        "repositories_in_both",
        "first_bytes",
        "second_bytes",
    )
    names = (*names, "shared_bytes", "shared_blobs", "shared_unknown_size", "images_unknown")
    by_place = {(row["registry_id"], row["region"]): tuple(row[name] for name in names) for row in found}
    assert len(by_place) == len(found)
    assert by_place == model.shared_between(first, second)
    for row in found:
        if row["first_bytes"]:
            assert row["share_of_first"] == pytest.approx(row["shared_bytes"] / row["first_bytes"], abs=0.00051)


def check_similar(model: ReuseModel, catalog: Catalog, pattern: str, widespread: int) -> None:
    found = answer(catalog, "similar-repositories", repository=pattern, widespread=widespread, limit=ALL)
    names = ("shared_bytes", "all_bytes", "repository_bytes", "other_bytes", "images_unknown")
    by_pair = {(home_of(row), home_of(row, "other_repository")): tuple(row[name] for name in names) for row in found}
    assert len(by_pair) == len(found)
    assert by_pair == model.similar(pattern, widespread)
    assert [row["similarity"] for row in found] == sorted((row["similarity"] for row in found), reverse=True)


def copies_of(row: dict[str, Any]) -> Copies:
    figures = (row["bytes"], row["bytes_saved"], row["copies_unknown_size"], row["manifests"])
    return Copies(frozenset(row["layer_digests"]), *figures, tuple(row["repositories"]))


def check_copies(model: ReuseModel, catalog: Catalog, pattern: str) -> None:
    found = answer(catalog, "dedup-missed", repository=pattern, limit=ALL)
    expected = {(place, each) for place, copies in model.copies(pattern).items() for each in copies}
    assert {((row["registry_id"], row["region"]), copies_of(row)) for row in found} == expected
    assert len(found) == len(expected)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    estate=estates(),
    pattern=st.sampled_from(PATTERNS),
    other=st.sampled_from(PATTERNS),
    widespread=st.integers(1, 3),
)
def test_the_queries_about_reuse_agree_with_the_slow_model(
    estate: LineageEstate, pattern: str, other: str, widespread: int
) -> None:
    model = ReuseModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check_used_once(model, catalog, pattern)
        check_shared_between(model, catalog, pattern, other)
        check_similar(model, catalog, pattern, widespread)
        check_copies(model, catalog, pattern)
        # Manifests are told apart by hashes, where they are many: whatever these are, what shows is asked of digests.
        catalog._connections.here.execute("create macro hash(digest) as (ascii(digest[8]) % 2)::ubigint")
        check_used_once(model, catalog, pattern)
