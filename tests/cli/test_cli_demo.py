"""indexer demo: ends well without AWS, and never overwrites what is not its own."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import boto3
import pytest
from support.commands import COMMAND, Cli, Done, process

pytestmark = pytest.mark.xdist_group("demo")  # one worker: one demo for all of them


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A demo of two nights on a machine without any credentials, behind a proxy that does not answer."""
    folder = tmp_path_factory.mktemp("demo") / "a store"
    env = {"AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "no-such-profile", "HTTP_PROXY": "http://127.0.0.1:9"}
    return folder, process("demo", "--nights", "2", "--store", folder, **env)


@pytest.mark.slow
def test_the_demo_tells_each_night_and_answers(demo: tuple[Path, Done]) -> None:
    folder, done = demo
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^night 1: [\d,]+ pushed, 0 deleted; [\d,]+ images listed, ", done.out, re.MULTILINE)
    assert len(re.findall(r"^night \d+:", done.out, re.MULTILINE)) == 2
    for name in ("registry-totals", "storage-by-repository", "most-shared-layers", "layer-reuse-histogram"):
        assert f"(indexer query {name})" in done.out
    assert f"  export INDEXER_STORE='{folder}'\n" in done.out


@pytest.mark.slow
def test_the_next_commands_work(demo: tuple[Path, Done], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, done = demo
    monkeypatch.setenv("INDEXER_STORE", str(folder))
    commands = re.findall(r"^  indexer (.*)$", done.out, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        words = re.findall(r'"([^"]*)"|(\S+)', command)
        tried = cli(*(quoted or plain for quoted, plain in words))
        assert tried.code == 0, command
        assert tried.out, command


@pytest.mark.slow
def test_a_demo_replaces_an_earlier_one_only(demo: tuple[Path, Done], cli: Cli) -> None:
    folder, _ = demo
    (folder / "letter.txt").write_text("keep me")
    refused = cli("demo", "--nights", "1", "--store", folder)
    assert refused.code == 2
    assert "letter.txt" in refused.err
    (folder / "letter.txt").unlink()
    again = cli("demo", "--nights", "1", "--store", folder)
    assert again.code == 0
    assert len(list((folder / "runs").iterdir())) == 1


def test_another_folder_is_never_touched(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "letter.txt").write_text("dear reader")
    (tmp_path / "file").write_text("")
    for name in ("docs", "file"):
        done = cli("demo", "--store", name)
        assert (done.code, done.out) == (2, "")
        assert f"error: {name} is there and is no demo's store" in done.err
    assert (tmp_path / "docs" / "letter.txt").read_text() == "dear reader"


@pytest.mark.slow
def test_the_registry_stays_up_as_long_as_it_is_wanted(cli: Cli) -> None:
    left = cli.folder / "demo-store"  # by a demo that was stopped while it began, over half of an earlier one
    (left / "layers").mkdir(parents=True)
    (left / "layers" / "20261123T180712.345Z-3f9a2c-00001.parquet").write_bytes(b"PAR1")
    (left / "demo.yaml").write_text("")
    words = [*COMMAND, "demo", "--nights", "1", "--keep-serving"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        said = "".join(running.stderr.readline() for _ in range(4))
        url = re.search(r"http://127.0.0.1:\d+", said)
        assert url is not None
        client = boto3.client("ecr", region_name="eu-west-1", endpoint_url=url[0])
        assert client.describe_repositories()["repositories"]
        again = cli("run", "--config", "demo-store/demo.yaml")
        assert again.code == 0
        assert "; 0 manifests fetched" in again.err
        running.send_signal(signal.SIGINT)
        assert "Next commands to try" in running.stdout.read()
        assert running.stderr.read() == ""
    assert running.returncode == 0


@pytest.mark.slow
def test_a_demo_that_is_stopped_says_so(cli: Cli) -> None:
    with subprocess.Popen([*COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith("A made-up company")
        running.send_signal(signal.SIGTERM)
        assert running.stderr.read() == "error: interrupted: what was committed before is kept\n"
    assert running.returncode == 143
    assert (cli.folder / "demo-store" / "demo.yaml").is_file()


@pytest.mark.parametrize("words", [["--nights", "0"], ["--nights", "many"], ["--sede", "1"]])
def test_wrong_options(cli: Cli, words: list[str]) -> None:
    assert cli("demo", *words).code == 2
    assert list(cli.folder.iterdir()) == []
