"""The `indexer` command. The only importer of typer and rich, and the only reader of the environment.

What is slow to import (boto3, pyarrow, duckdb, pydantic, rich) is imported by the commands that need it, when they run.
The command line itself is imported by `main`, which takes the signals before: typer takes a tenth of a second and more.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

__all__ = ["execute", "main"]


def main() -> int:
    """Run the command that the process was started with; return its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    from indexer.cli.entry import main as enter  # noqa: PLC0415 - after the signals are taken

    return enter()


def execute(arguments: Sequence[str]) -> int:
    """Run `indexer` with `arguments`; return the exit code (indexer.errors), 130 after Ctrl-C."""
    from indexer.cli.entry import execute as run  # noqa: PLC0415 - as above

    return run(arguments)


def _leave(number: int, _frame: object) -> None:
    """End the process while it is being loaded: no command has begun, so there is nothing to keep."""
    os.write(2, b"error: interrupted before anything was done\n")
    os._exit(128 + number)
