"""A repository counts as deleted only if ECR says so by name, and a listing never goes round in circles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.manifests import image
from support.world import World

from indexer.ecr import Ecr, Pace, Target, connect
from indexer.errors import RegistryUnavailable
from indexer.local_ecr import Registry, Server
from indexer.local_ecr.server import Response


class Forgetful(Server):
    """A server whose listings of repositories are empty, though it has some: a wrong answer with HTTP 200."""

    forgets = False

    def respond(self, target: str, authorization: str, body: bytes) -> Response:
        if self.forgets and target.endswith(".DescribeRepositories") and "repositoryNames" not in json.loads(body):
            return Response(200, b'{"repositories": []}')
        return super().respond(target, authorization, body)


class Circular(Server):
    """A server whose pages of images name each other."""

    def respond(self, target: str, authorization: str, body: bytes) -> Response:
        if target.endswith(".DescribeImages"):
            token = "b" if json.loads(body).get("nextToken") == "a" else "a"
            return Response(200, json.dumps({"imageDetails": [], "nextToken": token}).encode())
        return super().respond(target, authorization, body)


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for name in ("team/app", "team/web"):
        registry.create_repository(name)
        registry.put_image(name, image(name, {"layer": 1}), tags=["latest"])
    return registry


def test_what_a_listing_leaves_out_is_not_deleted(registry: Registry, tmp_path: Path) -> None:
    with Forgetful([registry]) as server:
        the_world = World(server, tmp_path / "store")
        the_world.run()
        server.forgets = True
        summary = the_world.run()
    assert the_world.of_run("repositories", summary) == []
    failures = {(f["repository"], f["operation"], f["code"]) for f in the_world.of_run("failures", summary)}
    assert failures == {(name, "DescribeRepositories", "MissingFromAnswer") for name in ("team/app", "team/web")}
    assert not summary.complete


def test_what_ecr_does_not_know_by_name_is_deleted(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        the_world = World(server, tmp_path / "store")
        the_world.run()
        for name in list(registry.repositories):
            registry.delete_repository(name)
        summary = the_world.run()
        assert server.calls["DescribeRepositories"] == 3
    assert {each["repository"]: each["status"] for each in the_world.of_run("repositories", summary)} == {
        "team/app": "deleted",
        "team/web": "deleted",
    }
    assert summary.complete


def test_whoever_may_not_ask_by_name_deletes_nothing(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        the_world = World(server, tmp_path / "store")
        the_world.run()
        registry.delete_repository("team/web")
        registry.deny("DescribeRepositories", "team/web")
        summary = the_world.run()
    assert [each["repository"] for each in the_world.of_run("repositories", summary)] == ["team/app"]
    assert [(f["repository"], f["code"]) for f in the_world.of_run("failures", summary)] == [
        ("team/web", "AccessDeniedException")
    ]


def test_pages_that_go_round_end_the_listing(registry: Registry) -> None:
    with Circular([registry]) as server:
        target = Target("eu-west-1", endpoint_url=server.url)
        ecr = Ecr(connect(target, connections=1), target, Pace(1000), max_attempts=2)
        with pytest.raises(RegistryUnavailable, match="circle"):
            list(ecr.images("team/app"))


def test_images_of_a_status_of_tomorrow_are_asked_for(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        the_world = World(server, tmp_path / "store")
        digest = next(iter(registry.repositories["team/app"].images))
        registry.image("team/app", digest).status = "THAWED"
        the_world.run()
        assert ("team/app", digest) in the_world.asked()
