"""The queries about bases agree with a slow model over random registries whose images begin with one another."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.estates import answer, digest
from support.lineage_estates import DIGESTS, LineageEstate, estates
from support.lineage_model import LineageModel
from support.slow_model import Home

from indexer.catalog import Catalog

ALL = 10**6


def home_of(row: dict[str, Any]) -> Home:
    return (row["registry_id"], row["region"], row["repository"])


def check_base_images(model: LineageModel, catalog: Catalog, depth: int) -> None:
    found = answer(catalog, "base-images", depth=depth, limit=ALL)
    rows = [
        (
            home_of(row),
            row["manifest_digest"],
            tuple(row["tags"]),
            row["step"],
            row["base_layers"],
            frozenset(row["base_digests"] or ()),
            None if row["base_tags"] is None else tuple(row["base_tags"]),
            row["base_is_held"],
            row["platform_assumed"],
        )
        for row in found
    ]
    assert len(set(rows)) == len(rows)
    assert set(rows) == model.base_images(depth)
    for row in found:
        assert len(row["base_digests"] or ()) == (row["base_images"] or 0)
        assert set(row["platforms"] or ()) == model.platforms.get(row["manifest_digest"], set())


def check_derived_images(model: LineageModel, catalog: Catalog, name: str, asked: set[str]) -> None:
    found = answer(catalog, "derived-images", image=name)
    rows = [
        (home_of(row), row["manifest_digest"], row["layers_added"], row["base_digest"], row["platform_assumed"])
        for row in found
    ]
    assert len(set(rows)) == len(rows)
    assert set(rows) == model.derived(asked)
    assert all(row["tags"] == model.names(home_of(row), row["manifest_digest"]) for row in found)


def check_top_bases(model: LineageModel, catalog: Catalog) -> None:
    found = answer(catalog, "top-bases", limit=ALL)
    expected = model.top_bases()
    by_digest = {base: (bases, figures) for bases, figures in expected.items() for base in bases}
    assert len(found) == len(expected)
    assert [row["images"] for row in found] == sorted((row["images"] for row in found), reverse=True)
    for row in found:
        bases, figures = by_digest.pop(row["base_digest"])
        names = ("images", "direct_images", "repositories", "base_bytes", "unique_bytes_above", "layers_unknown_size")
        assert tuple(row[name] for name in names) == figures
        assert row["bytes_saved"] == row["base_bytes"] * (row["images"] - 1)
        assert row["base_images"] == len(bases)
        assert set(row["base_tags"]) == set().union(*map(model.tags_anywhere, bases))
        assert row["base_is_held"] == any(map(model.is_held, bases))


def check_outdated_bases(model: LineageModel, catalog: Catalog) -> None:
    expected = model.outdated()
    for untagged in (True, False):
        found = answer(catalog, "outdated-bases", untagged=untagged)
        rows = [
            (
                home_of(row),
                row["manifest_digest"],
                (row["base_registry_id"], row["base_region"], row["base_repository"]),
                row["was_digest"],
                row["now_digest"],
                tuple(row["base_tags"]),
            )
            for row in found
        ]
        assert len(set(rows)) == len(rows)
        assert set(rows) == {row for row in expected if untagged or model.names(row[0], row[1])}


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estate=estates(), depth=st.integers(1, 3), name=st.sampled_from(DIGESTS))
def test_the_queries_about_bases_agree_with_the_slow_model(estate: LineageEstate, depth: int, name: str) -> None:
    model = LineageModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check_base_images(model, catalog, depth)
        check_derived_images(model, catalog, digest(name), {digest(name)})
        named = {
            row.manifest_digest
            for home, rows in model.rows.items()
            for row in rows
            if home[2] == "base" and "latest" in row.tags
        }
        check_derived_images(model, catalog, "base:latest", named)
        check_top_bases(model, catalog)
        check_outdated_bases(model, catalog)
