"""The command that is told of a run that did not go well."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from indexer.outcome.outcome import Outcome

HOOK_SECONDS: Final = 60.0
"""How long the command may take before it is ended."""
_SHOWN: Final = 2_000
_LAST_WORDS: Final = 2.0


class Hooked(NamedTuple):
    """What became of the command: its exit code (None: ended for taking too long), and the end of what it said."""

    code: int | None
    said: str


def variables(outcome: Outcome) -> dict[str, str]:
    """Return what the command finds in its environment; empty for what is not known."""
    facts = {
        "INDEXER_RESULT": outcome.result.value,
        "INDEXER_EXIT_CODE": outcome.exit_code,
        "INDEXER_ERROR": outcome.error,
        "INDEXER_RUN_ID": outcome.run_id,
        "INDEXER_FAILURES": outcome.failures,
        "INDEXER_STORE": outcome.store,
    }
    # An environment holds no NUL, and the whole of it has to fit.
    return {name: "" if value is None else str(value).replace("\0", "")[:_SHOWN] for name, value in facts.items()}


def call_hook(command: str, environment: Mapping[str, str], *, seconds: float = HOOK_SECONDS) -> Hooked:
    """Run `command` with the shell, in `environment`, for at most so long; it never raises for what the command does.

    The command is in a group of its own, so that what it started ends with it.
    """
    with subprocess.Popen(  # noqa: S603 - the command is the user's own, as in a crontab
        ["/bin/sh", "-c", command],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as hook:
        try:
            said, _ = hook.communicate(timeout=seconds)
            code: int | None = hook.returncode
        except subprocess.TimeoutExpired:
            said, code = _end(hook), None
        except BaseException:
            _end(hook)
            raise
    return Hooked(code, said.decode(errors="replace").strip()[-_SHOWN:])


def _end(hook: subprocess.Popen[bytes]) -> bytes:
    with suppress(ProcessLookupError):
        os.killpg(hook.pid, signal.SIGKILL)
    try:
        said, _ = hook.communicate(timeout=_LAST_WORDS)
    except subprocess.TimeoutExpired:  # something that left the group holds the pipe
        return b""
    return said
