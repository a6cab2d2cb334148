"""The short forms of what `make chaos`, `make fuzz` and `make soak` do for an hour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from endurance.chaos import Chaos, Wrong
from endurance.estate import Churn
from endurance.fuzz import check, fuzz, seeds
from endurance.soak import Soak, Upkeep
from endurance.truth import Tables, differences, held

from indexer.local_ecr import Server
from indexer.store.upkeep import Policy


@pytest.mark.slow
def test_chaos(tmp_path: Path) -> None:
    chaos = Chaos(tmp_path, seed=11, size=400)
    chaos.play(nights=2, kills=1)
    assert chaos.tally["nights"] == 2
    assert chaos.tally["kills"] > 0


def test_fuzz() -> None:
    became = fuzz(seed=11, count=3000, originals=seeds())
    assert became["unknown"] > 100
    assert {"image", "index", "artifact", "schema1"} <= became.keys(), "not all of the damage is fatal"


def test_originals_are_good() -> None:
    assert {check(raw) for raw in seeds()} == {"image", "index", "artifact", "schema1"}


@pytest.mark.slow
def test_soak(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=11, size=150)
    soak.play(nights=8, upkeep=Upkeep(compact=2, prune=3, policy=Policy(days=2, weekly=1)))
    assert soak.compare() == []
    assert all(soak.tally[what] > 0 for what in ("segments merged away", "runs pruned", "manifests dropped"))
    assert 2 < len(soak.nights) < 8


# --- what would notice nothing would prove nothing


@pytest.fixture
def played(tmp_path: Path) -> Soak:
    soak = Soak(tmp_path, seed=12, size=100)
    soak.play(nights=3)
    return soak


def test_the_truth_notices_what_is_wrong(played: Soak) -> None:
    tables = Tables(played.store)
    state = held(played.churn.registries)
    denied = played.churn.denied

    def found(table: str) -> list[str]:
        return [each for each in differences(tables, state, state, denied) if each.startswith(table)]

    assert differences(tables, state, state, denied) == []
    for table in ("manifests", "layers", "images"):
        tables.all(table).append(tables.all(table)[-1])
        assert found(table), f"a row of {table} that is there twice"
        tables.all(table).pop()
    lost = tables.all("layers").pop(0)
    assert differences(tables, state, state, denied) == [
        f"the rows of {lost['manifest_digest']} are not those of its document"
    ]
    tables.all("layers").insert(0, lost)
    image = tables.newest("images")[0]
    image["tags"] = [*image["tags"], "never-there"]
    assert found("images")
    image["tags"].pop()
    tables.all("failures").clear()
    assert len(found("images")) > 0, "what could not be fetched is not told"


def test_the_history_notices_what_is_wrong(played: Soak) -> None:
    assert played.compare() == []
    first = min(played.nights)
    home = next(home for home, images in played.nights[first].items() if images and home not in played.churn.denied)
    played.nights[first][home].popitem()
    wrong = played.compare()
    assert any(each.startswith("image_history has") for each in wrong)
    assert any(each.startswith("added-and-removed") for each in wrong)


def test_the_same_seed_makes_the_same_estate() -> None:
    one, two = Churn(5, 60), Churn(5, 60)
    for churn in (one, two):
        churn.night()
    assert held(one.registries) == held(two.registries)
    assert held(Churn(6, 60).registries) != held(one.registries)


def test_a_run_that_fails_by_itself_is_told(tmp_path: Path) -> None:
    chaos = Chaos(tmp_path, seed=1, size=20)
    with Server(chaos.churn.registries) as server:
        chaos.store.mkdir()
        (chaos.store / "something else").write_text(json.dumps({}))
        with pytest.raises(Wrong, match="ended with 2"):
            chaos._run(server, kill=False)
    assert [path.name for path in chaos.store.iterdir()] == ["something else"]
