"""The queries about indexes, signatures and SBOMs agree with a slow model over random registries."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.attachment_model import AttachmentModel
from support.estates import answer, digest, rows
from support.lineage_estates import DIGESTS, LineageEstate, estates
from support.slow_model import Home

from indexer.catalog import Catalog

_STATEMENTS = """
select registry_id, region, repository, subject_digest, manifest_digest, found_by, is_signature, is_sbom, is_unclear
from image_statements
"""


def home_of(row: dict[str, Any]) -> Home:
    return (row["registry_id"], row["region"], row["repository"])


def distinct(found: list[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
    assert len(set(found)) == len(found)
    return set(found)


def check_statements(model: AttachmentModel, catalog: Catalog) -> None:
    expected = {(*home, *statement) for home, said in model.said.items() for statement in said}
    assert set(rows(catalog, _STATEMENTS)) == expected


def check_missing(model: AttachmentModel, catalog: Catalog, *, untagged: bool) -> None:
    found = answer(catalog, "unsigned-images", untagged=untagged)
    assert distinct(
        [(home_of(row), row["manifest_digest"], row["referrers"], row["signed_elsewhere"]) for row in found]
    ) == model.unsigned(untagged=untagged)
    found = answer(catalog, "images-without-sbom", untagged=untagged)
    assert distinct(
        [
            (home_of(row), row["manifest_digest"], tuple(row["platforms_without"]), row["unclear_attestations"])
            for row in found
        ]
    ) == model.without_sbom(untagged=untagged)


def check_platforms(model: AttachmentModel, catalog: Catalog) -> None:
    found = answer(catalog, "index-platforms")
    names: tuple[str, ...] = (
        "manifest_digest",
        "platforms",
        "platforms_missing",
        "children",
        "attestations",
        "without_platform",
    )
    names = (*names, "children_missing", "children_not_stored")
    by_tag = {(home_of(row), row["tag"]): tuple(row[name] for name in names) for row in found}
    assert len(by_tag) == len(found)
    expected = model.index_platforms()
    assert {key: row for key, row in by_tag.items() if row[3]} == expected
    missing = {(home_of(row), row["tag"]) for row in answer(catalog, "index-platforms", missing=True)}
    assert missing == {key for key, row in expected.items() if row[6]}


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estate=estates(), name=st.sampled_from(DIGESTS), depth=st.integers(1, 4), untagged=st.booleans())
def test_the_queries_about_attachments_agree_with_the_slow_model(
    estate: LineageEstate, name: str, depth: int, untagged: bool
) -> None:
    model = AttachmentModel(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check_statements(model, catalog)
        check_missing(model, catalog, untagged=untagged)
        check_platforms(model, catalog)
        found = answer(catalog, "index-tree", digest=digest(name), depth=depth)
        tree = [(row["depth"], row["tree"].split()[0], row["manifest_digest"], row["below"]) for row in found]
        assert tree == model.tree(digest(name), depth)
