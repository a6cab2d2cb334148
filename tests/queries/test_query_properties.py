"""The byte queries agree with a slow model over random registries that hold every awkward case."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from support.byte_estates import estates
from support.estates import OTHER_ACCOUNT, REGION, Estate, answer, digest
from support.slow_model import SlowModel

from indexer.catalog import Catalog


def check(estate: Estate, catalog: Catalog) -> None:
    model = SlowModel(estate)
    by_home = {(row["registry_id"], row["region"], row["repository"]): row for row in answer(catalog, STORAGE)}
    assert set(by_home) == set(model.homes)
    for home, row in by_home.items():
        expected = model.repository(home)
        assert {key: row[key] for key in expected} == _rounded(expected)
    by_place = {(row["registry_id"], row["region"]): row for row in answer(catalog, "registry-totals")}
    totals = model.totals()
    assert set(by_place) == set(totals) | ({(None, None)} if totals else set())
    for place, expected in totals.items():
        assert {key: by_place[place][key] for key in expected} == _rounded(expected)
    for key in ("images", "logical_bytes", "unique_bytes", "stored_bytes_low", "stored_bytes_high", "manifests"):
        if totals:
            assert by_place[None, None][key] == sum(row[key] for row in totals.values())  # type: ignore[misc] # numbers
    histogram = {
        row["used_by"]: (row["layers"], row["layer_bytes"], row["stored_bytes"], row["layers_unknown_size"])
        for row in answer(catalog, "layer-reuse-histogram")
    }
    assert histogram == model.histogram()
    unknown = {
        (home, image)
        for home in model.homes
        for image in model.images[home]
        if model.kinds.get(image) in {None, "unknown"}
    }
    assert unknown == {
        ((row["registry_id"], row["region"], row["repository"]), row["manifest_digest"])
        for row in answer(catalog, "unfetched-images")
    }


def _rounded(expected: dict[str, object]) -> dict[str, object]:
    ratio = expected["dedup_ratio"]
    return expected | {"dedup_ratio": pytest.approx(ratio, abs=0.0051) if ratio is not None else None}


STORAGE = "storage-by-repository"


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estate=estates())
def test_the_queries_agree_with_the_slow_model(estate: Estate) -> None:
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check(estate, catalog)


def test_the_awkward_cases_of_one_registry_agree_with_the_slow_model(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("repeats", [("empty", 32), ("base", 100), ("empty", 32)], ("shared-config", 5))
    estate.image("config-is-layer", [("base", 100), ("both", 7)], ("both", 7))
    estate.image("old", [("base", None), ("only-old", None)], kind="schema1")
    estate.image("windows", [("foreign", 10_000), ("base", 101)], ("shared-config", 5), foreign=["foreign"])
    estate.image("vendored", [("foreign2", 20_000)], ("c2", 1), foreign=["foreign2"])
    estate.image("redistributed", [("foreign2", 20_000)], ("c3", 1))
    estate.image("proof", [("statement", 3)], ("c4", 1), kind="attestation")
    estate.image("forgotten", [("base", 10**9)])
    estate.unreadable("broken")
    estate.index("inner", ["windows", "proof", "absent"])
    estate.index("outer", ["inner", "repeats", "outer"])
    first = estate.run()
    first.repository("gone", {"forgotten": []})
    first.repository("app", {"forgotten": []})
    second = estate.run()
    second.repository("gone", status="deleted")
    second.repository("app", {"outer": ["v1"], "old": [], "broken": [], "cold": []}, archived=["cold"])
    second.repository("secret", {"repeats": [], "config-is-layer": [], "vendored": []}, kms_key="key")
    second.repository("away", {"redistributed": []}, place=(OTHER_ACCOUNT, REGION))
    third = estate.run()
    third.repository("secret", status="failed", kms_key="key")
    third.repository("never", status="failed")
    with estate.catalog(tmp_path) as catalog:
        check(estate, catalog)
        app = answer(catalog, STORAGE, repository="app")[0]
    assert digest("base") in SlowModel(estate).blobs
    # outer's windows (base 101, config 5), proof (3 + 1) and repeats (32 + 101 + 5); old (base 101): by hand
    assert app["logical_bytes"] == 106 + 4 + 138 + 101
    assert app["unique_bytes"] == 101 + 5 + 3 + 1 + 32
    assert app["foreign_bytes"] == 10_000
    assert (app["images_unknown"], app["children_unknown"], app["blobs_unknown_size"]) == (2, 1, 1)
    assert app["exclusive_bytes"] == 3 + 1  # base, empty and shared-config are in secret too
