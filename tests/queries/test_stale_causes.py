"""Why a repository's listing is older than the newest run: it failed, or config.yaml leaves it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import process
from support.manifests import image
from support.world import World, world

import indexer
from indexer.config import Config
from indexer.crawl import crawl
from indexer.local_ecr import Registry
from indexer.store import Store

HERE, THERE = "123456789012", "210987654321"
NAMES = ("team/app", "team/base", "sandbox/x")


@pytest.fixture
def registries() -> list[Registry]:
    """Two accounts with repositories of the same names in one region."""
    found = [Registry(HERE), Registry(THERE)]
    for registry in found:
        for name in NAMES:
            registry.create_repository(name)
            registry.put_image(name, image(f"{registry.registry_id} {name}", [("base", 1)]), tags=["1"])
    return found


def entry(account: str, **keys: Any) -> dict[str, Any]:
    return {"registry_id": account, **keys}


def run(the_world: World, *entries: dict[str, Any]) -> None:
    same = {"regions": ("eu-west-1",), "endpoint_url": the_world.server.url}
    fetch = {"max_attempts": 1}
    registries = tuple(same | each for each in entries)
    config = Config.model_validate({"store": str(the_world.folder), "registries": registries, "fetch": fetch})
    crawl(config, Store.create_or_open(the_world.folder))


def causes(folder: Path) -> dict[tuple[str, str], str]:
    with indexer.open(folder) as store:
        asked = "select registry_id, repository, cause, reason from stale_causes"
        rows = store.sql(asked).fetchall()
        stale = store.sql("select registry_id, repository from stale_repositories").fetchall()
    assert sorted(row[:2] for row in rows) == sorted(stale), "one row each"
    assert all((cause in {"failed", "target failed"}) is (reason is not None) for *_, cause, reason in rows)
    return {(account, repository): cause for account, repository, cause, _ in rows}


def test_what_is_current_has_no_cause(registries: list[Registry], tmp_path: Path) -> None:
    with world(tmp_path / "store", registries) as the_world:
        run(the_world, entry(HERE), entry(THERE))
        assert causes(the_world.folder) == {}


def test_what_failed_and_what_is_left_out_differ(registries: list[Registry], tmp_path: Path) -> None:
    with world(tmp_path / "store", registries) as the_world:
        run(the_world, entry(HERE), entry(THERE))
        registries[0].deny("DescribeImages", "team/app")
        run(the_world, entry(HERE, exclude=("sandbox/*",)))
        assert causes(the_world.folder) == {
            (HERE, "team/app"): "failed",
            (HERE, "sandbox/x"): "left out",
            **{(THERE, name): "not configured" for name in NAMES},
        }


@pytest.mark.parametrize("named", [True, False])
def test_a_target_that_failed_as_a_whole(registries: list[Registry], tmp_path: Path, named: bool) -> None:
    with world(tmp_path / "store", registries) as the_world:
        run(the_world, entry(HERE), entry(THERE))
        registries[1].deny("DescribeRepositories")
        run(the_world, entry(HERE, include=("team/*",)), entry(THERE))
        if not named:  # an account that is not in config.yaml is learned of an answer only
            _forget_account(the_world.folder)
        assert causes(the_world.folder) == {
            (HERE, "sandbox/x"): "left out",
            **{(THERE, name): "target failed" for name in NAMES},
        }


def _forget_account(folder: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - this test alone
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    failures, runs = (max((folder / table).iterdir()) for table in ("failures", "runs"))
    table = pq.read_table(failures)
    rows = [row | {"registry_id": None} for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), failures)
    table = pq.read_table(runs)
    (row,) = table.to_pylist()
    row["targets"] = [row["targets"][0], {"registry_id": None, "region": "eu-west-1"}]
    pq.write_table(pa.Table.from_pylist([row], schema=table.schema), runs)


def test_globs_that_let_nothing_through_leave_out(registries: list[Registry], tmp_path: Path) -> None:
    with world(tmp_path / "store", registries[:1]) as the_world:
        run(the_world, entry(HERE))
        run(the_world, entry(HERE, include=("taem/*",)))
        assert causes(the_world.folder) == {(HERE, name): "left out" for name in NAMES}


def test_every_answer_and_the_page_say_it(registries: list[Registry], tmp_path: Path) -> None:
    with world(tmp_path / "store", registries[:1]) as the_world:
        run(the_world, entry(HERE))
        registries[0].deny("DescribeImages", "team/app")
        run(the_world, entry(HERE, exclude=("sandbox/*",)))
    store = ("--store", str(tmp_path / "store"))
    told = process("query", "registry-totals", *store).err
    assert "not current: 2 repositories not listed by the newest run, as of " in told
    assert told.endswith(" UTC (1 failed, 1 left out by include and exclude)\n")
    assert (
        "\nnot current  left out by include and exclude in the newest run\n" in process("find", "sandbox/x", *store).out
    )
    assert (
        "\nnot current  failed in the newest run: DescribeImages: AccessDenied"
        in process("find", "team/app", *store).out
    )
    (page,) = json.loads(process("find", "team/base", "--format", "json", *store).out)["repositories"]
    assert page["stale"] is None
