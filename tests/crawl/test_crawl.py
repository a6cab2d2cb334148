"""The whole job over HTTP: what is listed, what is asked for and what is not, and what the tables hold afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.manifests import digest_of, document, image, index
from support.world import World, world

from indexer.crawl import crawl
from indexer.errors import IndexerError, StoreLocked
from indexer.local_ecr import Fault, Registry
from indexer.store import Store


def fill(registry: Registry, count: int, repository: str = "team/app", first: int = 0) -> list[str]:
    numbers = range(first, first + count)
    documents = [image(f"config {n}", {"base": 1000, f"layer {n}": n + 1}) for n in numbers]
    return [registry.put_image(repository, each, tags=[f"v{n}"]) for n, each in zip(numbers, documents, strict=True)]


def test_all_tables_are_filled(registry: Registry, the_world: World) -> None:
    child = image("child", {"base": 1000})
    registry.put_image("team/app", child)
    top = registry.put_image("team/app", index(child, platforms=[("linux", "arm64")]), tags=["multi"])
    digests = fill(registry, 3)
    summary = the_world.run()
    assert summary.complete
    row = summary.row
    assert (row.repositories, row.images, row.manifests_fetched, row.failures) == (1, 5, 5, 0)
    assert row.requests == the_world.server.calls.total() == 3
    assert row.bytes == sum(len(each.manifest) for each in registry.repositories["team/app"].images.values())
    assert {each["manifest_digest"] for each in the_world.rows("manifests")} == {top, digest_of(child), *digests}
    assert all(each["verified"] and each["problem"] is None for each in the_world.rows("manifests"))
    layers = {(each["manifest_digest"], each["position"]): each["layer_digest"] for each in the_world.rows("layers")}
    assert len(layers) == 7
    assert layers[digests[2], 0] == digest_of("base")
    assert layers[digests[2], 1] == digest_of("layer 2")
    assert {each["config_digest"] for each in the_world.rows("configs")} == {
        digest_of(name) for name in ("child", "config 0", "config 1", "config 2")
    }
    assert [(e["index_digest"], e["manifest_digest"], e["architecture"]) for e in the_world.rows("index_entries")] == [
        (top, digest_of(child), "arm64")
    ]
    assert [(each["repository"], each["status"]) for each in the_world.rows("repositories")] == [("team/app", "listed")]
    tags = {each["manifest_digest"]: each["tags"] for each in the_world.rows("images")}
    assert tags[digests[0]] == ["v0"]
    assert tags[digest_of(child)] == []
    runs = the_world.rows("runs")
    assert [(each["run_id"], each["complete"]) for each in runs] == [(row.run_id, True)]
    assert runs[0]["targets"] == [{"registry_id": "123456789012", "region": "eu-west-1"}]


def test_a_second_run_asks_for_nothing(registry: Registry, the_world: World) -> None:
    fill(registry, 5)
    the_world.run()
    summary = the_world.run()
    assert the_world.server.calls["BatchGetImage"] == 0
    assert summary.row.manifests_fetched == 0
    assert summary.complete
    assert len(the_world.rows("manifests")) == 5
    assert len(the_world.rows("images")) == 10, "each run's listing is a snapshot"
    assert len(list((the_world.folder / "manifests").iterdir())) == 1, "and no segment is written"


def test_the_next_run_asks_only_for_what_is_new(registry: Registry, the_world: World) -> None:
    fill(registry, 5)
    the_world.run()
    new = fill(registry, 2, first=100)
    the_world.run()
    assert sorted(digest for _, digest in the_world.asked()) == sorted(new)
    assert len(the_world.rows("manifests")) == 7


def test_a_digest_is_asked_for_once_wherever_it_is_listed(tmp_path: Path) -> None:
    here, there = Registry(), Registry(registry_id="210987654321", region="us-east-1")
    for registry, names in ((here, ("aa", "bb")), (there, ("cc",))):
        for name in names:
            registry.create_repository(name)
            fill(registry, 3, name)
    with world(tmp_path / "store", [here, there]) as the_world:
        summary = the_world.run()
        assert sorted(each for _, each in the_world.asked()) == sorted(here.repositories["aa"].images)
        assert (summary.row.images, summary.row.manifests_fetched) == (9, 3)
        assert {(r["registry_id"], r["region"]) for r in the_world.rows("images")} == {
            ("123456789012", "eu-west-1"),
            ("210987654321", "us-east-1"),
        }


def test_chunks_are_as_large_as_configured(registry: Registry, the_world: World) -> None:
    fill(registry, 25)
    the_world.run(fetch={"chunk_size": 10})
    sizes = [len(each.image_ids) for each in the_world.server.requested if each.operation == "BatchGetImage"]
    assert sorted(sizes) == [5, 10, 10]


def test_short_and_empty_pages_hide_nothing(registry: Registry, the_world: World) -> None:
    for number in range(7):
        registry.create_repository(f"more/{number}")
    fill(registry, 30)
    registry.page_limit, registry.short_pages = 4, True
    summary = the_world.run()
    assert (summary.row.repositories, summary.row.images, summary.row.manifests_fetched) == (8, 30, 30)


def test_globs_choose_repositories(registry: Registry, the_world: World) -> None:
    for name in ("team/sandbox", "other"):
        registry.create_repository(name)
    the_world.run({"include": ("team/*",), "exclude": ("*/sandbox",)})
    assert [each["repository"] for each in the_world.rows("repositories")] == ["team/app"]


def test_pull_times_are_those_before_our_own_fetch(registry: Registry, the_world: World) -> None:
    pulled = datetime(2025, 5, 6, tzinfo=UTC)
    document_ = image("c", {"l": 1})
    digest = registry.put_image("team/app", document_, tags=["a"], pulled_at=pulled)
    never = registry.put_image("team/app", image("c2", {"l": 1}), tags=["b"])
    the_world.run()
    assert registry.image("team/app", digest).pulled_at != pulled, "the fetch itself counted as a pull"
    first = {each["manifest_digest"]: each["last_pulled_at"] for each in the_world.rows("images")}
    assert first == {digest: pulled, never: None}
    kept = {each["manifest_digest"]: each["pulled_before_fetch_at"] for each in the_world.rows("manifests")}
    assert kept == first, "the manifest itself keeps it, for when the run's listing is gone"
    before = registry.image("team/app", digest).pulled_at
    the_world.run()
    assert registry.image("team/app", digest).pulled_at == before, "later runs fetch nothing and spoil nothing"


def test_listing_comes_before_fetching(registry: Registry, the_world: World) -> None:
    registry.create_repository("zebra")
    fill(registry, 3)
    fill(registry, 3, "zebra", first=50)
    the_world.run()
    operations = [each.operation for each in the_world.server.requested]
    assert "BatchGetImage" not in operations[: len(operations) - operations[::-1].index("DescribeImages")]


def test_archived_images_are_listed_and_not_asked_for(registry: Registry, the_world: World) -> None:
    active, archived, waking = fill(registry, 3)
    registry.set_status("team/app", archived, "ARCHIVED")
    registry.set_status("team/app", waking, "ACTIVATING")
    summary = the_world.run()
    assert summary.complete, "an archived image is no failure: nothing was tried"
    assert [digest for _, digest in the_world.asked()] == [active]
    assert {each["manifest_digest"]: each["status"] for each in the_world.rows("images")} == {
        active: "ACTIVE",
        archived: "ARCHIVED",
        waking: "ACTIVATING",
    }
    registry.set_status("team/app", archived, "ACTIVE")
    the_world.run()
    assert [digest for _, digest in the_world.asked()] == [archived], "once it is back it is fetched"


def nested(registry: Registry) -> dict[str, str]:
    """A tagged index of an image and an untagged index of another image, and an untagged image on its own."""
    documents = {"leaf": image("leaf", {"l1": 1}), "deep": image("deep", {"l2": 2}), "alone": image("alone", {"l3": 3})}
    documents["inner"] = index(documents["deep"])
    documents["top"] = index(documents["leaf"], documents["inner"])
    return {
        name: registry.put_image("team/app", content, tags=["release"] if name == "top" else [])
        for name, content in documents.items()
    }


def test_children_are_followed_where_a_filter_hides_them(registry: Registry, the_world: World) -> None:
    digests = nested(registry)
    summary = the_world.run(images={"tag_status": "tagged"})
    assert summary.complete
    assert [each["manifest_digest"] for each in the_world.rows("images")] == [digests["top"]]
    wanted = {digests[name] for name in ("top", "leaf", "inner", "deep")}
    assert {each["manifest_digest"] for each in the_world.rows("manifests")} == wanted
    assert digests["alone"] not in [digest for _, digest in the_world.asked()]
    the_world.run(images={"tag_status": "tagged"})
    assert the_world.asked() == []


def test_children_that_an_earlier_run_missed_are_fetched_later(registry: Registry, the_world: World) -> None:
    digests = nested(registry)
    registry.fail_image("team/app", digests["deep"], "KmsError", "the key is disabled")
    summary = the_world.run(images={"tag_status": "tagged"})
    assert not summary.complete
    assert [(each["manifest_digest"], each["code"]) for each in the_world.rows("failures")] == [
        (digests["deep"], "KmsError")
    ]
    registry.image("team/app", digests["deep"]).failure = None
    the_world.run(images={"tag_status": "tagged"})
    assert [digest for _, digest in the_world.asked()] == [digests["deep"]]


def test_an_absent_child_is_not_asked_for_and_no_failure(registry: Registry, the_world: World) -> None:
    gone = image("gone", {"l": 1})
    registry.put_image("team/app", index(gone, platforms=[("linux", "s390x")]), tags=["multi"])
    summary = the_world.run()
    assert summary.complete
    assert digest_of(gone) not in [digest for _, digest in the_world.asked()]
    assert [each["manifest_digest"] for each in the_world.rows("index_entries")] == [digest_of(gone)]


def test_untagged_and_active_filters(registry: Registry, the_world: World) -> None:
    digests = nested(registry)
    tagged = fill(registry, 1)[0]
    the_world.run(images={"tag_status": "untagged"})
    assert {each["manifest_digest"] for each in the_world.rows("images")} == set(digests.values()) - {digests["top"]}
    registry.set_status("team/app", tagged, "ARCHIVED")
    active = the_world.run(images={"image_status": "active"})
    assert tagged not in {each["manifest_digest"] for each in the_world.of_run("images", active)}
    archived = the_world.run(images={"image_status": "archived"})
    assert [each["manifest_digest"] for each in the_world.of_run("images", archived)] == [tagged]


def test_a_bad_document_is_stored_flagged_and_told_every_run(registry: Registry, the_world: World) -> None:
    bad = document({"schemaVersion": 2, "layers": "none"})
    digest = registry.put_image("team/app", bad, tags=["bad"])
    good = fill(registry, 2)
    for _ in range(2):
        summary = the_world.run()
        assert not summary.complete
        failures = the_world.of_run("failures", summary)
        assert [(f["manifest_digest"], f["tag"], f["operation"], f["code"]) for f in failures] == [
            (digest, "bad", "Flatten", "InvalidManifest")
        ]
    stored = {each["manifest_digest"]: each for each in the_world.rows("manifests")}
    assert set(stored) == {digest, *good}
    assert (stored[digest]["kind"], stored[digest]["raw"]) == ("unknown", bad.decode())
    assert stored[digest]["problem"] == failures[0]["reason"]
    assert {each["manifest_digest"] for each in the_world.rows("layers")} == set(good)


def test_a_repository_that_fails_to_list_is_told(registry: Registry, the_world: World) -> None:
    for name in ("denied", "empty"):
        registry.create_repository(name)
    fill(registry, 2)
    fill(registry, 2, "denied", first=10)
    registry.deny("DescribeImages", "denied")
    summary = the_world.run()
    assert not summary.complete
    status = {each["repository"]: (each["status"], each["error"]) for each in the_world.rows("repositories")}
    assert status["team/app"] == ("listed", None)
    assert status["empty"] == ("listed", None), "an empty repository is a listed one"
    assert status["denied"][0] == "failed"
    assert "AccessDenied" in status["denied"][1]
    failures = [(each["repository"], each["operation"], each["code"]) for each in the_world.rows("failures")]
    assert failures == [("denied", "DescribeImages", "AccessDeniedException")]
    assert summary.row.repositories == 2


def test_a_repository_that_vanishes_while_listed_is_failed_then_deleted(registry: Registry, the_world: World) -> None:
    registry.create_repository("ghost")
    the_world.run()
    the_world.server.faults.add(Fault("vanish_repository", operation="DescribeImages", repository="ghost"))
    summary = the_world.run()
    status = {each["repository"]: each["status"] for each in the_world.of_run("repositories", summary)}
    assert status == {"ghost": "failed", "team/app": "listed"}
    status = {each["repository"]: each["status"] for each in the_world.of_run("repositories", the_world.run())}
    assert status == {"ghost": "deleted", "team/app": "listed"}
    status = {each["repository"]: each["status"] for each in the_world.of_run("repositories", the_world.run())}
    assert status == {"team/app": "listed"}, "deleted is said once"


def test_a_repository_that_is_no_longer_wanted_is_not_deleted(registry: Registry, the_world: World) -> None:
    registry.create_repository("other")
    the_world.run()
    summary = the_world.run({"exclude": ("other",)})
    assert [each["repository"] for each in the_world.of_run("repositories", summary)] == ["team/app"]


def test_another_repository_is_asked_where_the_first_cannot_give_it(registry: Registry, the_world: World) -> None:
    registry.create_repository("zebra")
    digests = fill(registry, 3)
    fill(registry, 3, "zebra")
    registry.deny("BatchGetImage", "team/app")
    summary = the_world.run()
    assert summary.complete, "everything was indexed after all"
    assert {each["repository"] for each in the_world.rows("manifests")} == {"zebra"}
    assert {digest for repository, digest in the_world.asked() if repository == "zebra"} == set(digests)


def test_what_no_repository_gives_is_told_of_each(registry: Registry, the_world: World) -> None:
    registry.create_repository("zebra")
    digest = fill(registry, 1)[0]
    registry.put_image("zebra", registry.image("team/app", digest).manifest, tags=["other"])
    registry.fail_image("team/app", digest, "KmsError", "the key is disabled")
    registry.fail_image("zebra", digest, "UpstreamAccessDenied", "the secret is wrong")
    summary = the_world.run()
    assert summary.row.failures == 2
    told = [(row["repository"], row["tag"], row["code"], row["reason"]) for row in the_world.rows("failures")]
    assert told == [
        ("team/app", "v0", "KmsError", "the key is disabled"),
        ("zebra", "other", "UpstreamAccessDenied", "the secret is wrong"),
    ]


def test_a_repository_that_refuses_is_not_asked_again_and_again(registry: Registry, the_world: World) -> None:
    fill(registry, 60)
    registry.deny("BatchGetImage", "team/app")
    summary = the_world.run(fetch={"chunk_size": 2, "connections": 2})
    assert summary.row.failures == 60
    assert the_world.server.calls["BatchGetImage"] <= 4


def test_vanished_images_are_failures(registry: Registry, the_world: World) -> None:
    digests = fill(registry, 10)
    the_world.server.faults.add(Fault("vanish", operation="BatchGetImage", times=1))
    summary = the_world.run()
    (failure,) = the_world.rows("failures")
    assert (failure["operation"], failure["code"]) == ("BatchGetImage", "ImageNotFound")
    assert {failure["manifest_digest"], *(each["manifest_digest"] for each in the_world.rows("manifests"))} == set(
        digests
    )
    assert not summary.complete
    assert the_world.run().complete


@pytest.mark.parametrize("kind", ["throttle", "error", "reset", "truncate", "empty", "html", "omit", "corrupt"])
def test_faults_now_and_then_lose_nothing(registry: Registry, the_world: World, kind: str) -> None:
    digests = fill(registry, 40)
    the_world.server.faults.add(Fault(kind, rate=0.3, seed=3))
    summary = the_world.run(fetch={"chunk_size": 4, "max_attempts": 12})
    assert the_world.server.faults.fired[kind] > 0
    assert summary.complete
    assert sorted(each["manifest_digest"] for each in the_world.rows("manifests")) == sorted(digests)


def test_two_targets_one_of_which_is_down(tmp_path: Path) -> None:
    here, there = Registry(), Registry(region="us-east-1")
    here.create_repository("aa")
    fill(here, 2, "aa")
    there.deny("DescribeRepositories")
    with world(tmp_path / "store", [here, there]) as the_world:
        summary = the_world.run()
        assert (summary.failed_targets, summary.row.failures, summary.row.manifests_fetched) == (1, 1, 2)
        (failure,) = the_world.rows("failures")
        assert (failure["registry_id"], failure["region"], failure["repository"]) == ("123456789012", "us-east-1", None)
        assert failure["code"] == "AccessDeniedException"


def test_nothing_at_all_can_be_listed(registry: Registry, the_world: World) -> None:
    fill(registry, 2)
    the_world.run()
    registry.deny("DescribeRepositories")
    with pytest.raises(IndexerError, match=r"nothing could be listed.*\n.*AccessDenied") as caught:
        the_world.run()
    assert caught.value.exit_code == 1
    assert len(the_world.rows("runs")) == 1, "the last good state stays"


def test_the_account_is_learnt_from_the_answers(registry: Registry, the_world: World) -> None:
    fill(registry, 1)
    the_world.run({"registry_id": None})
    assert the_world.rows("runs")[0]["targets"] == [{"registry_id": "123456789012", "region": "eu-west-1"}]
    assert the_world.rows("manifests")[0]["registry_id"] == "123456789012"


def test_entries_that_overlap_list_a_repository_once(registry: Registry, the_world: World) -> None:
    registry.create_repository("other")
    fill(registry, 2)
    entry = {"regions": ("eu-west-1",), "endpoint_url": the_world.server.url}
    config = the_world.config().model_validate(
        {"store": str(the_world.folder), "registries": (entry, entry | {"include": ("team/*",)})}
    )
    summary = crawl(config, Store.create_or_open(the_world.folder), now=lambda: the_world.at)
    assert (summary.row.repositories, summary.row.images) == (2, 2)


def test_a_second_run_at_the_same_time_is_refused(registry: Registry, the_world: World) -> None:
    store = Store.create_or_open(the_world.folder)
    with store.writer(now=lambda: the_world.at, version="0"), pytest.raises(StoreLocked):
        the_world.run()
    assert the_world.server.calls.total() == 0, "it is refused before anything is asked"
