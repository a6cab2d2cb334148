"""The queries about quality: answers worked out by hand, and by a slow model over random registries."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.estates import ACCOUNT, DAY_ONE, REGION, Blob, Estate, answer, digest, picked

BLOBS = ["a", "b", "c"]
MANIFESTS = ["m0", "m1", "m2", "m3"]
REPOSITORIES = ["app", "team/app"]
NAMES = ["v1.0", "V1-0", "1_0", "1.0", "latest", "LATEST", "10"]
PERCENTILES = {"p10": 0.10, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p90": 0.90, "p99": 0.99}


def test_duplicate_tags(tmp_path: Path) -> None:
    estate = Estate()
    run = estate.run()
    run.repository("app", {"a": ["1.0", "latest", "stable"], "b": ["v1-0"], "c": ["1_0"], "d": ["version", "x"]})
    run.repository("other", {"a": ["2"], "b": ["V2", "02"], "c": ["v2.0"]})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "duplicate-tags")
        some = answer(catalog, "duplicate-tags", at_least=3, repository="app")
        first = answer(catalog, "duplicate-tags", limit=1)
        every = answer(catalog, "duplicate-tags", at_least=0)
    assert picked(found, "repository", "kind", "tags", "images") == [
        ("app", "look-alike", ["1.0", "1_0", "v1-0"], 3),
        ("other", "look-alike", ["2", "V2"], 2),
        ("app", "same image", ["1.0", "latest", "stable"], 1),
        ("app", "same image", ["version", "x"], 1),
        ("other", "same image", ["02", "V2"], 1),
    ]
    assert picked(found, "registry_id", "region", "newest_pushed_at") == [(ACCOUNT, REGION, DAY_ONE)] * 5
    assert some == [found[0], found[2]]
    assert first == found[:1]
    assert every == found  # an image with one tag is no duplicate, whatever is asked for


def test_tags_of_one_image_that_look_alike_are_not_in_danger(tmp_path: Path) -> None:
    estate = Estate()
    estate.run().repository("app", {"a": ["v1", "1", "V1"], "b": ["v"], "c": ["V"]})
    with estate.catalog(tmp_path) as catalog:
        found = picked(answer(catalog, "duplicate-tags"), "kind", "tags")
    assert found == [("look-alike", ["V", "v"]), ("same image", ["1", "V1", "v1"])]


def test_conflicting_sizes(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("one", [("base", 100), ("fine", 5)], ("both", 10))
    estate.image("two", [("base", 100), ("fine", None)], ("config", 10))
    estate.image("three", [("base", 90), ("both", 12), ("base", 100)], ("config", 10))
    estate.image("gone", [("fine", 6)])
    estate.index("list", ["one", "absent"])  # says 9 bytes of each; documents are 50
    estate.run().repository("app", {"gone": []})
    estate.run().repository("app", {"list": [], "two": [], "three": []})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "conflicting-sizes")
        first = answer(catalog, "conflicting-sizes", limit=2)
    every = [digest(name) for name in ("one", "two", "three")]
    assert picked(found, "digest", "size", "claimed_as", "manifests", "manifest_digest") == [
        (digest("one"), 50, "document", 1, digest("one")),
        (digest("one"), 9, "index entry", 1, digest("list")),
        (digest("base"), 100, "layer", 3, min(every)),
        (digest("base"), 90, "layer", 1, digest("three")),
        (digest("both"), 12, "layer", 1, digest("three")),
        (digest("both"), 10, "config", 1, digest("one")),
    ]
    assert picked(found, "registry_id", "region", "repository") == [(ACCOUNT, REGION, "app")] * 6
    assert first == found[:2]


def test_layer_count_distribution(tmp_path: Path) -> None:
    estate = Estate()
    for count in range(1, 11):
        estate.image(f"v{count}", [(f"l{number}", 1) for number in range(count - 1)] + [("empty", 32)])
    estate.image("twice", [("empty", 32), ("empty", 32), ("a", 1)], kind="schema1")
    estate.image("proof", [("statement", 1)], kind="attestation")
    estate.unreadable("broken")
    estate.index("list", ["v10"])
    run = estate.run()
    run.repository("app", {f"v{count}": [] for count in range(1, 10)} | {"list": [], "broken": [], "cold": []})
    run.repository("other", {"v1": [], "twice": [], "proof": []})
    with estate.catalog(tmp_path) as catalog:
        found = [tuple(row.values()) for row in answer(catalog, "layer-count-distribution")]
        other = answer(catalog, "layer-count-distribution", repository="other")
    assert found == [
        ("image", 10, 1, 1, 3, 5, 8, 9, 10, 10, 5.5),
        ("attestation", 1, *[1] * 8, 1.0),
        ("schema1", 1, *[3] * 8, 3.0),
    ]
    assert picked(other, "kind", "manifests") == [("attestation", 1), ("image", 1), ("schema1", 1)]


@st.composite
def registries(draw: st.DrawFn) -> Estate:
    estate = Estate()
    sizes = st.sampled_from([None, 1, 2, 50])
    blobs: st.SearchStrategy[Blob] = st.tuples(st.sampled_from(BLOBS), sizes)
    for name in draw(st.lists(st.sampled_from(MANIFESTS), unique=True)):
        kind = draw(st.sampled_from(["image", "schema1", "attestation"]))
        estate.image(name, draw(st.lists(blobs, max_size=5)), draw(st.none() | blobs), kind=kind)
    if draw(st.booleans()):
        estate.index("x0", draw(st.lists(st.sampled_from([*MANIFESTS, "x0"]), max_size=3)))
    run = estate.run()
    for name in draw(st.lists(st.sampled_from(REPOSITORIES), unique=True)):
        images: dict[str, list[str]] = {
            image: [] for image in sorted(draw(st.sets(st.sampled_from([*MANIFESTS, "x0"]))))
        }
        for tag in NAMES if images else []:
            if (named := draw(st.none() | st.sampled_from(sorted(images)))) is not None:
                images[named].append(tag)
        run.repository(name, images)
    return estate


class SlowQuality:
    """The same answers from loops over an estate of one run."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        [run] = estate.runs
        self.images = run.images
        known = {row.manifest_digest for row in estate.manifests}
        held = {row.manifest_digest for row in self.images}
        if digest("x0") in held:
            held |= {row.manifest_digest for row in estate.entries}
        self.held = held & known

    def duplicates(self) -> set[tuple[str, str, tuple[str, ...]]]:
        same, alike = defaultdict(set), defaultdict(set)
        for row in self.images:
            for tag in row.tags:
                same[row.repository, row.manifest_digest].add(tag)
                plain = tag.lower().replace("_", ".").replace("-", ".")
                plain = plain[1:] if plain[0] == "v" and plain[1:2].isdigit() else plain
                alike[row.repository, plain].add((tag, row.manifest_digest))
        found = {(key[0], "same image", tuple(sorted(tags))) for key, tags in same.items() if len(tags) > 1}
        return found | {
            (key[0], "look-alike", tuple(sorted(tag for tag, _ in pairs)))
            for key, pairs in alike.items()
            if len({image for _, image in pairs}) > 1
        }

    def conflicts(self) -> dict[tuple[str, str, int], int]:
        claims: list[tuple[str, str, int | None, str]] = [
            (row.manifest_digest, "document", row.manifest_bytes, row.manifest_digest) for row in self.estate.manifests
        ]
        claims += [(row.layer_digest, "layer", row.size, row.manifest_digest) for row in self.estate.layers]
        claims += [(row.config_digest, "config", row.size, row.manifest_digest) for row in self.estate.configs]
        claims += [(row.manifest_digest, "index entry", row.size, row.index_digest) for row in self.estate.entries]
        sizes, claimants = defaultdict(set), defaultdict(set)
        for about, role, size, claimant in claims:
            if size is not None and claimant in self.held:
                sizes[about].add(size)
                claimants[about, role, size].add(claimant)
        return {key: len(found) for key, found in claimants.items() if len(sizes[key[0]]) > 1}

    def layer_counts(self) -> dict[str, tuple[Any, ...]]:
        counts = defaultdict(list)
        for row in self.estate.manifests:
            if row.manifest_digest in self.held and row.kind != "index":
                counts[row.kind].append(
                    sum(layer.manifest_digest == row.manifest_digest for layer in self.estate.layers)
                )
        found: dict[str, tuple[Any, ...]] = {}
        for kind, each in counts.items():
            each.sort()
            ranks = [each[max(1, ceil(round(len(each) * part, 6))) - 1] for part in PERCENTILES.values()]
            found[kind] = (len(each), each[0], *ranks, each[-1], pytest.approx(sum(each) / len(each), abs=0.051))
        return found


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estate=registries())
def test_the_queries_about_quality_agree_with_the_slow_model(estate: Estate) -> None:
    model = SlowQuality(estate)
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        duplicates = answer(catalog, "duplicate-tags")
        conflicts = answer(catalog, "conflicting-sizes")
        counts = answer(catalog, "layer-count-distribution")
    assert {(row["repository"], row["kind"], tuple(row["tags"])) for row in duplicates} == model.duplicates()
    assert {(row["digest"], row["claimed_as"], row["size"]): row["manifests"] for row in conflicts} == model.conflicts()
    assert {row["kind"]: tuple(row.values())[1:] for row in counts} == model.layer_counts()
