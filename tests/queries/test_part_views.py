"""The views repository_links and image_parts: what belongs to an image, and what would go with it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from support.estates import ACCOUNT, OTHER_ACCOUNT, REGION, Estate, answer, digest, picked, rows
from support.lineage_estates import AMD64, LineageEstate, cosign_tag, estates, listed_as
from support.parts_model import PartsModel

from indexer.catalog import Catalog

LINKS = "select holder_digest, manifest_digest, is_entry, is_listed, is_named from repository_links"
PARTS = "select image_digest, manifest_digest, goes from image_parts"


def digests(*found: tuple[str, str, bool]) -> list[tuple[str, str, bool]]:
    return sorted((digest(holder), digest(part), goes) for holder, part, goes in found)


def _release() -> LineageEstate:
    """multi has amd, shared and what is absent; other has shared; sig signs multi by its subject, att is about amd."""
    estate = LineageEstate()
    for name in ("amd", "shared", "plain"):
        estate.stack(name, name)
    for name in ("sig", "att"):
        estate.stack(name, name, kind="artifact")
    estate.describe("sig", subject_digest=digest("multi"))
    estate.platforms("multi", {"amd": AMD64, "shared": AMD64, "absent": ()})
    estate.platforms("other", {"shared": AMD64})
    return estate


def test_links_are_entries_subjects_and_cosigns_tags(tmp_path: Path) -> None:
    estate = _release()
    estate.run().repository(
        "app",
        {"multi": ["1"], "other": ["2"], "amd": ["1-amd"], "shared": [], "sig": [], "att": [cosign_tag("amd", ".att")]},
    )
    with estate.catalog(tmp_path) as catalog:
        assert sorted(rows(catalog, LINKS)) == sorted(
            [
                (digest("multi"), digest("amd"), True, True, True),
                (digest("multi"), digest("shared"), True, True, False),
                (digest("multi"), digest("absent"), True, False, False),
                (digest("other"), digest("shared"), True, True, False),
                (digest("multi"), digest("sig"), False, True, False),
                (digest("amd"), digest("att"), False, True, False),
            ]
        )


def test_what_goes_with_an_image_is_what_nothing_else_needs(tmp_path: Path) -> None:
    estate = _release()
    tags = {"multi": ["1"], "other": ["2"], "amd": [], "shared": [], "sig": [], "att": [cosign_tag("amd", ".att")]}
    estate.run().repository("app", {**tags, "plain": ["3"]})
    with estate.catalog(tmp_path) as catalog:
        assert sorted(rows(catalog, PARTS)) == digests(
            ("multi", "multi", True),
            ("multi", "amd", True),
            ("multi", "shared", False),  # other needs it
            ("multi", "sig", True),
            ("multi", "att", True),  # about amd, which goes
            ("other", "other", True),
            ("other", "shared", False),
            ("multi", "absent", False),  # a filter of config.yaml may hide it, with tags of its own
        )  # plain has no parts


def test_figures_of_parts_are_those_of_whole_images_where_there_are_parts(tmp_path: Path) -> None:
    estate = _release()
    estate.unreadable("broken")
    tags = {"multi": ["1"], "other": ["2"], "amd": [], "shared": [], "sig": [], "broken": [], "cold": ["4"]}
    estate.run().repository("app", {**tags, "plain": ["3"]})
    own = "is_part, in_index, manifests, manifests_unknown, logical_bytes, blobs_unknown_size"
    with estate.catalog(tmp_path) as catalog:
        parts = rows(catalog, f"select manifest_digest, {own} from part_figures")  # noqa: S608 - columns from here
        whole = rows(catalog, f"select manifest_digest, kind, {own[9:]} from whole_images")  # noqa: S608 - as above
        stale = answer(catalog, "stale-images", days=0)
    assert sorted(parts, key=repr) == sorted(
        [
            (digest("multi"), False, False, 5, 1, 30, 0),  # with amd, shared, sig, and what is absent
            (digest("other"), False, False, 2, 0, 10, 0),
            (digest("amd"), True, True, None, None, None, None),
            (digest("shared"), True, True, None, None, None, None),
            (digest("absent"), True, True, None, None, None, None),
            (digest("sig"), True, False, None, None, None, None),
        ],
        key=repr,
    )
    expected = [
        (digest("multi"), "index", False, 5, 1, 30, 0),
        (digest("other"), "index", False, 2, 0, 10, 0),
        (digest("plain"), "image", False, 1, 0, 10, 0),
        (digest("broken"), None, False, 1, 1, 0, 0),
        (digest("cold"), None, False, 1, 1, 0, 0),
    ]
    assert sorted(whole) == sorted(expected)
    columns = ("manifest_digest", "kind", "manifests", "manifests_unknown", "logical_bytes", "blobs_unknown_size")
    assert sorted(picked(stale, *columns)) == sorted((each[0], each[1], *each[3:]) for each in expected)


def test_a_child_with_a_tag_of_its_own_stays_and_cannot_be_deleted_before_its_index(tmp_path: Path) -> None:
    estate = _release()
    estate.run().repository("app", {"multi": ["1"], "amd": ["1-amd"], "shared": [], "att": [cosign_tag("amd", ".att")]})
    with estate.catalog(tmp_path) as catalog:
        assert sorted(rows(catalog, PARTS)) == digests(
            ("multi", "multi", True),
            ("multi", "shared", True),
            ("multi", "amd", False),
            ("multi", "att", False),
            ("multi", "absent", False),
            ("amd", "amd", False),
            ("amd", "att", False),
        )


def test_repositories_do_not_reach_into_each_other(tmp_path: Path) -> None:
    estate = _release()
    run = estate.run((ACCOUNT, REGION), (OTHER_ACCOUNT, REGION))
    run.repository("app", {"multi": ["1"], "shared": []})
    run.repository("app", {"sig": [], "amd": ["a"]}, place=(OTHER_ACCOUNT, REGION))
    run.repository("copy", {"sig": []})
    with estate.catalog(tmp_path) as catalog:
        found = rows(catalog, "select registry_id, repository, manifest_digest from repository_links")
    parts = ("amd", "shared", "absent")
    assert sorted(found) == sorted((ACCOUNT, "app", digest(part)) for part in parts)


def test_an_archived_referrer_is_known_from_the_listing_alone(tmp_path: Path) -> None:
    estate = LineageEstate()
    estate.stack("app", "a")
    run = estate.run()
    run.repository("app", {"app": ["1"], "cold": []}, archived=["cold"])
    listed_as(run, "cold", subject_digest=digest("app"))
    with estate.catalog(tmp_path) as catalog:
        assert sorted(rows(catalog, PARTS)) == digests(("app", "app", True), ("app", "cold", True))


def test_indexes_that_list_each_other_are_images_of_which_nothing_goes(tmp_path: Path) -> None:
    estate = Estate()
    estate.index("one", ["two"])
    estate.index("two", ["one"])
    estate.run().repository("app", {"one": [], "two": []})
    with estate.catalog(tmp_path) as catalog:
        assert sorted(rows(catalog, PARTS)) == digests(("one", "one", False), ("two", "two", False))


def check(model: PartsModel, catalog: Catalog) -> None:
    linked = rows(catalog, f"select registry_id, region, repository, {LINKS.removeprefix('select ')}")
    expected = {
        (*home, *link, link[1] in model.listed(home), link[1] in model.named(home))
        for home in model.homes
        for link in model.links(home)
    }
    assert len(linked) == len(set(linked))
    assert set(linked) == expected
    parts = rows(catalog, f"select registry_id, region, repository, {PARTS.removeprefix('select ')}")
    assert len(parts) == len(set(parts))
    assert set(parts) == {(*home, *part) for home in model.homes for part in model.parts(home)}


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(estate=estates())
def test_the_views_agree_with_the_slow_model(estate: LineageEstate) -> None:
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        check(PartsModel(estate), catalog)
