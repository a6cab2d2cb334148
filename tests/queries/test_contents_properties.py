"""The queries about single layers and images agree with a slow model over random registries."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.byte_estates import BLOBS, estates, typed_estates
from support.contents_model import ContentsModel
from support.estates import Estate, answer, digest
from support.slow_model import Home

from indexer.catalog import Catalog

ALL = 10**6


def home_of(row: dict[str, Any]) -> Home:
    return (row["registry_id"], row["region"], row["repository"])


def distinct(found: list[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    assert len(set(found)) == len(found)
    return set(found)


def ordered(found: list[dict[str, Any]], column: str) -> list[tuple[Any, ...]]:
    """The rows as tuples; the largest of `column` must come first, and what is unknown last."""
    values = [-1 if row[column] is None else row[column] for row in found]
    assert values == sorted(values, reverse=True)
    return [tuple(row.values()) for row in found]


def check_layers(model: ContentsModel, catalog: Catalog, pattern: str, *, artifacts: bool) -> None:
    found = answer(catalog, "largest-layers", limit=ALL)
    rows = ordered([{name: value for name, value in row.items() if name != "media_type"} for row in found], "size")
    assert distinct(rows) == model.largest_layers()
    found = answer(catalog, "most-shared-layers", limit=ALL, repository=pattern, artifacts=artifacts)
    assert distinct(ordered(found, "manifests")) == model.most_shared(pattern, artifacts=artifacts)


def check_images(model: ContentsModel, catalog: Catalog, pattern: str, layer: str, *, children: bool) -> None:
    found = answer(catalog, "images-with-layer", digest=layer)
    rows = [(home_of(row), row["manifest_digest"], row["position"], row["via_index"]) for row in found]
    assert distinct(rows) == distinct(model.images_with(layer))
    found = answer(catalog, "largest-images", limit=ALL, repository=pattern, children=children)
    names = ("manifest_digest", "kind", "bytes", "blobs_unknown_size", "children_unknown")
    assert [row["bytes"] for row in found] == sorted((row["bytes"] for row in found), reverse=True)
    rows = [(home_of(row), *(row[name] for name in names)) for row in found]
    assert distinct(rows) == model.largest_images(pattern, children=children)
    for limit in (0, 1, 3):  # what is not looked at closely is none of the largest
        few = answer(catalog, "largest-images", limit=limit, repository=pattern, children=children)
        assert few == found[:limit]


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    estate=estates(),
    pattern=st.sampled_from(["*", "team/*", "app"]),
    name=st.sampled_from(BLOBS),
    artifacts=st.booleans(),
    children=st.booleans(),
)
def test_the_queries_about_layers_and_images_agree_with_the_slow_model(
    estate: Estate, pattern: str, name: str, artifacts: bool, children: bool
) -> None:
    model = ContentsModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check_layers(model, catalog, pattern, artifacts=artifacts)
        check_images(model, catalog, pattern, digest(name), children=children)


ROLES = ["manifest", "config", "layer"]


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(estate=typed_estates())
def test_the_media_types_agree_with_the_slow_model(estate: Estate) -> None:
    model = ContentsModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        found = answer(catalog, "media-types")
    assert distinct([tuple(row.values()) for row in found]) == model.media_types()
    order = [(ROLES.index(row["role"]), -row["documents"]) for row in found]
    assert order == sorted(order)
