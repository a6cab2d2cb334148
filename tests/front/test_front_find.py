"""find: everything about a digest, a tag, a repository; and what it says where there is no one answer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.estates import Estate, digest
from support.shop import BASE, DEPS, MAIN, MIB, NASTY, OTHER, TWINS, Shop

from indexer.errors import UsageError
from indexer.front import Ambiguous, NotFound, OpenStore
from indexer.front.asking import Asking
from indexer.front.find import find


def test_a_manifest_tells_all_about_itself(store: OpenStore, shop: Shop) -> None:
    found = store.find(shop.one)
    assert found["looked_for"] == found["digest"] == shop.one
    assert found["roles"] == ["image"]
    assert found["manifest"]["layer_count"] == 3
    assert found["manifest"]["layer_bytes"] == 35 * MIB + 2048
    assert "raw" not in found["manifest"]
    assert found["unknown"] is None
    assert found["blob"] is None


def test_a_manifest_tells_where_it_is_listed(store: OpenStore, shop: Shop) -> None:
    (row,) = store.find(shop.one)["images"]
    assert (row["registry_id"], row["region"], row["repository"]) == (MAIN, "eu-west-1", "team/app")
    assert sorted(row["tags"]) == ["1.0", "latest"]
    assert row["status"] == "ACTIVE"
    assert row["last_pulled_at"] is not None


def test_layers_say_how_many_other_manifests_have_them(store: OpenStore, shop: Shop) -> None:
    layers = store.find(shop.one)["layers"]
    assert [layer["position"] for layer in layers] == [0, 1, 2]
    # base: two, old, base, amd; deps: two; the deleted image's layers count no more
    assert [layer["other_manifests"] for layer in layers] == [4, 1, 0]
    assert [layer["size"] for layer in layers] == [30 * MIB, 5 * MIB, 2048]


def test_layers_count_manifests_that_only_an_index_holds(tmp_path: Path) -> None:
    estate = Estate()
    for name in ("one", "listed", "below", "deep", "lost"):
        estate.image(name, [("base", 10), (name, 1), ("base", 10)])
    estate.index("inner", ["deep", "listed"])
    estate.index("top", ["inner", "below"])
    estate.index("gone", ["lost"])
    estate.run().repository("app", {"one": ["1"], "listed": [], "top": []})
    with estate.catalog(tmp_path) as catalog:
        layers = find(Asking(catalog, "the store"), digest("one"))["layers"]
    assert [layer["other_manifests"] for layer in layers] == [3, 0, 3]


def test_referrers_are_found_by_subject_and_by_cosigns_tag(store: OpenStore, shop: Shop) -> None:
    referrers = {row["manifest_digest"]: row for row in store.find(shop.one)["referrers"]}
    assert referrers[shop.signature]["refers_by"] == "subject"
    assert referrers[shop.signature]["artifact_type"] == "application/vnd.example.signature"
    assert referrers[shop.cold]["refers_by"] == "tag"
    assert set(referrers) == {shop.signature, shop.cold}
    assert store.find(shop.signature)["manifest"]["subject_digest"] == shop.one


def test_an_index_tells_its_children_and_these_their_index(store: OpenStore, shop: Shop) -> None:
    found = store.find(shop.top)
    assert found["roles"] == ["index"]
    assert [row["manifest_digest"] for row in found["children"]] == [shop.amd, shop.arm, shop.absent]
    assert [row["architecture"] for row in found["children"]] == ["amd64", "arm64", "s390x"]
    assert [row["stored"] for row in found["children"]] == [True, True, False]
    (parent,) = store.find(shop.amd)["parents"]
    assert (parent["index_digest"], parent["architecture"], parent["tags"]) == (shop.top, "amd64", ["3.0"])


def test_a_child_that_no_registry_has_is_known_from_its_index(store: OpenStore, shop: Shop) -> None:
    found = store.find(shop.absent)
    assert found["roles"] == ["entry of an index"]
    assert found["manifest"] is None
    assert found["parents"][0]["index_digest"] == shop.top
    assert "did not fetch it" in found["unknown"]


def test_a_layer_tells_who_needs_it_also_through_indexes(store: OpenStore, shop: Shop) -> None:
    blob = store.find(BASE)["blob"]
    assert blob["size"] == 30 * MIB
    assert blob["manifests"] == 5
    assert blob["repositories"] == 5  # app, base and multi here; app and base there
    users = {(row["region"], row["repository"], row["manifest_digest"]): row for row in blob["images"]}
    assert users["eu-west-1", "team/multi", shop.top]["via_index"]
    assert not users["eu-west-1", "team/multi", shop.amd]["via_index"]
    assert ("eu-west-1", "team/multi", shop.arm) not in users
    assert blob["claims"] == [
        {
            "role": "layer",
            "media_type": "application/vnd.oci.image.layer.v1.tar+gzip",
            "size": 30 * MIB,
            "distributable": True,
            "manifests": 5,
        }
    ]


def test_images_with_a_name_come_first(store: OpenStore) -> None:
    named = [bool(row["tags"]) for row in store.find(BASE)["blob"]["images"]]
    assert named == sorted(named, reverse=True)
    assert {True, False} <= set(named)


def test_a_config_is_a_blob_too(store: OpenStore, shop: Shop) -> None:
    config = store.find(shop.two)["manifest"]["config_digest"]
    found = store.find(config)
    assert found["roles"] == ["config"]
    assert found["blob"]["size"] == 100
    assert {row["repository"] for row in found["blob"]["images"]} == {"team/app"}
    assert found["blob"]["repositories"] == 2


def test_what_was_deleted_is_told_as_such(store: OpenStore, shop: Shop) -> None:
    found = store.find(shop.gone)
    assert found["images"] == []
    assert [(row["repository"], row["tags"]) for row in found["formerly"]] == [("team/app", ["gone"])]
    layer = store.find(found["layers"][0]["layer_digest"])
    assert layer["roles"] == ["blob that no repository holds any longer"]
    assert layer["blob"]["manifests"] == 0
    assert layer["blob"]["images"] == []


def test_an_archived_image_is_listed_and_says_why_it_is_unknown(store: OpenStore, shop: Shop) -> None:
    found = store.find("cold/store:old")
    assert found["digest"] == shop.cold
    assert found["tag"] == "old"
    assert found["roles"][0] == "listed image whose manifest is unknown"
    assert found["unknown"] == "ECR does not give the manifests of archived images"


def test_a_document_that_is_no_good_says_what_is_wrong(store: OpenStore, shop: Shop) -> None:
    found = store.find("odd/names:broken")
    assert found["digest"] == shop.broken
    assert found["roles"] == ["unknown manifest"]
    assert "layers" in found["manifest"]["problem"]
    assert found["failures"][0]["code"] == "InvalidManifest"


@pytest.mark.parametrize("tag", NASTY)
def test_tags_of_any_kind_are_found(store: OpenStore, tag: str) -> None:
    assert store.find(f"odd/names:{tag}")["images"][0]["repository"] == "odd/names"


def test_a_repository_tells_its_totals_and_its_images(store: OpenStore, shop: Shop) -> None:
    here, there = store.find("team/app")["repositories"]
    assert (here["registry_id"], there["registry_id"]) == (MAIN, OTHER)
    assert here["totals"]["images"] == 5
    assert here["totals"]["tagged_images"] == 4
    assert here["totals"]["tags"] == 5
    assert here["totals"]["archived_images"] == 1
    assert here["totals"]["images_unknown"] == 1
    assert here["images"][0]["manifest_digest"] == shop.two
    assert here["images"][-1]["tags"] == []


@pytest.mark.parametrize("name", ["team/app", "team/multi", "odd/names", "cold/store", "empty/one"])
def test_totals_agree_with_the_named_query(store: OpenStore, name: str) -> None:
    totals = {row["registry_id"]: row["totals"] for row in store.find(name)["repositories"]}
    asked = store.query("storage-by-repository", repository=name)
    rows = [dict(zip(asked.columns, row, strict=True)) for row in asked.fetchall()]
    assert len(rows) == len(totals)
    for row in rows:
        for figure in ("images", "manifests", "logical_bytes", "unique_bytes", "images_unknown", "blobs_unknown_size"):
            assert totals[row["registry_id"]][figure] == row[figure], figure


def test_a_deleted_repository_is_told_as_such(store: OpenStore) -> None:
    (row,) = store.find("team/gone")["repositories"]
    assert row["status"] == "deleted"
    assert row["totals"] is None


def test_the_beginning_of_a_digest_is_enough(store: OpenStore, shop: Shop) -> None:
    assert store.find(shop.two[:20])["digest"] == shop.two
    assert store.find(shop.two[7:17])["digest"] == shop.two
    assert store.find(shop.two[7:17].upper())["digest"] == shop.two
    assert store.find(f"team/app@{shop.two[:30]}")["digest"] == shop.two


def test_docker_references_are_understood(store: OpenStore, shop: Shop) -> None:
    host = f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com"
    assert store.find(f"{host}/team/app:latest")["digest"] == shop.two
    assert [row["region"] for row in store.find(f"{host}/team/app")["repositories"]] == ["us-east-1"]


def test_a_digest_is_looked_for_in_the_repository_that_is_named(store: OpenStore, shop: Shop) -> None:
    host = f"{OTHER}.dkr.ecr.us-east-1.amazonaws.com"
    for text in (f"team/multi@{shop.amd}", f"team/multi@{shop.absent}", f"team/app@{shop.gone}", f"team/app@{BASE}"):
        assert store.find(text)["digest"] == text.partition("@")[2]
    for text, said in (
        (f"team/multi@{shop.two}", f"{shop.two} is not in team/multi; it is in team/app"),
        (f"team/multi@{DEPS[:40]}", f"{DEPS} is not in team/multi; it is in team/app"),
        (f"{host}/team/app@{shop.one}", f"{shop.one} is not in team/app of {OTHER} in us-east-1; it is in team/app"),
        (f"nowhere@{shop.two}", "there is no repository 'nowhere'"),
    ):
        with pytest.raises(NotFound) as caught:
            store.find(text)
        assert said in str(caught.value)


def test_several_digests_of_one_beginning_are_listed(store: OpenStore) -> None:
    with pytest.raises(Ambiguous) as caught:
        store.find("abcabc")
    assert caught.value.exit_code == 2
    for twin in TWINS:
        assert f"{twin}  layer" in str(caught.value)


def test_a_tag_that_is_not_the_same_everywhere_is_ambiguous(store: OpenStore, shop: Shop) -> None:
    with pytest.raises(Ambiguous) as caught:
        store.find("team/app:latest")
    assert f"{MAIN}/eu-west-1  {shop.one}" in str(caught.value)
    assert f"{OTHER}/us-east-1  {shop.two}" in str(caught.value)
    assert store.find("team/base:1")["images"][1]["registry_id"] == OTHER  # the same in both


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sha256:" + "0" * 64, "is not in "),
        ("000000", "begins with '000000'"),
        ("team/ap", "did you mean team/app?"),
        ("nowhere", "storage-by-repository lists them"),
        ("team/app:1.00", "no tag '1.00'; it has 5, such as 1.0"),
        ("empty/one:x", "it has no tags at all"),
        (f"{MAIN}.dkr.ecr.us-east-1.amazonaws.com/team/multi", f"of {MAIN} in us-east-1"),
    ],
)
def test_what_is_not_there_is_said_with_what_was_looked_for(store: OpenStore, text: str, said: str) -> None:
    with pytest.raises(NotFound) as caught:
        store.find(text)
    assert said in str(caught.value)
    assert store.location in str(caught.value)
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("text", ["", "  ", "abcde", "sha256:abc", "team/app@latest"])
def test_text_that_can_name_nothing_is_wrong_usage(store: OpenStore, text: str) -> None:
    with pytest.raises(UsageError):
        store.find(text)


def test_names_are_parameters_and_never_sql(store: OpenStore) -> None:
    with pytest.raises(NotFound):
        store.find("x' or 1=1 --")
    assert store.find(DEPS)["roles"] == ["layer"]


def test_tags_like_cosigns_are_looked_for_wherever_they_may_be_of_a_manifest(tmp_path: Path) -> None:
    """Of a layer they are of nothing; of a digest that only an index or a tag names, they may be of a manifest."""
    estate = Estate()
    estate.image("image", [("base", 100)], ("config", 1))
    estate.image("signature", [("statement", 7)], kind="artifact")
    estate.index("multi", ["image", "absent"])
    named = [f"sha256-{digest(each)[7:]}.sig" for each in ("image", "absent", "base", "lost")]
    estate.run().repository("app", {"image": ["1"], "multi": ["2"], "signature": named})
    with estate.catalog(tmp_path) as catalog:
        pages = {each: find(Asking(catalog, "here"), digest(each)) for each in ("image", "absent", "base", "lost")}
    refers = {each: [row["manifest_digest"] for row in page["referrers"]] for each, page in pages.items()}
    signature = [digest("signature")]
    assert refers == {"image": signature, "absent": signature, "base": [], "lost": signature}
    assert pages["lost"]["roles"] == ["subject of other manifests"]


@pytest.mark.parametrize("others", [False, True])
def test_the_last_sighting_is_that_of_the_last_run_whatever_its_clock_said(tmp_path: Path, *, others: bool) -> None:
    estate = Estate()
    estate.image("image", [("base", 100)])
    for number in range(3):
        run = estate.run()
        run.repository("app", {"image": ["1"]} if number < 2 else {})
        if others:
            run.repository("gone", {"image": ["1"]} if number < 1 else {})
    first, second, _ = estate.runs
    second.started_at = first.started_at - timedelta(hours=1)
    with estate.catalog(tmp_path) as catalog:
        formerly = find(Asking(catalog, "here"), digest("image"))["formerly"]
    seen = {row["repository"]: row["last_seen_at"] for row in formerly}
    assert seen == {"app": second.started_at} | ({"gone": first.started_at} if others else {})
