"""BatchGetImage answered from the store is what the registry answers, of every image that the store knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.manifests import OCI_INDEX, OCI_MANIFEST, digest_of, image, index
from support.world import World, world

import indexer
from indexer.ecr.verbatim import Verbatim, Way
from indexer.errors import AwsCliError, UsageError
from indexer.front import OpenStore, StoredBatch, stored_batch
from indexer.local_ecr import Registry

APP = "team/app"
ONE, TWO, COLD, KEPT = (image(f"config{name}", {name: 7}) for name in ("one", "two", "cold", "kept"))
TOP = index(ONE, TWO)
ABSENT = "sha256:" + "0" * 64
REQUESTS: dict[str, list[dict[str, str]]] = {
    "tags": [{"imageTag": "1"}, {"imageTag": "top"}, {"imageTag": "latest"}],
    "digests": [{"imageDigest": digest_of(TWO)}, {"imageDigest": digest_of(ONE)}],
    "both": [{"imageDigest": digest_of(ONE), "imageTag": "1"}],
    "not matching": [{"imageDigest": digest_of(ONE), "imageTag": "top"}, {"imageDigest": ABSENT, "imageTag": "1"}],
    "no such": [{"imageTag": "none"}, {"imageDigest": ABSENT}, {"imageDigest": digest_of(ONE), "imageTag": "none"}],
    "elsewhere": [{"imageDigest": digest_of(KEPT)}],
    "repeated": [{"imageTag": "1"}, {"imageTag": "1"}, {"imageTag": "latest"}, {"imageDigest": digest_of(ONE)}],
    "wrong": [{"imageDigest": "latest"}, {"imageTag": "a!"}, {}],
    "archived": [{"imageTag": "cold"}, {"imageDigest": digest_of(COLD)}],
}


def registries() -> list[Registry]:
    here, there = Registry("123456789012", "eu-west-1"), Registry("210987654321", "us-east-1")
    for registry in (here, there):
        registry.create_repository(APP)
        registry.put_image(APP, ONE, tags=["1", "latest"])
    here.put_image(APP, TWO)
    here.put_image(APP, TOP, tags=["top"])
    here.put_image(APP, COLD, tags=["cold"], status="ARCHIVED")
    here.create_repository("team/other")
    here.put_image("team/other", KEPT, tags=["kept"])
    return [here, there]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        patch.setenv("NO_PROXY", "127.0.0.1")
        with world(tmp_path_factory.mktemp("stored") / "store", registries()) as the_world:
            the_world.run()
            yield the_world


@pytest.fixture
def store(filled: World) -> Iterator[OpenStore]:
    with indexer.open(filled.folder) as store:
        yield store


def ask(store: OpenStore, image_ids: list[dict[str, str]], **more: Any) -> StoredBatch:
    return stored_batch(store, {"repositoryName": APP, "imageIds": image_ids, **more}, region="eu-west-1")


@pytest.mark.parametrize("image_ids", REQUESTS.values(), ids=REQUESTS)
def test_the_store_answers_as_the_registry(filled: World, store: OpenStore, image_ids: list[dict[str, str]]) -> None:
    request = {"repositoryName": APP, "imageIds": image_ids}
    ecr = Verbatim(Way(region="eu-west-1", endpoint_url=filled.server.url))
    before = filled.server.calls["BatchGetImage"]
    batch = ask(store, image_ids)
    assert filled.server.calls["BatchGetImage"] == before
    assert batch.answer == ecr.ask(request)
    assert batch.unanswered == ()
    assert batch.place == "123456789012/eu-west-1 team/app"


def test_members_stand_in_the_order_of_the_service_model(filled: World, store: OpenStore) -> None:
    request = {"repositoryName": APP, "imageIds": [{"imageTag": "1"}, {"imageTag": "none"}]}
    theirs = Verbatim(Way(region="eu-west-1", endpoint_url=filled.server.url)).ask(request)
    assert repr(ask(store, request["imageIds"]).answer) == repr(theirs)  # type: ignore[arg-type]  # it is a list


def test_what_is_accepted_is_answered_and_the_rest_is_left_open(store: OpenStore) -> None:
    image_ids = [{"imageTag": "1"}, {"imageTag": "top"}]
    assert ask(store, image_ids, acceptedMediaTypes=[OCI_MANIFEST, OCI_INDEX]).unanswered == ()
    batch = ask(store, image_ids, acceptedMediaTypes=[OCI_MANIFEST])
    assert len(batch.answer["images"]) == 1
    (open_one,) = batch.unanswered
    assert open_one.startswith("imageTag=top: it is application/vnd.oci.image.index.v1+json")


def test_the_account_or_region_says_which_registry(store: OpenStore) -> None:
    request = {"repositoryName": APP, "imageIds": [{"imageTag": "1"}]}
    with pytest.raises(UsageError, match="123456789012/eu-west-1, 210987654321/us-east-1"):
        stored_batch(store, request, region=None)
    batch = stored_batch(store, {**request, "registryId": "210987654321"}, region=None)
    assert batch.answer["images"][0]["registryId"] == "210987654321"
    assert stored_batch(store, request, region="us-east-1").answer == batch.answer


@pytest.mark.parametrize(
    ("name", "registry_id", "region"), [("team/nope", None, None), (APP, "9" * 12, None), (APP, None, "eu-north-1")]
)
def test_a_repository_that_the_store_does_not_have(
    store: OpenStore, name: str, registry_id: str | None, region: str | None
) -> None:
    request = {"repositoryName": name, "registryId": registry_id, "imageIds": [{"imageTag": "1"}]}
    with pytest.raises(AwsCliError, match=f"has no listing of a repository '{name}'"):
        stored_batch(store, request, region=region)


def test_a_listed_image_without_its_manifest_is_left_open(tmp_path: Path) -> None:
    registry = registries()[0]
    registry.fail_image(APP, digest_of(TWO), "UpstreamUnavailable", "try later")
    registry.fail_image(APP, digest_of(TOP), "KmsError", "no key")
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.run()
        with indexer.open(the_world.folder) as store:
            batch = ask(store, [{"imageDigest": digest_of(TWO)}, {"imageTag": "top"}, {"imageTag": "1"}])
    assert [found["imageId"]["imageTag"] for found in batch.answer["images"]] == ["1"]
    assert [(each["failureCode"], each["failureReason"]) for each in batch.answer["failures"]] == [
        ("KmsError", "no key")
    ]
    (open_one,) = batch.unanswered
    assert open_one == f"imageDigest={digest_of(TWO)}: its manifest is not in the store (try later)"


def test_what_is_deleted_is_gone_and_what_a_filter_hides_is_not(tmp_path: Path) -> None:
    registry = registries()[0]
    with world(tmp_path / "store", [registry]) as the_world:
        the_world.run(images={"tag_status": "tagged"})
        with indexer.open(the_world.folder) as store:
            (child,) = ask(store, [{"imageDigest": digest_of(TWO)}]).answer["images"]
        registry.delete_image(APP, digest_of(TOP))
        the_world.run(images={"tag_status": "tagged"})
        with indexer.open(the_world.folder) as store:
            gone = ask(store, [{"imageDigest": digest_of(TOP)}, {"imageTag": "top"}])
    assert child["imageManifest"].encode() == TWO
    assert gone.answer["images"] == []
    assert {each["failureCode"] for each in gone.answer["failures"]} == {"ImageNotFound"}
