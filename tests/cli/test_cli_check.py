"""indexer check: its page, its JSON, its exit codes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import Cli
from support.manifests import image

from indexer.local_ecr import Registry, Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("c", [("base", 10)]), tags=["1"])
    with Server([registry]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server


@pytest.fixture
def config(cli: Cli, server: Server) -> Path:
    assert cli("init", "--region", "eu-west-1", "--endpoint-url", server.url).code == 0
    return cli.folder / "config.yaml"


def test_what_init_wrote_passes_check_and_runs(cli: Cli, config: Path) -> None:
    done = cli("check")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("This machine\nok       store                     ")
    assert (
        "\n123456789012/eu-west-1\nok       identity                  arn:aws:iam::123456789012:user/local\n"
        in done.out
    )
    assert "note     first run                 1 image; at most 3 calls, about a second at" in done.out
    assert done.out.endswith("\nnothing would fail a run; 1 warning\n")
    assert cli("run", "--quiet").code == 0
    assert "has 1 committed run (" in cli("check").out


def test_what_is_missing_is_printed_as_a_policy(cli: Cli, config: Path, server: Server) -> None:
    server.registries[0].deny("BatchGetImage")
    done = cli("check")
    assert done.code == 1
    assert "\nproblem  ecr:BatchGetImage         AccessDeniedException: " in done.out
    _, _, rest = done.out.partition("An IAM policy for what is missing\n")
    policy, _ = json.JSONDecoder().raw_decode(rest)
    assert policy["Statement"][0]["Action"] == ["ecr:BatchGetImage"]
    assert done.out.endswith("\n1 problem would fail a run, or part of it; 1 warning\n")


def test_findings_are_rows_for_programs(cli: Cli, config: Path, server: Server) -> None:
    server.registries[0].deny("DescribeImages")
    done = cli("check", "--format", "json")
    assert done.code == 1
    rows = json.loads(done.out)
    assert list(rows[0]) == ["target", "subject", "verdict", "text", "advice", "action", "resource"]
    (problem,) = [row for row in rows if row["verdict"] == "problem"]
    assert (problem["target"], problem["action"]) == ("123456789012/eu-west-1", "ecr:DescribeImages")
    assert problem["resource"] == "arn:aws:ecr:eu-west-1:123456789012:repository/*"
    by_line = list(csv.DictReader(io.StringIO(cli("check", "--format", "csv").out)))
    assert [row["text"] for row in by_line] == [row["text"] for row in rows]
    assert cli("check", "--format", "markdown").out.count("\n") == len(rows) + 2


def test_a_wrong_config_is_exit_code_2_and_calls_nothing(cli: Cli, config: Path, server: Server) -> None:
    config.write_text(config.read_text().replace("store:", "stor:"))
    done = cli("check")
    assert (done.code, done.out) == (2, "")
    assert not server.calls


def test_a_missing_folder_of_queries_is_a_wrong_config(cli: Cli, config: Path, server: Server) -> None:
    config.write_text(config.read_text().replace("queries: null", "queries: ./mine"))
    for command in ("check", "run"):
        done = cli(command)
        assert done.code == 2
        assert f"queries: there is no folder {cli.folder / 'mine'}; make it, or leave the key out" in done.err
    (cli.folder / "mine").mkdir()
    assert cli("check").code == 0


def test_the_store_of_the_flag_is_the_one_that_is_tried(cli: Cli, config: Path) -> None:
    done = cli("check", "--store", "/proc/nothing")
    assert done.code == 1
    assert "problem  store                     cannot write to /proc" in done.out


def test_a_demos_store_is_refused_as_run_does(cli: Cli, config: Path) -> None:
    (cli.folder / "store").mkdir()
    (cli.folder / "store" / "demo.yaml").write_text("")
    assert cli("check").code == 2
