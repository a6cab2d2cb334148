"""The queries about reuse: rows, parameters, and the answer worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.estates import ACCOUNT, OTHER_ACCOUNT, REGION, answer, digest, picked
from support.lineage_estates import LineageEstate

from indexer.catalog import Catalog

AWAY = (OTHER_ACCOUNT, REGION)


def _estate() -> LineageEstate:
    """`base` (100) is in all of app, tool and prod; `mid` (10) in app and prod; the rest is in one image each."""
    estate = LineageEstate()
    estate.image("v1", [("base", 100), ("mid", 10), ("top1", 1)], ("config1", 3))
    estate.image("v2", [("base", 100), ("mid", 10), ("top2", 2), ("top2", 2)], ("config2", 3))
    estate.image("tool", [("base", 100), ("sdk", 5_000), ("odd", None), ("both", 8)], ("both", 8), foreign=["sdk"])
    estate.image("other", [("config1", 4)], ("config4", 3))
    estate.image("proof", [("statement", 7)], ("config5", 3), kind="attestation")
    run = estate.run((ACCOUNT, REGION), AWAY)
    run.repository("app", {"v1": ["1"], "v2": ["2", "latest"], "proof": [], "lost": []})
    run.repository("prod", {"v1": ["1"]})
    run.repository("team/tool", {"tool": ["x"], "other": []})
    run.repository("app", {"v1": []}, place=AWAY)
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


def test_layers_used_once(catalog: Catalog) -> None:
    columns = ("layer_digest", "size", "is_stored", "position", "manifest_digest", "tags", "repositories")
    found = picked(answer(catalog, "layers-used-once"), *columns)
    assert found == [
        (digest("sdk"), 5_000, False, 1, digest("tool"), ["team/tool:x"], 1),
        (digest("both"), 8, True, 3, digest("tool"), ["team/tool:x"], 1),  # its own config is no second image
        (digest("top2"), 2, True, 2, digest("v2"), ["app:2", "app:latest"], 1),
        (digest("top1"), 1, True, 2, digest("v1"), ["app:1", "prod:1"], 3),
        (digest("odd"), None, True, 2, digest("tool"), ["team/tool:x"], 1),
    ]  # config1 is a layer of `other` alone, but the config of v1 too
    assert len(answer(catalog, "layers-used-once", limit=2)) == 2
    with_artifacts = answer(catalog, "layers-used-once", artifacts=True, repository="app")
    assert picked(with_artifacts, "layer_digest", "kind") == [
        (digest("statement"), "attestation"),
        (digest("top2"), "image"),
        (digest("top1"), "image"),
    ]


def test_used_once_is_meant_over_all_repositories(catalog: Catalog) -> None:
    assert picked(answer(catalog, "layers-used-once", repository="prod"), "layer_digest") == [(digest("top1"),)]


def test_shared_between(catalog: Catalog) -> None:
    (found,) = answer(catalog, "shared-between", first="app", second="team/*")
    app = 100 + 10 + 1 + 2 + 7 + 4 + 3 + 3  # config1 with 4 bytes, as `other` says, then config2 and config5
    tool = 100 + 8 + 4 + 3
    assert found == {
        "registry_id": ACCOUNT,
        "region": REGION,
        "first_repositories": 1,
        "second_repositories": 1,
        "repositories_in_both": 0,
        "first_bytes": app,
        "second_bytes": tool,
        "shared_bytes": 104,
        "share_of_first": round(104 / app, 3),
        "share_of_second": round(104 / tool, 3),
        "shared_blobs": 2,
        "shared_unknown_size": 0,
        "images_unknown": 1,
    }
    same = answer(catalog, "shared-between", first="*", second="app")
    assert picked(same, "registry_id", "repositories_in_both", "share_of_second") == [
        (ACCOUNT, 1, 1.0),
        (OTHER_ACCOUNT, 1, 1.0),
    ]
    assert answer(catalog, "shared-between", first="app", second="nobody") == []


def test_similar_repositories(catalog: Catalog) -> None:
    columns = ("registry_id", "repository", "other_repository", "similarity", "shared_bytes", "all_bytes")
    app, prod, tool = 130, 100 + 10 + 1 + 4, 115
    expected = [
        (ACCOUNT, "app", "prod", round(prod / app, 3), prod, app),
        (ACCOUNT, "prod", "team/tool", round(104 / (prod + tool - 104), 3), 104, prod + tool - 104),
        (ACCOUNT, "app", "team/tool", round(104 / (app + tool - 104), 3), 104, app + tool - 104),
    ]
    assert picked(answer(catalog, "similar-repositories"), *columns) == expected
    assert picked(answer(catalog, "similar-repositories", limit=1), *columns) == expected[:1]
    assert picked(answer(catalog, "similar-repositories", repository="team/*"), *columns) == expected[1:]
    # base and config1 are in three repositories: they make no pair, but count for the one that mid makes
    assert picked(answer(catalog, "similar-repositories", widespread=2), *columns) == expected[:1]
    assert [row["images_unknown"] for row in answer(catalog, "similar-repositories")] == [1, 0, 1]


def _copies() -> LineageEstate:
    """One build as gzip and as zstd, and one in which the base was compressed a third time."""
    estate = LineageEstate()
    sizes = {"base-gzip": 100, "base-zstd": 80, "base-again": 101, "code-gzip": 10, "code-zstd": None}
    for name, layers, config in (
        ("gzip", ["base-gzip", "code-gzip"], "build-1"),
        ("zstd", ["base-zstd", "code-zstd"], "build-1"),
        ("second-gzip", ["base-again", "other"], "build-2"),
        ("second-zstd", ["base-zstd", "other"], "build-2"),
        ("longer", ["base-gzip", "code-gzip", "x"], "build-1"),  # cannot be the same content
    ):
        estate.image(name, [(layer, sizes.get(layer, 1)) for layer in layers], (config, 500))
    estate.image("a-chart", [("one", 1_000)], ("{}", 2))
    estate.image("b-chart", [("two", 2_000)], ("{}", 2))
    return estate


def test_dedup_missed(tmp_path: Path) -> None:
    estate = _copies()
    run = estate.run((ACCOUNT, REGION), AWAY)
    run.repository("app", {"gzip": ["1"], "zstd": ["1-zstd"], "longer": [], "a-chart": [], "b-chart": []})
    run.repository("team/app", {"second-gzip": [], "second-zstd": []})
    run.repository("app", {"gzip": []}, place=AWAY)
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "dedup-missed")
        assert len(answer(catalog, "dedup-missed", repository="team/*")) == 1
        assert answer(catalog, "dedup-missed", repository="nobody") == []
    base, code = found
    assert base["layer_digests"] == [digest("base-again"), digest("base-gzip"), digest("base-zstd")]
    assert (base["copies"], base["bytes"], base["bytes_saved"], base["copies_unknown_size"]) == (3, 281, 180, 0)
    assert (base["manifests"], base["repositories"]) == (5, ["app", "team/app"])
    assert code["layer_digests"] == [digest("code-gzip"), digest("code-zstd")]
    assert (code["bytes"], code["bytes_saved"], code["copies_unknown_size"]) == (10, 0, 1)


def test_copies_count_only_where_they_are_together(tmp_path: Path) -> None:
    estate = _copies()
    run = estate.run((ACCOUNT, REGION), AWAY)
    run.repository("app", {"gzip": ["1"]})
    run.repository("app", {"zstd": []}, place=AWAY)
    with estate.catalog(tmp_path) as catalog:
        assert answer(catalog, "dedup-missed") == []
