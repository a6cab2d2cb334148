"""Ctrl-C at any moment: acknowledged soon, one line at the end, and never a traceback."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.commands import COMMAND, process
from support.manifests import image
from support.pages import ROOT

from indexer.local_ecr import Fault, Registry, Server

NOTHING = "error: interrupted before anything was done\n"
STOPPING = "stopping: what is in hand is being kept, which may take some seconds"


def _run(folder: Path, *words: str) -> tuple[int, list[str]]:
    """Run against a registry that hangs, with Ctrl-C at the first fetch; return the exit code and what it said."""
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("c", [("base", 10)]), tags=["1"])
    with Server([registry]) as server:
        server.faults.add(Fault("hang", operation="BatchGetImage", seconds=4))
        entry = f"registries:\n  - regions: [eu-west-1]\n    endpoint_url: {server.url}\n"
        (folder / "config.yaml").write_text(f"store: ./store\n{entry}fetch: {{max_attempts: 1}}\n")
        command = [*COMMAND, "run", "--config", str(folder / "config.yaml"), "--quiet", *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
            assert running.stderr is not None
            while not server.calls["BatchGetImage"]:
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            asked = time.monotonic()
            said = [running.stderr.readline()]
            assert time.monotonic() - asked < 3.5, "the call on its way takes longer"
            said += running.stderr.read().splitlines(keepends=True)
    return running.returncode, said


def test_a_run_acknowledges_and_ends_with_one_line(tmp_path: Path) -> None:
    kept = "interrupted: this run is not committed, but the manifests it fetched are kept; run it again\n"
    assert _run(tmp_path) == (130, [f"{STOPPING}\n", kept])


def test_a_listing_that_is_broken_off_is_no_whole_one(tmp_path: Path) -> None:
    """At a low rate, where calls wait for their turn: they end at once, and nothing is said of what was not listed."""
    registry = Registry()
    for number in range(30):
        registry.create_repository(f"app{number:02d}")
        registry.put_image(f"app{number:02d}", image(f"c{number}", [("base", 10)]), tags=["1"])
    with Server([registry]) as server:
        entry = (
            f"registries:\n  - regions: [eu-west-1]\n    endpoint_url: {server.url}\n    include: ['app*', 'lost*']\n"
        )
        (tmp_path / "config.yaml").write_text(f"store: ./store\n{entry}fetch: {{requests_per_second: 2}}\n")
        command = [*COMMAND, "run", "--config", str(tmp_path / "config.yaml")]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
            while server.calls["DescribeImages"] < 2:
                time.sleep(0.02)
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.endswith("interrupted: nothing was fetched yet\n")
    assert "fetching" not in said
    assert server.calls["DescribeImages"] < 10
    assert server.calls["BatchGetImage"] == 0


def test_machines_are_told_in_objects(tmp_path: Path) -> None:
    code, said = _run(tmp_path, "--log-format", "json")
    assert code == 130
    assert [json.loads(line)["event"] for line in said] == ["stopping", "interrupted"]
    assert json.loads(said[0])["text"] == STOPPING


def _script(text: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", f"import os, signal, sys\n{text}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_while_the_words_are_read(number: str, code: int) -> None:
    done = _script(
        "import typer.core\n"
        "from indexer.cli import main\n"
        "sys.argv = ['indexer', 'status']\n"
        f"typer.core.TyperGroup.parse_args = lambda *_: os.kill(os.getpid(), signal.{number})\n"
        "sys.exit(main())"
    )
    assert (done.returncode, done.stderr) == (code, NOTHING)


@pytest.mark.parametrize("how", ["raise", "raise ImportError('half') from None"])
def test_while_a_module_is_loaded(tmp_path: Path, how: str) -> None:
    """A module in C makes an error of its own of it."""
    (tmp_path / "duckdb.py").write_text(
        f"import os, signal\ntry:\n    os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt:\n    {how}\n"
    )
    done = process("query", PYTHONPATH=os.pathsep.join([str(tmp_path), str(ROOT)]))
    assert done == (130, "", "error: interrupted: what was committed before is kept\n")


def test_after_its_commit_a_run_is_not_said_to_be_lost(tmp_path: Path) -> None:
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", b"{}", tags=["odd"])
    with Server([registry]) as server:
        entry = f"registries:\n  - regions: [eu-west-1]\n    endpoint_url: {server.url}\n"
        (tmp_path / "config.yaml").write_text(f"store: ./store\n{entry}")
        done = _script(
            "import indexer.cli.run as run\n"
            "from indexer.cli import main\n"
            "run.OpenStore = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)  # as soon as it counts failures\n"
            f"sys.argv = ['indexer', 'run', '--config', {str(tmp_path / 'config.yaml')!r}]\n"
            "sys.exit(main())"
        )
    assert done.returncode == 3
    assert ", incomplete: 1 failure\n" in done.stderr
    assert "not committed" not in done.stderr


def test_the_signals_are_taken_before_anything_slow_is_loaded() -> None:
    script = "import sys; sys.path[:0] = sys.argv[1:]; import indexer.cli; print(*sys.modules)"
    words = [sys.executable, "-I", "-S", "-c", script, str(ROOT)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert {"pathlib", "typing", "typer"}.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("key", [b"\x03", b"\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_at_a_question_of_init(tmp_path: Path, key: bytes) -> None:
    ours, theirs = pty.openpty()  # both stay open: what is written right before the last one closes may be lost
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "cwd": tmp_path}
    program = (
        "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
    )
    words = [sys.executable, "-c", program, sys.executable, *COMMAND[1:], "init"]
    with subprocess.Popen(words, start_new_session=True, **ends) as asking:  # type: ignore[call-overload]  # as one
        shown = b""
        while b"]:" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, key)
        assert asking.wait(timeout=60) == 130
        while select.select([ours], [], [], 1)[0]:
            shown += os.read(ours, 1024)
    os.close(ours)
    os.close(theirs)
    assert "error: interrupted: nothing was written" in shown.decode()
    assert not (tmp_path / "config.yaml").exists()


_AFTER = """
from pathlib import Path
from indexer.store.files import Disk
from indexer.store.writer import Writer
from indexer.cli.voice import Voice
from indexer.cli import main
close, tell, rename = Writer.close, Voice.tell, Disk.rename
def renamed(self, source, target):
    rename(self, source, target)
    if target.parent.name == "runs":
        os.kill(os.getpid(), signal.SIGINT)
def signalled(self):
    close(self)
    os.kill(os.getpid(), signal.SIGINT)
def telling(self, event, *others):
    if event == "finished":
        os.kill(os.getpid(), signal.SIGINT)
    tell(self, event, *others)
{which}
sys.argv = ["indexer", "run", "--config", {config!r}, "--summary-file", {summary!r}]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("which", "code"),
    [("Disk.rename = renamed", 0), ("Writer.close = signalled", 0), ("Voice.tell = telling", 130)],
    ids=["committing", "closing", "telling"],
)
def test_after_its_commit_a_run_is_one_that_was_committed(tmp_path: Path, which: str, code: int) -> None:
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("c", [("base", 10)]), tags=["1"])
    config, summary = tmp_path / "config.yaml", tmp_path / "summary.json"
    with Server([registry]) as server:
        config.write_text(
            f"store: {tmp_path / 'store'}\nregistries:\n  - regions: [eu-west-1]\n    endpoint_url: {server.url}\n"
        )
        done = _script(_AFTER.format(which=which, config=str(config), summary=str(summary)))
    assert done.returncode == code, done.stderr
    assert "not committed" not in done.stderr
    told = json.loads(summary.read_text())
    assert (told["committed"], told["exit_code"]) == (True, 0)
