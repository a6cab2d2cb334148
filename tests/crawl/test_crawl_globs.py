"""include and exclude over several regions: what is said of them, and what fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.world import World, world

from indexer.config import Config
from indexer.crawl import Remark, Summary, crawl
from indexer.local_ecr import Registry
from indexer.store import Store

EUROPE, AMERICA = "123456789012/eu-west-1", "123456789012/us-east-1"


@pytest.fixture
def regions(tmp_path: Path) -> Iterator[World]:
    registries = [Registry(), Registry(region="us-east-1")]
    registries[0].create_repository("eu/app")
    registries[1].create_repository("us/app")
    with world(tmp_path / "store", registries) as the_world:
        yield the_world


def _run(the_world: World, *entries: dict[str, Any], **registry: Any) -> tuple[Summary, list[Remark]]:
    both = {"regions": ("eu-west-1", "us-east-1")} | registry
    registries = [{"endpoint_url": the_world.server.url} | each for each in entries or [both]]
    told: list[Remark] = []
    config = Config.model_validate({"store": str(the_world.folder), "registries": tuple(registries)})
    return crawl(config, Store.create_or_open(the_world.folder), tell=told.append), told


def test_a_glob_may_match_in_one_region_only(regions: World) -> None:
    summary, told = _run(regions, include=("eu/*", "us/*", "asia/*"))
    assert summary.complete
    assert told == [Remark(f"include 'asia/*' matches no repository in {EUROPE}, {AMERICA}", is_warning=True)]


def test_a_region_that_is_shut_out_is_told_and_the_run_complete(regions: World) -> None:
    summary, told = _run(regions, include=("*",), exclude=("us/*",))
    assert (summary.complete, summary.row.repositories) == (True, 1)
    assert told == [
        Remark(
            f"nothing of {AMERICA} is indexed: include ['*'] and exclude ['us/*'] do not let through its only "
            "repository us/app",
            is_warning=True,
        )
    ]


def test_where_every_region_is_shut_out_each_is_a_failure(regions: World) -> None:
    summary, told = _run(regions, include=("none",), exclude=("nothing",))
    assert not summary.complete
    failures = regions.of_run("failures", summary)
    assert [(each["region"], each["operation"], each["code"]) for each in failures] == [
        (region, "Config", "NothingIncluded") for region in ("eu-west-1", "us-east-1")
    ]
    assert [each.text for each in told[:2]] == [each["reason"] for each in failures]
    assert told[2:] == [Remark(f"exclude 'nothing' matches no repository in {EUROPE}, {AMERICA}", is_warning=False)]


def test_an_entry_of_which_nothing_answers_is_not_judged(regions: World) -> None:
    regions.server.registries[1].deny("DescribeRepositories")
    summary, told = _run(regions, include=("eu/*", "us/*"))
    assert ([each["code"] for each in regions.of_run("failures", summary)], told) == (["AccessDeniedException"], [])


def test_each_entry_is_judged_by_itself(regions: World) -> None:
    _, told = _run(regions, {"regions": ("eu-west-1",), "include": ("us/*",)}, {"regions": ("us-east-1",)})
    assert [each.text.partition(" is indexed")[0] for each in told] == [f"nothing of {EUROPE}"]
