"""The byte queries agree with a slow model over random registries that hold every awkward case."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.estates import ACCOUNT, OTHER_ACCOUNT, REGION, Blob, Estate, Run, answer, digest
from support.slow_model import SlowModel

from indexer.catalog import Catalog

PLACES = [(ACCOUNT, REGION), (ACCOUNT, "us-east-1"), (OTHER_ACCOUNT, REGION)]
REPOSITORIES = ["app", "team/app", "tools"]
BLOBS = ["a", "b", "c", "d", "e"]  # few, so that layers repeat, are configs too, and are claimed with two sizes
MANIFESTS = [f"m{number}" for number in range(8)]
INDEXES = ["x0", "x1", "x2"]
DIGESTS = [*MANIFESTS, *INDEXES, "absent"]
SIZES = st.sampled_from([None, 0, 1, 10, 100, 5 * 2**30])


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    estate = Estate()
    blobs: st.SearchStrategy[Blob] = st.tuples(st.sampled_from(BLOBS), SIZES)
    for name in draw(st.lists(st.sampled_from(MANIFESTS), unique=True)):
        if draw(st.integers(0, 9)) == 0:
            estate.unreadable(name)
            continue
        estate.image(
            name,
            draw(st.lists(blobs, max_size=4)),
            draw(st.none() | blobs),
            kind=draw(st.sampled_from(["image", "image", "schema1", "attestation", "artifact"])),
            foreign=draw(st.sets(st.sampled_from(BLOBS), max_size=1)),
        )
    for name in draw(st.lists(st.sampled_from(INDEXES), unique=True)):
        estate.index(name, draw(st.lists(st.sampled_from(DIGESTS), max_size=4)))  # nested, circular, absent
    for _ in range(draw(st.integers(0, 3))):
        _fill(draw, estate.run(*PLACES))
    return estate


def _fill(draw: st.DrawFn, run: Run) -> None:
    homes = st.tuples(st.sampled_from(PLACES), st.sampled_from(REPOSITORIES))
    for place, name in draw(st.lists(homes, unique=True, max_size=5)):
        status = draw(st.sampled_from(["listed", "listed", "listed", "failed", "deleted"]))
        images = draw(st.sets(st.sampled_from(DIGESTS), max_size=6)) if status == "listed" else set()
        run.repository(
            name,
            dict.fromkeys(sorted(images), ()),
            place=place,
            status=status,
            kms_key=draw(st.sampled_from([None, None, "key"])),
            archived=draw(st.sets(st.sampled_from(DIGESTS), max_size=1)),
        )


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
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
