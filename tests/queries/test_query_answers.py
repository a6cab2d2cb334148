"""Each named query: rows, parameters, and the answer worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.estates import ACCOUNT, LAYER_TYPE, OTHER_ACCOUNT, REGION, Estate, answer, digest, picked
from support.query_values import needed

from indexer.catalog import Catalog, load_queries, shipped_queries

AWAY = (OTHER_ACCOUNT, REGION)


def _estate() -> Estate:
    """Two accounts; `base` (100 bytes) lies under most of it.

    app: v1 and v2 share base and mid; multi is an index of v2, an attestation, and a child that is absent.
    team/tool: v1 again, and tool on base, whose foreign layer no one stores. Another account holds v1 too.
    """
    estate = Estate()
    estate.image("v1", [("base", 100), ("mid", 10), ("top1", 1)], ("config1", 3))
    estate.image("v2", [("base", 100), ("mid", 10), ("top2", 2), ("mid", 10)], ("config2", 3))
    estate.image("tool", [("base", 100), ("sdk", 5_000)], ("config3", 3), foreign=["sdk"])
    estate.image("proof", [("statement", 7)], ("config4", 3), kind="attestation", layer_type="application/in-toto")
    estate.index("multi", ["v2", "proof", "absent"])
    estate.unreadable("broken", "layers: expected a list")
    run = estate.run((ACCOUNT, REGION), AWAY)
    images = {"v1": ["1"], "v2": [], "proof": [], "multi": ["2", "latest"], "broken": ["odd"], "cold": []}
    run.repository("app", images, archived=["cold"])
    run.repository("team/tool", {"tool": ["1"], "v1": [], "lost": [], "new": []}, kms_key="key")
    run.repository("away", {"v1": []}, place=AWAY)
    run.repository("denied", status="failed")
    run.failure("team/tool", "lost", code="ImageNotFound", reason="it is gone")
    run.failure("denied", operation="DescribeImages", code="AccessDeniedException", reason="no")
    run.failure(None, None, place=(None, "us-east-1"), operation="DescribeRepositories", code="ExpiredToken")
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@pytest.fixture
def nothing(tmp_path: Path) -> Iterator[Catalog]:
    with Estate().catalog(tmp_path) as opened:
        yield opened


def test_registry_totals(catalog: Catalog) -> None:
    found = answer(catalog, "registry-totals")
    assert picked(found, "registry_id", "region", "repositories", "images", "manifests") == [
        (None, None, 4, 11, 6),
        (ACCOUNT, REGION, 3, 10, 5),
        (OTHER_ACCOUNT, REGION, 1, 1, 1),
    ]
    # v1 100+10+1+3, v2 100+10+2+3, tool 100+3, proof 7+3
    logical = 114 + 115 + 103 + 10
    unique = 100 + 10 + 1 + 2 + 7 + 4 * 3
    app, tool = 100 + 10 + 1 + 2 + 7 + 3 * 3, 100 + 10 + 1 + 2 * 3
    together, here, away = found
    assert (here["logical_bytes"], here["unique_bytes"]) == (logical, unique)
    assert here["per_repository_unique_bytes"] == here["stored_bytes_high"] == app + tool
    assert here["stored_bytes_low"] == app + tool  # the two repositories have different keys
    assert here["dedup_ratio"] == round(logical / unique, 2)
    assert here["listed_layer_bytes"] == 111 + 122 + 5_100 + 7
    assert (here["images_unknown"], here["children_unknown"], here["repositories_unknown"]) == (4, 1, 1)
    assert (away["logical_bytes"], away["unique_bytes"], away["stored_bytes_low"]) == (114, 114, 114)
    assert together["unique_bytes"] == unique + 114
    assert together["stored_bytes_high"] == app + tool + 114


def test_blobs_of_one_key_are_stored_once_at_best(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("v1", [("base", 100)])
    run = estate.run()
    for name in ("a", "b", "c"):
        run.repository(name, {"v1": []}, kms_key="key" if name == "c" else None)
    with estate.catalog(tmp_path) as opened:
        figures = answer(opened, "registry-totals")[0]
    assert (figures["unique_bytes"], figures["stored_bytes_low"], figures["stored_bytes_high"]) == (100, 200, 300)


def test_unknown_sizes_are_counted_not_taken_for_zero(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("relic", [("base", None), ("top", None)], kind="schema1")
    estate.image("modern", [("base", 100)])
    estate.run().repository("app", {"relic": [], "modern": []})
    with estate.catalog(tmp_path) as opened:
        figures = answer(opened, "storage-by-repository")[0]
        layers = answer(opened, "largest-layers")
        shared = answer(opened, "most-shared-layers")
    assert (figures["logical_bytes"], figures["unique_bytes"], figures["blobs_unknown_size"]) == (200, 100, 1)
    assert picked(layers, "layer_digest", "size") == [(digest("base"), 100), (digest("top"), None)]
    assert picked(shared, "size", "manifests", "bytes_saved") == [(100, 2, 100), (None, 1, None)]


def test_storage_by_repository(catalog: Catalog) -> None:
    found = answer(catalog, "storage-by-repository")
    assert picked(found, "repository", "images", "manifests", "unique_bytes", "exclusive_bytes", "shared_bytes") == [
        ("app", 6, 4, 129, 2 + 7 + 2 * 3, 114),
        ("team/tool", 4, 2, 117, 3, 114),
        ("away", 1, 1, 114, 114, 0),  # the same blobs, but in an account of its own
        ("denied", None, None, None, None, None),
    ]
    assert picked(found, "logical_bytes", "foreign_bytes", "config_bytes")[:2] == [(239, 0, 9), (217, 5_000, 6)]
    assert picked(found, "images_unknown", "children_unknown")[:2] == [(2, 1), (2, 0)]


def test_storage_by_repository_of_some(catalog: Catalog) -> None:
    one = answer(catalog, "storage-by-repository", repository="team/*")
    assert picked(one, "repository", "exclusive_bytes") == [("team/tool", 3)]
    assert picked(answer(catalog, "storage-by-repository", limit="1"), "repository") == [("app",)]


def test_most_shared_layers(catalog: Catalog) -> None:
    found = answer(catalog, "most-shared-layers")
    assert picked(found, "layer_digest", "size", "manifests", "repositories", "bytes_saved") == [
        (digest("base"), 100, 3, 3, 200),  # 2 more in one account, 0 more in the other
        (digest("mid"), 10, 2, 3, 10),
        (digest("sdk"), 5_000, 1, 1, 0),  # foreign
        (digest("top2"), 2, 1, 1, 0),
        (digest("top1"), 1, 1, 3, 0),
    ]
    assert len(answer(catalog, "most-shared-layers", limit=2)) == 2


def test_most_shared_layers_of_some(catalog: Catalog) -> None:
    away = answer(catalog, "most-shared-layers", repository="away")
    assert picked(away, "layer_digest", "manifests", "repositories") == [
        (digest("base"), 1, 1),
        (digest("mid"), 1, 1),
        (digest("top1"), 1, 1),
    ]
    assert digest("statement") in {row["layer_digest"] for row in answer(catalog, "most-shared-layers", artifacts=True)}


def test_layer_reuse_histogram(catalog: Catalog) -> None:
    columns = ("used_by", "layers", "layer_bytes", "stored_bytes")
    found = picked(answer(catalog, "layer-reuse-histogram"), *columns)
    assert found == [(1, 3, 5_003, 3), (2, 1, 10, 10), (3, 1, 100, 100)]
    found = picked(answer(catalog, "layer-reuse-histogram", artifacts="true"), *columns)
    assert found[0] == (1, 4, 5_010, 10)
    found = picked(answer(catalog, "layer-reuse-histogram", repository="team/*"), *columns)
    assert found == [(1, 3, 5_011, 11), (2, 1, 100, 100)]


def test_images_with_layer(catalog: Catalog) -> None:
    found = answer(catalog, "images-with-layer", digest=digest("mid"))
    v1, v2, multi = digest("v1"), digest("v2"), digest("multi")
    assert [tuple(row.values()) for row in found] == [
        (ACCOUNT, REGION, "app", *row)
        for row in sorted([(["1"], v1, 1, None), ([], v2, 1, None), ([], v2, 3, None)], key=lambda row: row[1:3])
    ] + [
        (ACCOUNT, REGION, "app", ["2", "latest"], v2, 1, multi),
        (ACCOUNT, REGION, "app", ["2", "latest"], v2, 3, multi),
        (ACCOUNT, REGION, "team/tool", [], v1, 1, None),
        (OTHER_ACCOUNT, REGION, "away", [], v1, 1, None),
    ]
    assert answer(catalog, "images-with-layer", digest=digest("nobody has it")) == []


def test_images_with_layer_through_nested_indexes_and_circles(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("leaf", [("base", 1)])
    estate.index("inner", ["leaf", "outer"])
    estate.index("outer", ["inner"])
    estate.run().repository("app", {"outer": ["latest"]})
    with estate.catalog(tmp_path) as opened:
        found = answer(opened, "images-with-layer", digest=digest("base"))
    assert picked(found, "tags", "manifest_digest", "via_index") == [(["latest"], digest("leaf"), digest("outer"))]


def test_largest_images(catalog: Catalog) -> None:
    columns = ("repository", "manifest_digest", "kind", "bytes", "children_unknown")
    found = picked(answer(catalog, "largest-images"), *columns)
    assert found == [
        ("app", digest("multi"), "index", 115 + 10, 1),
        ("app", digest("v1"), "image", 114, 0),
        ("team/tool", digest("v1"), "image", 114, 0),
        ("away", digest("v1"), "image", 114, 0),
        ("team/tool", digest("tool"), "image", 103, 0),
    ]
    every = picked(answer(catalog, "largest-images", repository="app", children="yes"), *columns)
    assert every[1:] == [
        ("app", digest("v2"), "image", 115, 0),
        ("app", digest("v1"), "image", 114, 0),
        ("app", digest("proof"), "attestation", 10, 0),
    ]
    assert len(answer(catalog, "largest-images", limit=2)) == 2


def test_largest_layers(catalog: Catalog) -> None:
    found = answer(catalog, "largest-layers", limit="3")
    assert [tuple(row.values()) for row in found] == [
        (digest("sdk"), 5_000, LAYER_TYPE, False, 1, 1),
        (digest("base"), 100, LAYER_TYPE, True, 3, 3),
        (digest("mid"), 10, LAYER_TYPE, True, 2, 3),
    ]


def test_media_types(catalog: Catalog) -> None:
    found = [tuple(row.values()) for row in answer(catalog, "media-types")]
    assert found == [
        ("manifest", "application/vnd.oci.image.manifest.v1+json", None, 4, 4, 200, 0),
        ("manifest", "application/vnd.oci.image.index.v1+json", None, 1, 1, 50, 0),
        ("manifest", None, None, 1, 1, 50, 0),
        ("config", "application/config", None, 4, 4, 12, 0),
        ("layer", LAYER_TYPE, None, 9, 5, 5_113, 0),
        ("layer", "application/in-toto", None, 1, 1, 7, 0),
    ]


def test_failures(catalog: Catalog) -> None:
    columns = ("registry_id", "region", "repository", "manifest_digest", "operation", "code")
    everything = [
        (None, "us-east-1", None, None, "DescribeRepositories", "ExpiredToken"),
        (ACCOUNT, REGION, "denied", None, "DescribeImages", "AccessDeniedException"),
        (ACCOUNT, REGION, "team/tool", digest("lost"), "BatchGetImage", "ImageNotFound"),
    ]
    assert picked(answer(catalog, "failures"), *columns) == everything
    assert picked(answer(catalog, "failures", code="Image*"), *columns) == everything[2:]
    assert picked(answer(catalog, "failures", repository="den*"), *columns) == everything[1:2]


def test_unfetched_images(catalog: Catalog) -> None:
    found = {row["manifest_digest"]: row["reason"] for row in answer(catalog, "unfetched-images")}
    assert found == {
        digest("broken"): "not readable: layers: expected a list",
        digest("cold"): "archived",
        digest("lost"): "ImageNotFound: it is gone",
        digest("new"): "not fetched yet",
    }
    assert len(answer(catalog, "unfetched-images", repository="app")) == 2


def test_unfetched_images_gives_the_newest_reason_once(tmp_path: Path) -> None:
    estate = Estate()
    for reason in ("first", "second"):
        run = estate.run()
        run.repository("app", {"lost": []})
        run.failure("app", "lost", reason=reason)
        run.failure("app", "lost", place=(None, REGION), operation="A", reason="before the account was known")
    with estate.catalog(tmp_path) as opened:
        assert picked(answer(opened, "unfetched-images"), "reason") == [("ImageNotFound: second",)]


@pytest.mark.parametrize("name", sorted(load_queries([shipped_queries()])))
def test_an_empty_store_has_no_rows_and_a_sentence_about_it(nothing: Catalog, name: str) -> None:
    assert answer(nothing, name, **needed(nothing.queries[name])) == []
    assert nothing.queries[name].empty.endswith((".", "it."))
