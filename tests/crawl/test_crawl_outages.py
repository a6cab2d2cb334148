"""Registries that go down, credentials that run out, listings that change while they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.manifests import document, image, index
from support.world import World, world

from indexer.crawl import crawl
from indexer.errors import IndexerError
from indexer.local_ecr import Fault, Registry, Server
from indexer.local_ecr.server import Response
from indexer.model import OCI_MANIFEST
from indexer.store import Store

PROCESSES = [1, pytest.param(2, marks=pytest.mark.slow)]


def fill(registry: Registry, count: int, repository: str = "team/app", first: int = 0) -> list[str]:
    numbers = range(first, first + count)
    documents = [image(f"config {n}", {"base": 1000, f"layer {n}": n + 1}) for n in numbers]
    return [registry.put_image(repository, each, tags=[f"v{n}"]) for n, each in zip(numbers, documents, strict=True)]


def stored(the_world: World) -> int:
    return len(Store.open(the_world.folder).known())


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6])
def test_throttling_loses_nothing(registry: Registry, the_world: World, rate: float) -> None:
    digests = fill(registry, 40)
    the_world.server.faults.add(Fault("throttle", rate=rate, seed=31))
    summary = the_world.run(fetch={"chunk_size": 5, "max_attempts": 8})
    assert the_world.server.faults.fired["throttle"] > 0
    assert summary.complete
    assert sorted(each["manifest_digest"] for each in the_world.rows("manifests")) == sorted(digests)


# --- a registry that is down


@pytest.mark.parametrize("kind", ["unavailable", "error", "reset", "html", "empty", "throttle"])
def test_a_registry_that_is_down_keeps_the_last_good_state(registry: Registry, the_world: World, kind: str) -> None:
    fill(registry, 3)
    the_world.run()
    fill(registry, 3, first=10)
    the_world.server.faults.add(Fault(kind))
    with pytest.raises(IndexerError, match="nothing could be listed") as caught:
        the_world.run(fetch={"max_attempts": 1})
    assert caught.value.exit_code == 1
    assert len(the_world.rows("runs")) == 1
    assert stored(the_world) == 3


def test_a_registry_that_goes_down_while_it_is_listed_ends_the_run(registry: Registry, the_world: World) -> None:
    for number in range(60):
        registry.create_repository(f"more/{number:02}")
    the_world.run()
    the_world.server.faults.add(Fault("unavailable", after=20))
    with pytest.raises(IndexerError, match=r"no registry answers any more.*\n.*503") as caught:
        the_world.run()
    assert caught.value.exit_code == 1
    assert len(the_world.rows("runs")) == 1
    assert the_world.server.calls.total() < 50, "not every repository was tried as often as it may be"


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_registry_that_goes_down_while_it_is_read_ends_the_run(
    registry: Registry, the_world: World, processes: int
) -> None:
    fill(registry, 400)
    the_world.server.faults.add(Fault("reset", after=10))
    fetch = {"chunk_size": 5, "processes": processes}
    with pytest.raises(IndexerError, match="what it fetched is kept") as caught:
        the_world.run(fetch=fetch)
    assert caught.value.exit_code == 1
    assert the_world.rows("runs") == []
    assert the_world.server.calls.total() < 70
    kept = stored(the_world)
    assert 0 < kept < 400
    the_world.server.faults.clear()
    assert the_world.run(fetch=fetch).row.manifests_fetched == 400 - kept


@pytest.mark.slow
def test_calls_given_up_count_together_whichever_process_made_them(registry: Registry, the_world: World) -> None:
    """Two workers with two calls each: neither sees three in a row, the run does."""
    for name, first in (("aa", 0), ("bb", 100)):
        registry.create_repository(name)
        fill(registry, 10, name, first)
    faults = Fault("error", operation="BatchGetImage"), Fault("error", operation="DescribeRepositories", after=1)
    the_world.server.faults.add(*faults)
    with pytest.raises(IndexerError, match=r"no registry answers any more(.|\n)*3 calls in a row"):
        the_world.run(fetch={"chunk_size": 5, "processes": 2, "connections": 2, "max_attempts": 1})
    assert not the_world.folder.exists(), "nothing was fetched, and there was no store before"
    assert the_world.server.calls["BatchGetImage"] in {3, 4}, "the last one may have heard in time"


@pytest.mark.slow
def test_a_registry_that_is_down_is_left_alone_by_every_process(registry: Registry, the_world: World) -> None:
    fill(registry, 300)
    the_world.server.faults.add(Fault("error", after=4))
    with pytest.raises(IndexerError, match="no registry answers any more"):
        the_world.run(fetch={"chunk_size": 1, "processes": 2, "connections": 2, "max_attempts": 1})
    assert the_world.server.calls.total() < 30, "what the workers had been given already, and not all 300"


@pytest.mark.parametrize("processes", PROCESSES)
def test_other_targets_go_on_without_it(tmp_path: Path, processes: int) -> None:
    here, there = Registry(), Registry(registry_id="210987654321", region="us-east-1")
    for registry, name, first in ((here, "aa", 0), (there, "bb", 1000)):
        registry.create_repository(name)
        fill(registry, 60, name, first=first)
    with world(tmp_path / "store", [here, there]) as the_world:
        the_world.server.faults.add(
            Fault("error", operation="BatchGetImage", repository="bb", after=2),
            Fault("error", operation="DescribeRepositories", after=2),
        )
        summary = the_world.run(fetch={"chunk_size": 2, "processes": processes, "connections": 2})
        assert not summary.complete
        failures = the_world.rows("failures")
        assert {row["repository"] for row in failures} == {"bb"}
        assert {"RegistryDown", "ServerException"} == {row["code"] for row in failures}
        read = {row["manifest_digest"] for row in the_world.rows("manifests")}
        assert set(here.repositories["aa"].images) <= read
        assert read | {row["manifest_digest"] for row in failures} == {
            *here.repositories["aa"].images,
            *there.repositories["bb"].images,
        }


# --- credentials


@pytest.mark.parametrize("processes", PROCESSES)
def test_credentials_that_run_out_leave_what_there_is(registry: Registry, the_world: World, processes: int) -> None:
    fill(registry, 250)
    the_world.server.faults.add(Fault("expired_token", operation="BatchGetImage", after=4))
    summary = the_world.run(fetch={"chunk_size": 5, "processes": processes})
    assert not summary.complete
    failures = the_world.rows("failures")
    assert {(row["operation"], row["code"]) for row in failures} == {("BatchGetImage", "ExpiredTokenException")}
    assert len(failures) == 250 - stored(the_world) == 230
    assert the_world.server.calls["BatchGetImage"] < 4 + 46 // 2, "what cannot succeed is not asked for each"


def test_credentials_that_are_renewed_lose_nothing(registry: Registry, the_world: World) -> None:
    fill(registry, 100)
    the_world.server.faults.add(Fault("expired_token", after=4, times=2))
    assert the_world.run(fetch={"chunk_size": 5}).complete
    assert stored(the_world) == 100


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_target_without_credentials_is_a_failed_target(
    registry: Registry, the_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    fill(registry, 20)
    (tmp_path / "aws").write_text("[profile nobody]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws"))
    good = {"regions": ("eu-west-1",), "endpoint_url": the_world.server.url}
    entries = (good | {"regions": ("us-east-1",), "profile": "nobody"}, good)
    fetch = {"processes": processes, "chunk_size": 5}
    config = the_world.config().model_validate({"store": str(the_world.folder), "registries": entries, "fetch": fetch})
    summary = crawl(config, Store.create_or_open(the_world.folder), now=lambda: the_world.at)
    assert (summary.failed_targets, summary.row.manifests_fetched) == (1, 20)
    (failure,) = the_world.rows("failures")
    assert (failure["registry_id"], failure["region"]) == (None, "us-east-1")
    assert (failure["operation"], failure["code"]) == ("Credentials", "NoCredentials")
    config = config.model_copy(update={"registries": config.registries[:1]})
    with pytest.raises(IndexerError, match="NoCredentials"):
        crawl(config, Store.create_or_open(the_world.folder), now=lambda: the_world.at)


def test_a_wrong_clock_is_told(registry: Registry, the_world: World) -> None:
    the_world.server.faults.add(Fault("skew"))
    with pytest.raises(IndexerError, match="the clock of this machine says"):
        the_world.run()


# --- listings that change


def test_pages_that_expire_are_listed_again(registry: Registry, the_world: World) -> None:
    digests = fill(registry, 20)
    registry.page_limit = 4
    the_world.server.faults.add(Fault("expired_page", operation="DescribeImages", after=2, times=2))
    summary = the_world.run()
    assert summary.complete
    assert sorted(row["manifest_digest"] for row in the_world.rows("images")) == sorted(digests)


def test_pages_that_expire_always_fail_the_repository(registry: Registry, the_world: World) -> None:
    fill(registry, 20)
    registry.page_limit = 4
    the_world.server.faults.add(Fault("expired_page", operation="DescribeImages"))
    summary = the_world.run()
    (failure,) = the_world.of_run("failures", summary)
    assert (failure["repository"], failure["code"]) == ("team/app", "PageExpired")
    assert "nextToken" in failure["reason"]
    assert [row["status"] for row in the_world.rows("repositories")] == ["failed"]


class Busy(Server):
    """A registry in which something is done after some pages of DescribeImages."""

    def __init__(self, registry: Registry, meanwhile: dict[int, Callable[[], None]]) -> None:
        super().__init__([registry])
        self.pages = 0
        self.meanwhile = meanwhile

    def respond(self, target: str, authorization: str, body: bytes) -> Response:
        answer = super().respond(target, authorization, body)
        if target.endswith(".DescribeImages"):
            self.pages += 1
            self.meanwhile.pop(self.pages, lambda: None)()
        return answer


def tags_of(the_world: World) -> dict[str, str]:
    """The tags of the newest run; each may be there once."""
    run = max(row["run_id"] for row in the_world.rows("runs"))
    rows = [row for row in the_world.rows("images") if row["run_id"] == run]
    pairs = [(tag, row["manifest_digest"]) for row in rows for tag in row["tags"]]
    assert len({tag for tag, _ in pairs}) == len(pairs), "a tag on two images"
    return dict(pairs)


@pytest.mark.parametrize(("origin", "goal"), [(15, 1), (1, 15), (15, 6), (6, 15)])
@pytest.mark.parametrize("page", [1, 2, 3, 5, 6])
def test_a_tag_that_moves_while_it_is_listed(
    registry: Registry, tmp_path: Path, origin: int, goal: int, page: int
) -> None:
    digests = fill(registry, 20)
    registry.page_limit = 5
    registry.tag_image("team/app", digests[origin], "latest")
    moves: Any = {page: lambda: registry.tag_image("team/app", digests[goal], "latest")}
    with Busy(registry, moves) as server:
        the_world = World(server, tmp_path / "store")
        summary = the_world.run(fetch={"connections": 1})
        assert server.meanwhile == {}
    assert summary.complete
    assert tags_of(the_world) == {**{f"v{n}": each for n, each in enumerate(digests)}, "latest": digests[goal]}


def test_tags_that_come_and_go_while_they_are_listed(registry: Registry, tmp_path: Path) -> None:
    digests = fill(registry, 20)
    registry.page_limit = 5
    late = image("late", {"late layer": 1})

    def meanwhile() -> None:
        registry.untag("team/app", "v1")
        registry.tag_image("team/app", digests[2], "new")
        registry.put_image("team/app", late, tags=["v19"])

    with Busy(registry, {4: meanwhile}) as server:
        the_world = World(server, tmp_path / "store")
        assert the_world.run(fetch={"connections": 1}).complete
    assert tags_of(the_world) == registry.repositories["team/app"].tags
    assert len(the_world.rows("manifests")) == 21


def test_a_repository_of_one_page_is_listed_once(registry: Registry, the_world: World) -> None:
    fill(registry, 20)
    the_world.run()
    assert the_world.server.calls["DescribeImages"] == 1


# --- what is gone, and what is hidden


def test_an_account_whose_last_repository_is_gone(registry: Registry, the_world: World) -> None:
    fill(registry, 2)
    unnamed = {"registry_id": None}
    the_world.run(unnamed)
    registry.delete_repository("team/app")
    summary = the_world.run(unnamed)
    assert [row["status"] for row in the_world.of_run("repositories", summary)] == ["deleted"]
    assert summary.row.targets[0].registry_id == registry.registry_id


def test_an_empty_account_that_may_not_be_named_is_no_failure(registry: Registry, the_world: World) -> None:
    registry.delete_repository("team/app")
    registry.deny("DescribeRegistry")
    summary = the_world.run({"registry_id": None})
    assert summary.complete
    assert summary.row.targets[0].registry_id is None


def test_a_bad_child_that_a_filter_hides_is_told_every_run(registry: Registry, the_world: World) -> None:
    bad = document({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": "none"})
    digest = registry.put_image("team/app", bad)
    registry.put_image("team/app", index(index(bad)), tags=["multi"])
    registry.put_image("team/app", index(bad))
    registry.put_image("team/app", index(bad, platforms=[("linux", "arm64")]), tags=["direct"])
    for _ in range(3):
        summary = the_world.run(images={"tag_status": "tagged"})
        told = [(row["manifest_digest"], row["code"]) for row in the_world.of_run("failures", summary)]
        assert told == [(digest, "InvalidManifest")]
        assert (summary.row.tag_status, summary.row.image_status) == ("tagged", "any")
