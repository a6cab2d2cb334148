"""What must hold whoever listens and whatever happens: exit codes, other people's stores, what figures leave out."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from support.commands import COMMAND, process
from support.manifests import image

from indexer.local_ecr import Registry, Server


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    for number in range(4):
        registry.put_image("team/app", image(f"config {number}", {f"layer {number}": 1}), tags=[f"v{number}"])
    return registry


def configured(folder: Path, server: Server, **more: object) -> Path:
    path = folder / "config.yaml"
    entry = {"regions": ["eu-west-1"], "endpoint_url": server.url}
    path.write_text(yaml.safe_dump({"store": "./store", "registries": [entry], **more}), encoding="utf-8")
    return path


@pytest.mark.parametrize("redirect", ["2>&-", "2>&1 | true"])
def test_the_exit_code_does_not_depend_on_who_listens(tmp_path: Path, redirect: str) -> None:
    command = f"{sys.executable} -m indexer run --config {tmp_path}/nowhere.yaml {redirect}"
    script = f"set -o pipefail; {command}; exit ${{PIPESTATUS[0]}}"
    if "|" in redirect:
        script = f"{command}; exit ${{PIPESTATUS[0]}}"
    assert subprocess.run(["bash", "-c", script], check=False).returncode == 2


@pytest.mark.parametrize("full", [False, True], ids=["nobody listens", "no space left"])
@pytest.mark.parametrize(("repository", "code"), [("team/app", 0), ("nothing/*", 3)])
def test_a_stderr_that_takes_nothing_changes_no_exit_code(
    registry: Registry, tmp_path: Path, full: bool, repository: str, code: int
) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    if full and not Path("/dev/full").exists():
        pytest.skip("there is no device here that is always full")
    reading, writing = os.pipe()
    os.close(reading)
    if full:
        os.close(writing)
        writing = os.open("/dev/full", os.O_WRONLY)
    with Server([registry]) as server:
        path = tmp_path / "config.yaml"
        entry = {"regions": ["eu-west-1"], "endpoint_url": server.url, "include": [repository]}
        path.write_text(yaml.safe_dump({"store": "./store", "registries": [entry]}), encoding="utf-8")
        done = subprocess.run([*COMMAND, "run", "--config", path], stderr=writing, env=env, check=False)
    os.close(writing)
    assert done.returncode == code
    assert len(list((tmp_path / "store" / "runs").iterdir())) == 1, "the run is committed"


@pytest.mark.parametrize("redirect", [">&-", ">&- 2>&-"])
def test_a_closed_stdout_does_not_turn_what_was_done_into_an_error(
    registry: Registry, tmp_path: Path, redirect: str
) -> None:
    with Server([registry]) as server:
        path = configured(tmp_path, server)
        command = f"{sys.executable} -m indexer run --config {path} {redirect}"
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="writes to a device of Linux that is always full")
def test_a_full_stdout_is_told(tmp_path: Path) -> None:
    command = f"{sys.executable} -m indexer query >/dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("error: cannot write the answer: No space left on device\n")


def test_a_closed_stdin_is_an_empty_one(tmp_path: Path) -> None:
    command = f"{sys.executable} -m indexer sql - --store {tmp_path} <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "should not have happened" not in done.stderr


def test_an_argument_that_is_no_text_is_told(tmp_path: Path) -> None:
    words = [sys.executable.encode(), b"-m", b"indexer", b"find", b"pr\xff/x:1"]
    done = subprocess.run(words, capture_output=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (2, b"error: pr\\udcff/x:1 is no text in utf-8")


@pytest.mark.slow
def test_sigterm_ends_a_run_as_ctrl_c_does(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        server.latency = 0.3
        path = configured(tmp_path, server, fetch={"connections": 1, "chunk_size": 1})
        with subprocess.Popen([*COMMAND, "run", "--config", path], stderr=subprocess.PIPE) as running:
            while server.calls["BatchGetImage"] < 2:
                time.sleep(0.02)
            running.send_signal(signal.SIGTERM)
            _, said = running.communicate(timeout=60)
        assert running.returncode == 143
        assert b"Traceback" not in said
        assert b"kept" in said
        fetched = server.calls["BatchGetImage"]
        server.latency = 0.0
        assert process("run", "--config", path).code == 0
        assert server.calls["BatchGetImage"] < fetched + 4, "what was fetched before is not fetched again"


@pytest.mark.slow
def test_status_names_what_a_run_kept_that_was_not_committed(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        server.latency = 0.2
        path = configured(tmp_path, server, fetch={"connections": 1, "chunk_size": 1})
        with subprocess.Popen([*COMMAND, "run", "--quiet", "--config", path], stderr=subprocess.PIPE) as running:
            while server.calls["BatchGetImage"] < 2:
                time.sleep(0.02)
            running.send_signal(signal.SIGTERM)
            running.communicate(timeout=60)
        told = process("status", "--config", path)
        assert told.code == 0
        assert "no run is committed yet" in told.err
        assert re.search(r"; \d+ manifests? of a run that is not committed are kept, the newest of 20", told.err)
        server.latency = 0.0
        assert process("run", "--quiet", "--config", path).code == 0
    assert "\nkept" not in process("status", "--config", path).out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["status", "--limit", "x"], "expected a whole number"),
        (["demo", "--nights", "0"], "expected at least 1"),
        (["demo", "--nights", "61"], "expected at most 60"),
        (["status", "--format", "xx"], "'xx' is not one of 'table', 'json', 'csv', 'markdown'"),
    ],
)
def test_wrong_values_are_told_in_plain_words(words: list[str], told: str) -> None:
    done = process(*words)
    assert done.code == 2
    assert done.err.splitlines()[0].endswith(f": {told}")


def test_an_option_before_its_command_is_told_where_it_goes() -> None:
    done = process("--store", "somewhere", "status")
    assert done.code == 2
    assert "--store; it goes after the command: indexer status --store ...\n" in done.err


@pytest.mark.parametrize("words", [[], ["query"], ["query", "registry-totals"]])
def test_short_help_is_help(words: list[str]) -> None:
    short = process(*words, "-h")
    assert (short.code, short.err) == (0, "")
    assert short.out == process(*words, "--help").out


def test_a_real_run_does_not_go_into_a_demo_store(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        path = configured(tmp_path, server)
        assert process("run", "--config", path).code == 0
        (tmp_path / "store" / "demo.yaml").write_text("", encoding="utf-8")
        done = process("run", "--config", path)
    assert done.code == 2
    assert "a store of indexer demo, which the next demo replaces" in done.err


def test_explain_analyze_runs_nothing(registry: Registry, tmp_path: Path) -> None:
    with Server([registry]) as server:
        path = configured(tmp_path, server)
        assert process("run", "--config", path).code == 0
    victim = next((tmp_path / "store" / "manifests").iterdir())
    before = victim.read_bytes()
    trick = f"explain analyze /* /* */ select 1 -- */ copy (select 1 as x) to '{victim}' (format parquet)"
    done = process("sql", trick, "--config", path)
    assert done.code == 2
    assert "explain analyze is not allowed" in done.err
    assert victim.read_bytes() == before
    assert process("sql", "explain select 1", "--config", path).code == 0


def test_every_answer_says_what_it_cannot_know(registry: Registry, tmp_path: Path) -> None:
    registry.create_repository("team/late")
    registry.put_image("team/late", image("late", {"layer": 1}), tags=["x"])
    with Server([registry]) as server:
        path = configured(tmp_path, server)
        assert process("run", "--config", path).code == 0
        quiet = process("query", "layer-reuse-histogram", "--config", path)
        assert (quiet.code, quiet.err) == (0, "")
        digest = next(iter(registry.repositories["team/app"].images))
        fresh = registry.put_image("team/app", image("new", {"layer": 1}))
        registry.set_status("team/app", fresh, "ARCHIVED")
        registry.deny("DescribeImages", "team/late")
        assert process("run", "--config", path).code == 3
        told = process("query", "layer-reuse-histogram", "--config", path)
    assert "left out: 1 image of unknown content" in told.err
    assert "not current: 1 repository not listed by the newest run, as of" in told.err
    assert digest.startswith("sha256:")
