"""Runs the command: in this process, in one of its own, and in a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from indexer.cli import execute

COMMAND = (sys.executable, "-m", "indexer")


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str = ""


class Cli:
    """The command in this process, in a folder of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.folder = folder
        self._capsys = capsys
        monkeypatch.chdir(folder)
        monkeypatch.setenv("TZ", "UTC")
        monkeypatch.delenv("COLUMNS", raising=False)  # some terminals and packages set it

    def __call__(self, *arguments: str | Path) -> Done:
        self._capsys.readouterr()
        code = execute([str(argument) for argument in arguments])
        return Done(code, *self._capsys.readouterr())


def process(*arguments: str | Path, stdin: str = "", **env: str) -> Done:
    """Run the command in a process of its own, its output in pipes."""
    words = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=_env(env))
    return Done(done.returncode, done.stdout, done.stderr)


def terminal(*arguments: str | Path, columns: int = 80, **env: str) -> Done:
    """Run the command in a terminal `columns` wide; `out` is all that it shows, line ends as \\n."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    words = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env=_env(env)) as running:
        os.close(theirs)
        shown = _read_all(ours)
    os.close(ours)
    return Done(running.returncode, shown.decode().replace("\r\n", "\n"))


def _read_all(descriptor: int) -> bytes:
    shown = b""
    while True:
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # Linux's way to say that the other end was closed
            return shown
        if not data:
            return shown
        shown += data


def _env(more: Mapping[str, str]) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    return {**env, "TERM": "xterm-256color", "TZ": "UTC", **more}
