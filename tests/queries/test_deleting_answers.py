"""The queries about deleting images: rows, parameters, and the answer worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.deletion_estates import cosign_tag, deleted, set_image, set_manifest
from support.estates import ACCOUNT, DAY_ONE, OTHER_ACCOUNT, REGION, Estate, answer, digest, picked

from indexer.catalog import Catalog
from indexer.errors import QueryError

EMPTY = ("empty", 2)
"""A config that all signatures have."""


def _estate() -> Estate:
    """`app` has everything that makes deleting hard; `tools` holds one of its layers too.

    v1 and v2 share base and mid; v1 has a signature. multi is an index of amd and arm. old has no tag, but two
    signatures, of which one is known by its tag only. lost is an index without a tag, of lost-amd.
    """
    estate = Estate()
    estate.image("v1", [("base", 100), ("mid", 10), ("top1", 1)], ("c1", 3))
    estate.image("v2", [("base", 100), ("mid", 10), ("top2", 2)], ("c2", 3))
    estate.image("old", [("base", 100), ("dead", 50)], ("c3", 3))
    estate.image("amd", [("base", 100), ("amd-top", 20)], ("c4", 3))
    estate.image("arm", [("arm-base", 200), ("arm-top", 30)], ("c5", 3))
    estate.image("lost-amd", [("base", 100), ("lost-top", 40)], ("c6", 3))
    estate.index("multi", ["amd", "arm"])
    estate.index("lost", ["lost-amd"])
    for name, size, subject in (("sig", 5, "v1"), ("old-sig", 6, "old"), ("cosign", 7, None)):
        estate.image(name, [(f"{name}-layer", size)], EMPTY, kind="artifact")
        set_manifest(estate, name, subject_digest=digest(subject) if subject else None)
    estate.image("tool", [("dead", 50), ("tool-top", 9)])
    run = estate.run()
    tags = {"v1": ["1"], "v2": ["2", "latest"], "multi": ["3"], "cosign": [cosign_tag("old")]}
    untagged = ["old", "amd", "arm", "lost", "lost-amd", "sig", "old-sig"]
    run.repository("app", tags | dict.fromkeys(untagged, ()))
    run.repository("tools", {"tool": ["1"]})
    return estate


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    with _estate().catalog(tmp_path_factory.mktemp("store")) as opened:
        yield opened


def test_deleting_untagged_images_leaves_what_tagged_ones_need(catalog: Catalog) -> None:
    assert deleted(catalog, untagged=True) == {"old", "old-sig", "cosign", "lost", "lost-amd"}
    total, app = answer(catalog, "reclaimable", untagged="true")
    assert app == {
        "registry_id": ACCOUNT,
        "region": REGION,
        "repository": "app",
        "deletes": "untagged images",
        "images": 5,
        "manifests": 5,
        "referrers": 1,  # cosign has a tag, and goes only because old does
        "logical_bytes": (100 + 50 + 3) + (6 + 2) + (7 + 2) + 0 + (100 + 40 + 3),
        "reclaimable_bytes": (50 + 3) + 6 + 7 + (40 + 3),  # base stays, and so does empty, for sig
        "reclaimable_bytes_mounted": 3 + 6 + 7 + (40 + 3),  # tools has dead
        "images_unknown": 0,
        "blobs_unknown_size": 0,
        "pulls_in_doubt": 0,
        "images_kept": 6,
        "kept_unknown": 0,
        "pool_unknown": 0,
        "listed_at": DAY_ONE + timedelta(days=1),
    }
    assert total == app | dict.fromkeys(["registry_id", "region", "repository"])


def test_the_row_of_the_total_comes_first_and_each_says_which_set_was_asked_about(catalog: Catalog) -> None:
    choice = {"keep_newest": 1, "keep_tags": "v*", "pushed_before": "2026-02-01", "with_referrers": False}
    found = answer(catalog, "reclaimable", untagged=False, repository="a*", not_pulled_since="2026-03-01", **choice)
    expected = (
        "images with or without a tag, in a*, without the tags v*, without the newest 1 of each repository, "
        "pushed before 2026-02-01 00:00 UTC, neither pulled nor pushed since 2026-03-01 00:00 UTC, "
        "referrers left behind"
    )
    assert picked(found, "repository", "deletes") == [(None, expected), ("app", expected)]


def test_without_parameters_only_untagged_images_go(catalog: Catalog) -> None:
    assert answer(catalog, "reclaimable") == answer(catalog, "reclaimable", untagged=True)
    assert answer(catalog, "reclaimable-images") == answer(catalog, "reclaimable-images", untagged=True)
    assert {tag for row in answer(catalog, "reclaimable-images") for tag in row["tags"]} == {cosign_tag("old")}


def test_a_pattern_of_tags_to_keep_is_refused_where_nothing_tagged_goes(catalog: Catalog) -> None:
    for query in ("reclaimable", "reclaimable-images"):
        with pytest.raises(QueryError, match="untagged=true deletes none: give untagged=false with it"):
            answer(catalog, query, keep_tags="v*")


def test_referrers_may_be_left_behind(catalog: Catalog) -> None:
    choice = {"untagged": True, "with_referrers": "no"}
    assert deleted(catalog, **choice) == {"old", "old-sig", "lost", "lost-amd"}
    assert picked(answer(catalog, "reclaimable", **choice), "referrers", "reclaimable_bytes") == [(0, 102), (0, 102)]


def test_a_referrer_with_a_tag_of_its_own_does_not_go_with_what_it_refers_to(tmp_path: Path) -> None:
    estate = _estate()
    set_image(estate.runs[0], "app", "old-sig", tags=["keep-me"])
    with estate.catalog(tmp_path) as opened:
        assert deleted(opened, untagged=True) == {"old", "cosign", "lost", "lost-amd"}


def test_deleting_everything_frees_what_is_stored(catalog: Catalog) -> None:
    found = answer(catalog, "reclaimable", untagged="false")
    app = 100 + 10 + 1 + 2 + 50 + 20 + 200 + 30 + 40 + 6 * 3 + 5 + 6 + 7 + 2
    assert picked(found, "repository", "images", "reclaimable_bytes", "images_kept") == [
        (None, 12, app + 59, 0),
        ("app", 11, app, 0),
        ("tools", 1, 59, 0),
    ]
    # dead is in both: with mounting on it is stored once
    assert picked(found, "reclaimable_bytes_mounted") == [(app + 9,), (app,), (59,)]
    assert picked(answer(catalog, "storage-by-repository"), "repository", "unique_bytes") == [
        ("app", app),
        ("tools", 59),
    ]


def test_tags_that_match_keep_their_images_and_what_these_need(catalog: Catalog) -> None:
    kept = {"multi", "amd", "arm"}
    everything = {"v1", "v2", "old", "amd", "arm", "lost-amd", "multi", "lost", "sig", "old-sig", "cosign", "tool"}
    assert deleted(catalog, keep_tags="3", repository="app") == everything - kept - {"tool"}
    assert deleted(catalog, keep_tags="[12]") == everything - {"v1", "sig", "v2", "tool"}
    assert deleted(catalog, repository="nothing-*") == set()


def test_the_list_says_what_was_chosen_and_comes_in_an_order_to_delete_in(catalog: Catalog) -> None:
    found = answer(catalog, "reclaimable-images", untagged=True)
    assert found[0]["manifest_digest"] == digest("lost")  # an index goes before what it lists
    why = {row["manifest_digest"]: (row["kind"], row["why"], row["bytes"]) for row in found}
    assert why[digest("lost")] == ("index", "chosen", 0)
    assert why[digest("cosign")] == ("artifact", "referrer", 9)
    assert why[digest("old")] == ("image", "chosen", 153)


def _pushed(*names: str) -> Estate:
    """Images a, b, ... of `app`, of a layer of their own each, pushed on days 1, 2, ..."""
    estate = Estate()
    for name in names:
        estate.image(name, [(f"layer-{name}", 10)])
    run = estate.run()
    run.repository("app", {name: [f"tag-{name}"] for name in names})
    for day, name in enumerate(names, start=1):
        set_image(run, "app", name, pushed_at=DAY_ONE + timedelta(days=day))
    return estate


def test_the_newest_of_each_repository_are_kept(tmp_path: Path) -> None:
    estate = _pushed("a", "b", "c", "d")
    estate.image("e", [("layer-e", 10)])
    set_manifest(estate, "e", subject_digest=digest("b"))
    estate.runs[0].repository("other", {"a": []})
    set_image(estate.runs[0], "app", "d", pushed_at=None)
    estate.runs[0].repository("app2", {"e": []})  # its subject is not in that repository
    with estate.catalog(tmp_path) as opened:
        # d: pushed who knows when, so it counts as the newest
        assert deleted(opened, keep_newest=2, repository="app") == {"a", "b"}
        assert deleted(opened, keep_newest=1, repository="other") == set()
        assert deleted(opened, keep_newest=0, repository="app2") == {"e"}
        # newest of those that keep_tags leaves
        assert deleted(opened, keep_newest=1, keep_tags="tag-c", repository="app") == {"a", "b"}


def test_what_is_below_an_index_does_not_count_among_the_newest(tmp_path: Path) -> None:
    estate = _pushed("a", "b", "c", "d")
    estate.index("e", ["c", "d"])
    estate.runs[0].repository("app", {"e": ["newest"]})
    set_image(estate.runs[0], "app", "e", pushed_at=DAY_ONE + timedelta(days=5))
    with estate.catalog(tmp_path) as opened:
        assert deleted(opened, keep_newest=2) == {"a"}


def test_images_pushed_before_a_day(tmp_path: Path) -> None:
    estate = _pushed("a", "b", "c")
    set_image(estate.runs[0], "app", "c", pushed_at=None)
    with estate.catalog(tmp_path) as opened:
        assert deleted(opened, pushed_before="2026-01-03") == {"a"}
        assert deleted(opened, pushed_before="2026-01-03T00:00:01") == {"a", "b"}
        assert deleted(opened, pushed_before="2030-01-01") == {"a", "b"}  # nobody knows when c was pushed


def test_unknown_manifests_that_stay_are_counted(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("a", [("base", 100), ("relic", None)])
    estate.index("multi", ["a", "elsewhere", "absent"])
    estate.image("elsewhere", [("other", 1_000)])
    estate.unreadable("broken")
    run = estate.run()
    run.repository("app", {"multi": [], "a": [], "broken": [], "cold": ["keep"]}, archived=["cold"])
    with estate.catalog(tmp_path) as opened:
        [_, app] = answer(opened, "reclaimable", untagged=True)
    assert (app["images"], app["manifests"], app["images_unknown"]) == (3, 2, 1)  # broken goes, and nobody knows what
    assert app["kept_unknown"] == 2  # cold, and absent
    assert (app["reclaimable_bytes"], app["blobs_unknown_size"]) == (100, 1)  # elsewhere is not this repository's


def test_a_layer_that_the_repository_has_only_as_a_foreign_one_is_not_freed_there(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("windows", [("foreign", 10_000), ("top", 1)], foreign=["foreign"])
    estate.image("vendored", [("foreign", 10_000)])
    run = estate.run()
    run.repository("app", {"windows": []})
    run.repository("mirror", {"vendored": []})
    with estate.catalog(tmp_path) as opened:
        found = answer(opened, "reclaimable", untagged=False)
        alone = answer(opened, "exclusive-bytes-by-image")
    assert picked(found, "repository", "reclaimable_bytes") == [(None, 10_001), ("mirror", 10_000), ("app", 1)]
    assert picked(alone, "repository", "reclaimable_bytes") == [("app", 1), ("mirror", 10_000)]


def test_what_each_image_alone_would_free(catalog: Catalog) -> None:
    columns = ("manifest_digest", "logical_bytes", "reclaimable_bytes", "exclusive_bytes", "manifests")
    assert picked(answer(catalog, "exclusive-bytes-by-image"), *columns) == [
        (digest("multi"), 123 + 233, 23 + 233, 256, 3),
        (digest("lost"), 143, 43, 43, 2),
        (digest("old"), 153 + (6 + 2) + (7 + 2), 53 + 6 + 7, 16, 3),  # tools has dead too; sig has empty
        (digest("tool"), 59, 59, 9, 1),
        (digest("v1"), 114 + 5 + 2, 1 + 3 + 5, 9, 2),
        (digest("v2"), 115, 2 + 3, 5, 1),
    ]
    assert len(answer(catalog, "exclusive-bytes-by-image", repository="app", limit=3)) == 3


def test_what_each_tag_alone_would_free(catalog: Catalog) -> None:
    columns = ("repository", "tag", "other_tags", "logical_bytes", "reclaimable_bytes", "exclusive_bytes")
    found = picked(answer(catalog, "exclusive-bytes-by-tag"), *columns)
    assert found == [
        ("app", "3", 0, 356, 256, 256),
        ("tools", "1", 0, 59, 59, 9),
        ("app", "1", 0, 121, 9, 9),
        ("app", "2", 1, 115, 0, 0),  # the image keeps its other tag
        ("app", "latest", 1, 115, 0, 0),
    ]
    assert picked(answer(catalog, "exclusive-bytes-by-tag", tag="l*"), "tag") == [("latest",)]


def test_an_image_in_an_index_cannot_be_deleted_alone(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("amd", [("base", 100)])
    estate.index("multi", ["amd"])
    estate.run().repository("app", {"multi": ["1"], "amd": ["1-amd64"]})
    with estate.catalog(tmp_path) as opened:
        found = answer(opened, "exclusive-bytes-by-tag")
    assert picked(found, "tag", "logical_bytes", "reclaimable_bytes", "in_index") == [
        ("1", 100, 0, False),
        ("1-amd64", 100, 0, True),
    ]


def test_untagged_images_and_what_needs_them(catalog: Catalog) -> None:
    found = {row["manifest_digest"]: row for row in answer(catalog, "untagged")}
    columns = ("kind", "bytes", "is_orphan", "indexes", "subjects")
    assert {name: picked([found[digest(name)]], *columns)[0] for name in ("old", "amd", "lost", "lost-amd", "sig")} == {
        "old": ("image", 153, True, 0, 0),
        "amd": ("image", 123, False, 1, 0),
        "lost": ("index", 0, True, 0, 0),
        "lost-amd": ("image", 143, True, 1, 0),
        "sig": ("artifact", 7, False, 0, 1),
    }
    assert len(found) == 7


def test_orphans_are_what_no_tag_leads_to(catalog: Catalog) -> None:
    found = answer(catalog, "orphans")
    assert picked(found, "manifest_digest", "indexes", "subjects") == [
        (digest("old"), 0, 0),
        (digest("lost-amd"), 1, 0),
        (digest("old-sig"), 0, 1),
        (digest("lost"), 0, 0),
    ]
    assert answer(catalog, "orphans", repository="tools") == []


def test_an_unknown_image_of_the_repository_may_need_an_orphan(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("child", [("base", 1)])
    estate.run().repository("app", {"child": [], "cold": ["1"]}, archived=["cold"])
    with estate.catalog(tmp_path) as opened:
        assert picked(answer(opened, "orphans"), "bytes", "repository_unknown") == [(1, 1)]


def test_what_only_another_repository_lists_counts_below_an_index_and_is_never_promised(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("amd", [("amd-layer", 10)])
    estate.image("arm", [("arm-layer", 20)])
    estate.index("multi", ["amd", "arm"])
    run = estate.run()
    run.repository("cache", {"multi": ["1"], "amd": []})
    run.repository("own", {"arm": ["1"]})
    with estate.catalog(tmp_path) as opened:
        held = answer(opened, "storage-by-repository")
        freed = answer(opened, "reclaimable", untagged=False, repository="cache")
        alone = answer(opened, "exclusive-bytes-by-image", repository="cache")
    assert picked(held, "repository", "unique_bytes", "exclusive_bytes") == [("cache", 30, 10), ("own", 20, 0)]
    assert picked(freed, "repository", "images", "reclaimable_bytes") == [(None, 2, 10), ("cache", 2, 10)]
    assert picked(alone, "manifest_digest", "reclaimable_bytes") == [(digest("multi"), 10)]


def test_what_a_registry_has_only_as_a_foreign_layer_does_not_come_back_there(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("redistributed", [("os", 100)], ("c", 1))
    estate.image("windows", [("os", 100)], ("d", 2), foreign=["os"])
    places = [(ACCOUNT, REGION), (OTHER_ACCOUNT, REGION)]
    run = estate.run(*places)
    for place, name in zip(places, ("redistributed", "windows"), strict=True):
        run.repository("app", {name: ["1"]}, place=place)
    with estate.catalog(tmp_path) as catalog:
        for query in ("exclusive-bytes-by-image", "exclusive-bytes-by-tag"):
            found = picked(answer(catalog, query), "registry_id", "reclaimable_bytes", "exclusive_bytes")
            assert found == [(ACCOUNT, 101, 101), (OTHER_ACCOUNT, 2, 2)]


def test_owners_are_told_apart_in_more_registries_than_a_number_has_bits(tmp_path: Path) -> None:
    estate = Estate()
    estate.image("all", [("everywhere", 1000)])
    estate.image("most", [("late", 10)])
    estate.image("last", [("late", 10), ("more", 1)])
    places = [(f"{number:012}", REGION) for number in range(1, 66)]
    run = estate.run(*places)
    for number, place in enumerate(places, 1):
        late = {"most": ["2"]} if number > 1 else {}
        run.repository("app", {"all": ["1"]} | late | ({"last": ["3"]} if number > 63 else {}), place=place)
    with estate.catalog(tmp_path) as catalog:
        found = picked(
            answer(catalog, "exclusive-bytes-by-image", limit=500), "registry_id", "manifest_digest", "exclusive_bytes"
        )
    expected = [(place[0], digest("all"), 1000) for place in places]
    expected += [(place[0], digest("most"), 10) for place in places[1:63]]
    expected += [(place[0], digest("last"), 1) for place in places[63:]]
    expected += [(place[0], digest("most"), 0) for place in places[63:]]
    assert found == expected
