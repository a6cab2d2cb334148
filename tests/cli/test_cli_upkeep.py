"""verify, compact, prune and reflatten, as a user runs them."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
from datetime import timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from support import golden
from support.commands import Cli, process, terminal
from support.manifests import image, index
from support.store_rows import NOON
from support.upkeep import everything, held, night

from indexer.errors import EXIT_DONE, EXIT_FAILED, EXIT_LOCKED, EXIT_USAGE
from indexer.store import Store

DAY = timedelta(days=1)
LONG_AGO = NOON - 300 * DAY  # the command's clock is the system's
ONE = image("one", [("base", 10)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three nights, a segment each."""
    for number in range(3):
        night(tmp_path / "nights", LONG_AGO + number * DAY, [ONE, index(ONE), image(f"night {number}", [])])
    return tmp_path / "nights"


def test_verify_says_that_all_is_well(cli: Cli, folder: Path) -> None:
    done = cli("verify", "--store", folder)
    assert (done.code, done.out) == (EXIT_DONE, "")
    assert done.err == f"{folder}: sound; checked 5 manifests in 3 segments, and 3 runs\n"
    assert json.loads(cli("verify", "--store", folder, "--format", "json").out) == []


def test_verify_names_the_damage_and_repairs_it(cli: Cli, folder: Path) -> None:
    before = everything(folder)
    path = Store.open(folder).files().tables["layers"][0]
    path.unlink()
    question = ("query", "registry-totals", "--store", folder)
    for command in (question, ("run", "--config", _config(cli.folder, folder))):
        done = cli(*command)
        assert (done.code, done.out) == (EXIT_FAILED, "")
        assert f"{path} is missing" in done.err
        assert "indexer verify --repair" in done.err
    found = cli("verify", "--store", folder, "--format", "json")
    assert found.code == EXIT_FAILED
    (row,) = json.loads(found.out)
    assert (row["level"], row["problem"], row["file"]) == ("damage", "missing file", f"layers/{path.name}")
    assert row["subject"] is None
    assert "indexer verify --repair repairs what can be repaired" in found.err
    done = cli("verify", "--store", folder, "--repair")
    assert done.code == EXIT_DONE
    assert "missing file" in done.out
    assert "repaired: 1 made anew, 0 given up" in done.err
    assert everything(folder) == before
    assert cli("verify", "--store", folder).code == EXIT_DONE


def _config(folder: Path, store: Path) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"store: {store}\nregistries: [{{regions: [eu-west-1], endpoint_url: 'http://127.0.0.1:9'}}]\n")
    return path


def test_what_is_given_up_is_said(cli: Cli, folder: Path) -> None:
    Store.open(folder).files().tables["manifests"][1].write_bytes(b"")
    assert cli("verify", "--store", folder).code == EXIT_FAILED
    done = cli("verify", "--store", folder, "--repair", "--format", "csv")
    assert done.code == EXIT_DONE
    problems = [row["problem"] for row in csv.DictReader(io.StringIO(done.out))]
    assert problems == ["unreadable file", "images without manifest"]
    assert "1 made anew, 1 given up; the next indexer run fetches what is missing" in done.err
    assert len(Store.open(folder).files().segments) == 2


def test_findings_fit_a_terminal(folder: Path) -> None:
    Store.open(folder).files().tables["layers"][0].unlink()
    done = terminal("verify", "--store", folder, columns=80)
    assert done.code == EXIT_FAILED
    assert "missing file" in done.out
    assert "Traceback" not in done.out


def test_compact_says_what_it_did(cli: Cli, folder: Path) -> None:
    before = everything(folder)
    done = cli("compact", "--store", folder)
    assert (done.code, done.out) == (EXIT_DONE, "")
    assert done.err.splitlines() == [
        "3 segments before, 1 after; 5 manifests moved",
        "what was replaced now stays 24 hours for open readers; any later indexer run removes it",
    ]
    assert everything(folder) == before
    again = cli("compact", "--store", folder, "--grace-hours", "0")
    assert again.err.splitlines() == [
        "1 segment before, 1 after; 0 manifests moved",
        "12 files removed that were replaced before",
    ]
    assert everything(folder) == before


def test_prune_wants_to_know_what_to_keep(cli: Cli, folder: Path) -> None:
    done = cli("prune", "--store", folder)
    assert done.code == EXIT_USAGE
    assert "--keep-days 30 --keep-weekly 52" in done.err
    assert "--dry-run" in done.err
    for wrong in (
        ["--keep-days", "-1"],
        ["--keep-days", "many"],
        ["--keep-years", "1"],
        ["--keep-days", "1", "--grace-hours", "-1"],
    ):
        done = cli("prune", "--store", folder, *wrong)
        assert done.code == EXIT_USAGE
        assert "indexer prune --help" in done.err
    assert len(Store.open(folder).files().runs) == 3


