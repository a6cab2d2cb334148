"""The queries about indexes, signatures and SBOMs: rows, parameters, and the answer worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.estates import ACCOUNT, REGION, Estate, answer, digest, picked, rows
from support.lineage_estates import AMD64, ARM, ARM64, BUNDLE, SLSA, SPDX, LineageEstate, cosign_tag, listed_as

from indexer.catalog import Catalog

NOTATION = "application/vnd.cncf.notary.signature"


def _estate() -> LineageEstate:
    """multi has amd64 with an SBOM in an attestation, arm64 without, and a child that is absent.

    plain is signed by a tag, multi by a bundle; bare has provenance alone; noted an SBOM; prod holds a copy of plain.
    """
    estate = LineageEstate()
    for name in ("amd", "arm", "plain", "bare", "noted"):
        estate.stack(name, f"layer-{name}")
    estate.stack("proof", "statement", kind="attestation")
    estate.predicate("proof", SPDX)
    estate.platforms("multi", {"amd": AMD64, "arm": ARM64, "proof": (), "absent": ARM})
    estate.attested("multi", "proof", "amd")
    for name, kind, subject in (
        ("sig", "artifact", None),
        ("bundle", "artifact", "multi"),
        ("spdx", "artifact", "noted"),
    ):
        estate.stack(name, f"blob-{name}", kind=kind)
        estate.describe(name, subject_digest=None if subject is None else digest(subject))
    estate.describe("bundle", artifact_type=BUNDLE)
    estate.describe("spdx", artifact_type="application/spdx+json")
    estate.stack("slsa", "blob-slsa", kind="attestation")
    estate.predicate("slsa", SLSA, "predicateType")
    run = estate.run()
    app = {"multi": ["1"], "amd": [], "arm": [], "proof": [], "plain": ["2"], "bare": ["3"], "noted": ["4"]}
    said = {"sig": [cosign_tag("plain")], "bundle": [], "spdx": [], "slsa": [cosign_tag("bare", ".att")]}
    run.repository("app", {**app, **said, "cold": ["5"], "loose": []}, archived=["cold"])
    run.repository("prod", {"plain": ["2"]})
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


def test_unsigned_images(catalog: Catalog) -> None:
    columns = ("repository", "tags", "manifest_digest", "kind", "referrers", "signed_elsewhere")
    expected = [
        ("app", ["3"], digest("bare"), "image", 1, False),
        ("app", ["4"], digest("noted"), "image", 1, False),
        ("app", ["5"], digest("cold"), None, 0, False),
        ("prod", ["2"], digest("plain"), "image", 0, True),
    ]
    assert sorted(picked(answer(catalog, "unsigned-images"), *columns)) == expected
    untagged = picked(answer(catalog, "unsigned-images", untagged=True), *columns)
    assert sorted(untagged) == [("app", [], digest("loose"), None, 0, False), *expected]
    assert len(answer(catalog, "unsigned-images", repository="prod", limit=1)) == 1


def test_images_without_sbom(catalog: Catalog) -> None:
    columns = ("repository", "tags", "manifest_digest", "platforms_without", "unclear_attestations")
    assert sorted(picked(answer(catalog, "images-without-sbom"), *columns)) == [
        ("app", ["1"], digest("multi"), ["linux/arm/v7", "linux/arm64"], 1),  # the bundle does not tell
        ("app", ["2"], digest("plain"), [], 0),
        ("app", ["3"], digest("bare"), [], 0),
        ("app", ["5"], digest("cold"), [], 0),
        ("prod", ["2"], digest("plain"), [], 0),
    ]


def test_statements_say_what_they_are(catalog: Catalog) -> None:
    found = rows(catalog, "select manifest_digest, found_by, is_signature, is_sbom, is_unclear from image_statements")
    assert sorted(found) == sorted(
        [
            (digest("sig"), "tag", True, False, False),
            (digest("bundle"), "subject", True, False, True),
            (digest("spdx"), "subject", False, True, False),
            (digest("proof"), "entry", False, True, False),
            (digest("slsa"), "tag", False, False, False),
        ]
    )


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ({"artifact_type": NOTATION}, (True, False, False)),
        ({"artifact_type": BUNDLE}, (True, False, True)),
        (
            {"artifact_type": BUNDLE, "annotations": {"dev.sigstore.bundle.predicateType": SLSA}},
            (False, False, False),
        ),
        ({"artifact_type": BUNDLE, "annotations": {"dev.sigstore.bundle.predicateType": SPDX}}, (False, True, False)),
        (
            {
                "artifact_type": BUNDLE,
                "annotations": {"dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1"},
            },
            (True, False, False),
        ),
        ({"artifact_type": "application/vnd.cyclonedx+json"}, (False, True, False)),
        ({"config_media_type": "application/vnd.example.sbom.v1+json"}, (False, True, False)),
        ({"artifact_type": "application/vnd.example.notes"}, (False, False, False)),
    ],
)
def test_what_a_referrer_is_its_types_tell(
    tmp_path: Path, described: dict[str, object], expected: tuple[bool, bool, bool]
) -> None:
    estate = LineageEstate()
    estate.stack("image", "a")
    estate.stack("about", "b", kind="artifact")
    estate.describe("about", subject_digest=digest("image"), **described)
    estate.run().repository("app", {"image": ["1"], "about": []})
    with estate.catalog(tmp_path) as catalog:
        assert rows(catalog, "select is_signature, is_sbom, is_unclear from image_statements") == [expected]


def test_a_referrer_that_was_never_fetched_is_known_from_the_listing(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("image", "a")
    run = estate.run()
    run.repository("app", {"image": ["1"], "cold": []}, archived=["cold"])
    listed_as(run, "cold", subject_digest=digest("image"), artifact_type=NOTATION)
    with estate.catalog(tmp_path) as catalog:
        assert answer(catalog, "unsigned-images") == []
        assert answer(catalog, "unsigned-images", untagged=True) == []


def test_a_signature_of_an_index_covers_its_images_and_not_the_other_way_round(tmp_path: Path) -> None:
    estate = LineageEstate()
    for name in ("amd", "other"):
        estate.stack(name, name)
        estate.platforms(f"index-{name}", {name: AMD64})
    run = estate.run()
    run.repository(
        "app",
        {
            "index-amd": ["1"],
            "amd": ["1-amd"],
            "index-other": ["2"],
            "other": ["2-amd"],
            "s1": [cosign_tag("index-amd")],
            "s2": [cosign_tag("other")],
        },
    )
    with estate.catalog(tmp_path) as catalog:
        assert picked(answer(catalog, "unsigned-images"), "manifest_digest") == [(digest("index-other"),)]


def test_index_platforms(catalog: Catalog) -> None:
    (found,) = answer(catalog, "index-platforms")
    assert found == {
        "registry_id": ACCOUNT,
        "region": REGION,
        "repository": "app",
        "tag": "1",
        "manifest_digest": digest("multi"),
        "kind": "index",
        "platforms": ["linux/amd64", "linux/arm/v7", "linux/arm64"],
        "platforms_missing": ["linux/arm/v7"],
        "children": 4,
        "attestations": 1,
        "without_platform": 0,
        "children_missing": 1,
        "children_not_stored": 1,
    }
    assert picked(answer(catalog, "index-platforms", singles=True, tag="[1-9]"), "tag", "platforms") == [
        ("1", ["linux/amd64", "linux/arm/v7", "linux/arm64"]),
        ("2", []),
        ("3", []),
        ("4", []),
        ("2", []),
    ]
    assert answer(catalog, "index-platforms", repository="prod") == []
    assert len(answer(catalog, "index-platforms", missing=True, limit=1)) == 1


def test_platforms_of_nested_indexes(tmp_path: Path) -> None:
    estate = LineageEstate()
    for name in ("amd", "arm", "none"):
        estate.stack(name, name)
    estate.platforms("inner", {"amd": AMD64, "arm": ("linux", "arm64", "v8"), "outer": ()})
    estate.platforms("outer", {"inner": (), "none": ()})
    run = estate.run()
    run.repository("app", {"outer": ["1"], "inner": [], "amd": [], "none": []})
    with estate.catalog(tmp_path) as catalog:
        (found,) = answer(catalog, "index-platforms")
    assert found["platforms"] == ["linux/amd64", "linux/arm64"]
    assert (found["children"], found["without_platform"], found["platforms_missing"]) == (4, 1, ["linux/arm64"])
    assert (found["children_missing"], found["children_not_stored"]) == (1, 0)


def test_index_tree(catalog: Catalog) -> None:
    columns = ("depth", "tree", "manifest_digest", "kind", "platform", "about_digest", "repositories")
    assert picked(answer(catalog, "index-tree", digest=digest("multi")), *columns) == [
        (0, "asked", digest("multi"), "index", None, None, 1),
        (1, "  child linux/amd64", digest("amd"), "image", "linux/amd64", None, 1),
        (1, "  child linux/arm64", digest("arm"), "image", "linux/arm64", None, 1),
        (1, "  attestation", digest("proof"), "attestation", None, digest("amd"), 1),
        (1, "  child linux/arm/v7", digest("absent"), None, "linux/arm/v7", None, 0),
        (1, "  referrer", digest("bundle"), "artifact", None, None, 1),
    ]
    plain = answer(catalog, "index-tree", digest=digest("plain"))
    assert picked(plain, "tree", "manifest_digest", "layers", "layer_bytes", "repositories") == [
        ("asked", digest("plain"), 1, 10, 2),
        ("  tag", digest("sig"), 1, 10, 1),
    ]
    assert len(answer(catalog, "index-tree", digest=digest("multi"), depth=0)) == 1
    assert answer(catalog, "index-tree", digest=digest("nobody")) == []


def test_a_tree_goes_down_and_does_not_turn_in_circles(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("leaf", "a")
    estate.stack("sig", "b", kind="artifact")
    estate.describe("sig", subject_digest=digest("leaf"))
    estate.platforms("inner", {"leaf": AMD64, "outer": ()})
    estate.platforms("outer", {"inner": ()})
    estate.run().repository("app", {"outer": ["1"]})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "index-tree", digest=digest("outer"))
    assert picked(found, "tree", "manifest_digest", "below") == [
        ("asked", digest("outer"), None),
        ("  child", digest("inner"), None),
        ("    child linux/amd64", digest("leaf"), None),
        ("      referrer", digest("sig"), None),
        ("    child", digest("outer"), "shown elsewhere"),
    ]


def test_what_is_below_a_manifest_stands_in_a_tree_once(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("leaf", "a")
    estate.stack("sig", "b", kind="artifact")
    estate.describe("sig", subject_digest=digest("leaf"))
    estate.platforms("shared", {"leaf": AMD64})
    estate.platforms("first", {"shared": ()})
    estate.platforms("outer", {"first": (), "shared": (), "second": ()})
    estate.platforms("second", {"shared": ()})
    estate.run().repository("app", {"outer": ["1"]})
    with estate.catalog(tmp_path) as catalog:
        whole = answer(catalog, "index-tree", digest=digest("outer"))
        part = answer(catalog, "index-tree", digest=digest("outer"), depth=2)
        nothing = answer(catalog, "index-tree", digest=digest("outer"), depth=0)
    assert picked(whole, "tree", "manifest_digest", "below") == [
        ("asked", digest("outer"), None),
        ("  child", digest("first"), None),
        ("    child", digest("shared"), "shown elsewhere"),
        ("  child", digest("shared"), None),
        ("    child linux/amd64", digest("leaf"), None),
        ("      referrer", digest("sig"), None),
        ("  child", digest("second"), None),
        ("    child", digest("shared"), "shown elsewhere"),
    ]
    assert picked(part, "depth", "manifest_digest", "below")[3:5] == [
        (1, digest("shared"), None),
        (2, digest("leaf"), "too deep"),
    ]
    assert picked(nothing, "manifest_digest", "below") == [(digest("outer"), "too deep")]


def test_indexes_that_name_each_other_with_many_entries_are_as_many_rows_as_entries(tmp_path: Path) -> None:
    """Each level below another would have thirty times its rows: a million million of them in all."""
    estate = Estate()
    names = [f"x{number}" for number in range(30)]
    for name in names:
        estate.index(name, names)
    estate.run().repository("app", {names[0]: []})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "index-tree", digest=digest(names[0]), depth=1_000_000)
    assert len(found) == 1 + len(names) ** 2
    assert sum(row["below"] is None for row in found) == len(names)
    assert max(row["depth"] for row in found) == 2


def test_a_tree_of_many_rows_comes_to_its_end(tmp_path: Path) -> None:
    """With 70,000 rows DuckDB once waited for itself."""
    estate = Estate()
    for level in range(7):
        for name in range(110):
            estate.index(f"x{level}-{name}", [f"x{level + 1}-{below}" for below in range(110)])
    estate.run().repository("app", {"x0-0": []})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "index-tree", digest=digest("x0-0"))
    assert len(found) == 1 + 110 + 6 * 110**2
