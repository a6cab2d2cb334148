"""The queries about bases: rows, parameters, and the answer worked out by hand."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, answer, digest, picked, rows
from support.lineage_estates import AMD64, ARM64, LineageEstate

from indexer.catalog import Catalog

AWAY = (OTHER_ACCOUNT, REGION)


def _estate() -> LineageEstate:
    """debian is an index of two platforms; python stands on it, app on python. Three nights.

    First python is built on the old debian. On the second night debian is rebuilt, and its old index loses its tags; on
    the third python is rebuilt on that. app:1 still stands on the old python, app:2 on the new one.
    """
    estate = LineageEstate()
    for age in ("old", "new"):
        for platform in ("amd", "arm"):
            estate.stack(f"debian-{age}-{platform}", f"{age}-root-{platform}")
        estate.platforms(f"debian-{age}", {f"debian-{age}-amd": AMD64, f"debian-{age}-arm": ARM64})
        estate.stack(f"python-{age}", f"{age}-root-amd python-{age}-layer")
        estate.stack(f"app-{age}", f"{age}-root-amd python-{age}-layer code-{age}")
    first = estate.run()
    first.repository("base/debian", {"debian-old": ["12", "latest", "12-old"]})
    first.repository("base/python", {"python-old": ["3"]})
    first.repository("app", {"app-old": ["1"]})
    second = estate.run()
    second.repository("base/debian", {"debian-old": ["12-old"], "debian-new": ["12", "latest"]})
    third = estate.run()
    third.repository("base/python", {"python-new": ["3"]})
    third.repository("app", {"app-old": ["1"], "app-new": ["2"]})
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


def test_base_images(catalog: Catalog) -> None:
    columns = ("repository", "tags", "manifest_digest", "base_tags", "base_digests", "base_layers", "platform_assumed")
    found = picked(answer(catalog, "base-images"), *columns)
    old = ["base/debian:12-old"]
    new = ["base/debian:12", "base/debian:latest"]
    expected = [
        # python-old is in no repository any longer, and was built on all the same
        ("app", ["1"], digest("app-old"), [], [digest("python-old")], 2, True),
        ("app", ["2"], digest("app-new"), ["base/python:3"], [digest("python-new")], 2, True),
        ("base/python", ["3"], digest("python-new"), new, [digest("debian-new-amd")], 1, True),
    ]
    baseless = [
        ("base/debian", tags, digest(f"debian-{age}-{platform}"), None, None, None, None)
        for age, tags in (("old", ["12-old"]), ("new", ["12", "latest"]))
        for platform in ("amd", "arm")
    ]
    assert sorted(found, key=repr) == sorted([*expected, *baseless], key=repr)
    deep = answer(catalog, "base-images", repository="app", depth=9)
    held = {(row["manifest_digest"], row["step"]): (row["base_is_held"], row["base_tags"]) for row in deep}
    assert held == {
        (digest("app-old"), 1): (False, []),
        (digest("app-old"), 2): (True, old),
        (digest("app-new"), 1): (True, ["base/python:3"]),
        (digest("app-new"), 2): (True, new),
    }
    assert len(answer(catalog, "base-images", limit=1)) == 1


def test_derived_images(catalog: Catalog) -> None:
    columns = ("repository", "tags", "manifest_digest", "layers_added", "base_digest")
    above_new = [
        ("app", ["2"], digest("app-new"), 2, digest("debian-new-amd")),
        ("base/python", ["3"], digest("python-new"), 1, digest("debian-new-amd")),
    ]
    assert picked(answer(catalog, "derived-images", image="base/debian:latest"), *columns) == above_new
    assert picked(answer(catalog, "derived-images", image=digest("debian-new-amd")), *columns) == above_new
    assert answer(catalog, "derived-images", image=digest("debian-new-arm")) == []
    assert picked(answer(catalog, "derived-images", image=digest("python-old")), *columns) == [
        ("app", ["1"], digest("app-old"), 1, digest("python-old"))
    ]
    assert picked(answer(catalog, "derived-images", image="base/debian:12", repository="a*"), "repository") == [
        ("app",)
    ]
    assert answer(catalog, "derived-images", image="base/debian:nope") == []


def test_outdated_bases(catalog: Catalog) -> None:
    found = answer(catalog, "outdated-bases")
    columns = ("repository", "tags", "manifest_digest", "base_repository", "base_tags", "was_digest", "now_digest")
    assert picked(found, *columns) == [
        ("app", ["1"], digest("app-old"), "base/python", ["3"], digest("python-old"), digest("python-new"))
    ]
    assert found[0]["last_seen_at"] == DAY_ONE.replace(day=2)  # of the first run: the second did not list base/python
    below = picked(answer(catalog, "outdated-bases", base="base/debian"), *columns)
    assert below == [
        ("app", ["1"], digest("app-old"), "base/debian", ["12", "latest"], digest("debian-old"), digest("debian-new"))
    ]


def test_a_single_run_or_a_tag_that_still_leads_to_the_base_tells_of_no_outdated_base(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("base", "a")
    estate.stack("app", "a b")
    estate.stack("other", "x")
    estate.stack("note", "n", kind="attestation")
    estate.platforms("one", {"base": AMD64, "note": ("unknown", "unknown")})
    estate.platforms("two", {"base": AMD64, "other": ARM64})
    estate.run().repository("base", {"one": ["1"], "two": []})
    with estate.catalog(tmp_path / "single") as catalog:
        assert answer(catalog, "outdated-bases") == []
        assert "single run" in str(catalog.queries["outdated-bases"].single)
    later = estate.run()
    later.repository("base", {"one": [], "two": ["1"]})  # another index, of the same image
    later.repository("app", {"app": ["1"]})
    with estate.catalog(tmp_path / "same") as catalog:
        assert answer(catalog, "outdated-bases") == []


def test_top_bases(catalog: Catalog) -> None:
    found = answer(catalog, "top-bases")
    columns = ("base_digest", "base_tags", "images", "direct_images", "repositories", "base_bytes", "bytes_saved")
    assert picked(found, *columns, "unique_bytes_above") == [
        (digest("debian-new-amd"), ["base/debian:12", "base/debian:latest"], 2, 1, 2, 10, 10, 20),
        *sorted(
            [
                (digest("python-new"), ["base/python:3"], 1, 1, 1, 20, 0, 10),
                (digest("python-old"), [], 1, 1, 1, 20, 0, 10),
            ]
        ),
        (digest("debian-old-amd"), ["base/debian:12-old"], 1, 0, 1, 10, 0, 20),
    ]
    assert [row["base_is_held"] for row in found if not row["base_tags"]] == [False]
    python = answer(catalog, "top-bases", base="base/python")
    assert picked(python, "base_digest") == [(digest("python-new"),)]


def test_ties_are_counted_and_tagged_ones_come_first(tmp_path: Path) -> None:
    estate = LineageEstate()
    for number in range(12):
        estate.stack(f"twin-{number}", "a b")
    estate.stack("app", "a b c")
    run = estate.run()
    run.repository("base", {f"twin-{number}": ["main"] if number == 7 else [] for number in range(12)})
    run.repository("app", {"app": []})
    with estate.catalog(tmp_path) as catalog:
        (row,) = answer(catalog, "base-images", repository="app")
    assert (row["base_images"], row["base_tags"], len(row["base_digests"])) == (12, ["base:main"], 10)
    rest = sorted(digest(f"twin-{number}") for number in range(12) if number != 7)
    assert row["base_digests"] == [digest("twin-7"), *rest[:9]]


def test_platforms_must_fit_where_they_are_known(tmp_path: Path) -> None:
    estate = LineageEstate()
    for name in ("base-amd", "base-arm"):
        estate.stack(name, "static")  # the same files, whatever the platform
    for name in ("app-amd", "app-arm", "app-none"):
        estate.stack(name, f"static {name}")
    estate.platforms("base", {"base-amd": AMD64, "base-arm": (*ARM64, "v8")})
    estate.platforms("app", {"app-amd": (*AMD64, "v1"), "app-arm": ARM64})
    run = estate.run()
    run.repository("base", {"base": ["1"]})
    run.repository("app", {"app": ["1"], "app-none": ["2"]})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "base-images", repository="app")
    assert {row["manifest_digest"]: (row["base_digests"], row["platform_assumed"]) for row in found} == {
        digest("app-amd"): ([digest("base-amd")], False),
        digest("app-arm"): ([digest("base-arm")], False),
        digest("app-none"): (sorted([digest("base-amd"), digest("base-arm")]), True),
    }


@pytest.mark.parametrize(
    ("base", "image", "stands"),
    [
        ("a b", "a b c", True),
        ("a b", "a b", False),  # the same layers: neither is built on the other
        ("a b", "a x b c", False),
        ("b", "a b c", False),
        ("empty", "empty a", False),  # nothing in common but nothing
        ("empty a", "empty a b", True),
        ("a empty", "a empty b", True),
        ("a a", "a a a", True),
        ("", "a", False),
    ],
)
def test_a_base_is_a_beginning_with_something_in_it(tmp_path: Path, base: str, image: str, stands: bool) -> None:
    estate = LineageEstate()
    estate.stack("base", base, kind="schema1")
    estate.stack("app", image)
    estate.run().repository("all", {"base": ["base"], "app": ["app"]})
    with estate.catalog(tmp_path) as catalog:
        found = answer(catalog, "base-images", depth=5)
        assert [row["base_digests"] for row in found if row["base_digests"]] == ([[digest("base")]] if stands else [])
        derived = answer(catalog, "derived-images", image="all:base")
        assert picked(derived, "manifest_digest") == ([(digest("app"),)] if stands else [])


def test_artifacts_and_what_is_not_in_the_store_are_no_bases(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("chart", "a", kind="artifact")
    estate.unreadable("broken")
    estate.stack("app", "a b")
    estate.run().repository("app", {"chart": [], "broken": [], "app": ["1"], "cold": []}, archived=["cold"])
    with estate.catalog(tmp_path) as catalog:
        assert picked(answer(catalog, "base-images"), "manifest_digest", "base_digests") == [(digest("app"), None)]
        assert answer(catalog, "top-bases") == []


def test_bases_are_found_across_accounts(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("base", "a")
    estate.stack("app", "a b")
    run = estate.run((ACCOUNT, REGION), AWAY)
    run.repository("base", {"base": ["1"]}, place=AWAY)
    run.repository("app", {"app": ["1"]})
    with estate.catalog(tmp_path) as catalog:
        (row,) = answer(catalog, "base-images", repository="app")
    assert (row["base_tags"], row["base_is_held"]) == (["base:1"], True)


def test_the_empty_layers_are_an_archive_of_nothing_as_programs_write_it(tmp_path: Path) -> None:
    archive = bytes(1024)  # the end of a tar file: two blocks of zeros
    docker = bytes.fromhex("1f8b08000009 6e8800ff621805a360148c5800080000ffff2eafb5ef00040000")
    assert gzip.decompress(docker) == archive
    known = {"sha256:" + hashlib.sha256(blob).hexdigest() for blob in (archive, docker, b"")}
    with LineageEstate().catalog(tmp_path) as catalog:
        found = {layer for (layer,) in rows(catalog, "from empty_layers")}
    assert found - known == {"sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1"}  # as Go has it
    assert known < found
