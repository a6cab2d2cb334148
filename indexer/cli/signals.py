"""SIGTERM, which docker stop, systemd and cron's timeout send, ends a command as Ctrl-C does."""

from __future__ import annotations

import signal
from typing import Final

INTERRUPTED: Final = 130
TERMINATED: Final = 143


class Terminated(KeyboardInterrupt):
    """What SIGTERM raises in the main thread."""


def take_sigterm() -> None:
    """Let SIGTERM raise Terminated from now on."""
    signal.signal(signal.SIGTERM, _terminate)


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was stopped: 128 and the signal's number, as shells say it."""
    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED


def _terminate(*_: object) -> None:
    raise Terminated