def test_prune_first_says_then_does(cli: Cli, folder: Path) -> None:
    words: list[str | Path] = ["prune", "--store", folder, "--keep-days", "1"]
    said = cli(*words, "--dry-run", "--format", "json")
    assert said.code == EXIT_DONE
    assert [row["run_id"] for row in json.loads(said.out)] == list(Store.open(folder).files().runs[:2])
    assert "2 runs would go" in said.err
    assert len(Store.open(folder).files().runs) == 3
    done = cli(*words, "--format", "json")
    assert done.out == said.out
    assert "2 runs gone" in done.err
    assert len(Store.open(folder).files().runs) == 1
    nothing = cli(*words)
    assert (nothing.out, nothing.err.splitlines()[0]) == ("", "0 runs gone (0 B), 1 kept")


def test_prune_says_what_it_keeps_against_the_policy(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    night(folder, LONG_AGO, [ONE], statuses=[("only then", "listed")])
    night(folder, LONG_AGO + DAY, [ONE])
    done = cli("prune", "--store", folder, "--keep-days", "1")
    assert done.err.splitlines() == [
        "0 runs gone (0 B), 2 kept",
        "1 of these is kept because the current state stands on them",
    ]


def test_dropping_what_nothing_refers_to(cli: Cli, folder: Path) -> None:
    words: list[str | Path] = [
        "prune",
        "--store",
        folder,
        "--keep-days",
        "1",
        "--drop-unreferenced",
        "--grace-hours",
        "0",
    ]
    first, second = cli(*words), cli(*words)
    assert "2 manifests dropped that nothing refers to" in first.err, "without grace the runs' files are gone at once"
    assert "0 manifests dropped" in second.err
    assert cli("verify", "--store", folder).code == EXIT_DONE
    assert len(everything(folder)["manifests"]) == 3


def test_reflatten_upgrades_a_store_that_everything_else_refuses(cli: Cli, tmp_path: Path) -> None:
    folder = golden.unpack(1, tmp_path)
    for command in (["status"], ["verify"], ["compact"], ["prune", "--keep-days", "1"], ["find", "x"]):
        done = cli(*command, "--store", folder)
        assert (done.code, done.out) == (EXIT_USAGE, "")
        assert "indexer reflatten upgrades it, without a call to ECR" in done.err
    done = cli("reflatten", "--store", folder)
    assert done.code == EXIT_DONE
    assert done.err.splitlines()[:2] == [
        "upgraded from format 1, 2 runs included",
        "3 segments made anew (8 manifests), 0 left as they are",
    ]
    assert cli("verify", "--store", folder).code == EXIT_DONE
    assert cli("find", "new/one:latest", "--store", folder).code == EXIT_DONE
    assert cli("reflatten", "--store", folder).err == "0 segments made anew (0 manifests), 3 left as they are\n"
    assert "3 segments made anew" in cli("reflatten", "--store", folder, "--all").err


@pytest.mark.parametrize("command", [["verify"], ["compact"], ["prune", "--keep-days", "1"], ["reflatten"]])
def test_where_there_is_no_store(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    done = cli(*command, "--store", tmp_path / "nowhere")
    assert done.code == EXIT_USAGE
    assert "there is no store at" in done.err
    assert not (tmp_path / "nowhere").exists()
    done = cli(*command)
    assert done.code == EXIT_USAGE
    assert "config.yaml" in done.err


def _hold(folder: Path, ready: Event, done: Event) -> None:
    with held(folder):
        ready.set()
        done.wait(60)


@pytest.mark.slow
def test_while_another_holds_the_store(cli: Cli, folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(folder, ready, done))
    holder.start()
    try:
        assert ready.wait(60)
        for command in (["verify", "--repair"], ["compact"], ["prune", "--keep-days", "1"], ["reflatten"]):
            ended = cli(*command, "--store", folder)
            assert ended.code == EXIT_LOCKED
            assert "indexer test" in ended.err
        assert cli("verify", "--store", folder).code == EXIT_DONE, "reading needs no lock"
        assert cli("prune", "--keep-days", "1", "--dry-run", "--store", folder).code == EXIT_DONE
    finally:
        done.set()
        holder.join(60)
    assert holder.exitcode == 0


def test_help_names_the_exit_codes_and_an_example() -> None:
    for command in ("verify", "compact", "prune", "reflatten"):
        done = process(command, "--help")
        assert done.code == EXIT_DONE
        assert f"indexer {command}" in done.out
