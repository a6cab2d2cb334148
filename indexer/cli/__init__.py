"""The `indexer` command. The only importer of typer and rich, and the only reader of the environment.

What is slow to import (boto3, pyarrow, duckdb, pydantic, rich) is imported by the commands that need it, when they run.
The command line itself is imported by `main`, which takes the signals before: typer takes a tenth of a second and more.
What is asked of `indexer` itself, its help and its version, is answered without any of these.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # that of typing takes 5 ms
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

__all__ = ["command", "execute", "main"]


def command() -> NoReturn:
    """Be the `indexer` command: `main`, and the end of the process.

    Not by way of the interpreter's own end, which takes all that was loaded apart, object by object: 0.1 s of 1 s of
    `indexer find`. What is registered for the end is done.
    """
    code = main()
    import atexit  # noqa: PLC0415 - for `command` alone

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # closed, or full; `execute` has told of an answer that is lost
            continue
    atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing ends its processes
    os._exit(code)


def main() -> int:
    """Run the command that the process was started with; return its exit code."""
    from indexer.cli.front_page import answered  # noqa: PLC0415 - for `main` alone

    code = answered(sys.argv[1:])
    if code is not None:
        return code
    from indexer.lean import collect_rarely  # noqa: PLC0415 - after the help has been answered

    collect_rarely()
    import signal  # noqa: PLC0415 - it takes half as long as Python does to start

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
