"""Runs a program many times without paying for its imports each time: they are made once, each run is a fork.

As a module it is the test's side; as a script it is the process that forks, told what to run line by line on stdin.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.commands import Done


class Forked:
    """A program, given as `module:function`, that takes its words from sys.argv and returns its exit code."""

    def __init__(self, program: str, folder: Path, *, warm: Sequence[str]) -> None:
        """`warm` is run first, without a fork: what it imports is there for all runs."""
        self._folder = folder
        words = [sys.executable, str(Path(__file__)), program, *warm]
        path = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
        )

    def __call__(self, words: Sequence[str], env: Mapping[str, str]) -> Done:
        """Run the program in the folder with exactly the environment `env`; its output goes to files."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"words": list(words), "env": dict(env), "folder": str(self._folder)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        out, err = ((self._folder / name).read_bytes().decode() for name in ("stdout", "stderr"))
        return Done(code, out, err)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


def _serve(program: str, warm: Sequence[str]) -> None:
    module, _, name = program.partition(":")
    before = dict(os.environ)
    function = getattr(import_module(module), name)
    own = {key: value for key, value in os.environ.items() if before.get(key) != value}  # what the import itself sets
    orders, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv = list(warm)
    function()
    sys.stdout.flush()
    gc.freeze()
    for line in orders:
        child = os.fork()
        if child == 0:
            _run(function, json.loads(line), own)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _run(function: Any, order: Mapping[str, Any], own: Mapping[str, str]) -> None:
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update({**own, **order["env"]})
    for descriptor, path in ((0, os.devnull), (1, "stdout"), (2, "stderr")):
        flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        opened = os.open(path, flags)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = order["words"]
    try:
        code = function()
    except SystemExit as stop:
        code = stop.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2:])
