"""Ctrl-C and SIGTERM, which docker stop, systemd and cron's timeout send, end a command in the same way.

The first signal ends what goes on, and what is in hand is kept; the second only says that this is being done; the third
ends the process where it stands, which a store survives. What takes longer than a moment to end is acknowledged.

Python's handlers run in the main thread when it is in Python. While that is in DuckDB, for minutes maybe, or waits for
calls on their way, a thread that the system tells of signals (signal.set_wakeup_fd) ends the statement, speaks, and
ends the process at the third signal. It also wakes the main thread where that began to wait for a key just as the
signal came: the wait would not see it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final, NoReturn

from indexer.cli import output

INTERRUPTED: Final = 130
TERMINATED: Final = 143


class Terminated(KeyboardInterrupt):
    """What SIGTERM raises in the main thread."""


class Interrupted(Exception):  # noqa: N818 - no error: somebody asked for it
    """A command was stopped; `code` is the exit code. No KeyboardInterrupt, of which typer would make a silent end."""

    def __init__(self, stop: KeyboardInterrupt, what_is_left: str) -> None:
        super().__init__(f"interrupted{what_is_left}")
        self.code = exit_code(stop)


_AT_ONCE: Final = 0.2
"""Seconds within which a command that ends has said all there is to say by ending."""
_STOPPING: Final = "stopping, which may take some seconds"
_OUGHT_TO_END: Final = "stopping: what is in hand is being kept; once more ends at once, without it"


class _Signals:
    """Counts the signals that ask this process to end."""

    def __init__(self) -> None:
        self.count = 0
        self.stop: KeyboardInterrupt | None = None
        self.woken = 0
        """How often the main thread was sent a signal again that the watching thread is still to read of."""
        self.stopping = _STOPPING
        self.say: Callable[[str], object] = output.say

    def __call__(self, number: int, _frame: object) -> None:
        self.count += 1
        if self.stop is None:
            self.stop = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
            raise self.stop
        if self.count > 2:  # noqa: PLR2004 - the second is only answered
            _end(number)


_signals = _Signals()


def take_signals() -> None:
    """Take SIGINT and SIGTERM from now on; one that whoever started the process ignores (nohup) stays ignored."""
    told, telling = os.pipe()
    os.set_blocking(telling, False)
    signal.set_wakeup_fd(telling, warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(told,), name="signals", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _signals)


def _end(number: int) -> NoReturn:
    """End the process where it stands, and give the terminal back the cursor that a progress bar hides."""
    if os.isatty(2):
        os.write(2, b"\x1b[?25h\n")
    os._exit(TERMINATED if number == signal.SIGTERM else INTERRUPTED)


def _watch(told: int) -> None:
    """Do what must not wait for the main thread; `told` gives the number of each signal as a byte."""
    count = 0
    while number := os.read(told, 1):
        if number[0] not in {signal.SIGINT, signal.SIGTERM}:
            continue
        if _signals.woken:  # our own
            _signals.woken -= 1
            continue
        count += 1
        if count == 1:
            waking = threading.Timer(_AT_ONCE / 2, _wake, [number[0]])
            waking.daemon = True
            waking.start()
        interrupt = getattr(sys.modules.get("indexer.catalog"), "interrupt", None)  # None where it is not loaded
        if count == 1 and interrupt is not None:
            interrupt()
        if count > 2:  # noqa: PLR2004 - as above
            _end(number[0])
        # In a thread of its own: nobody may read stderr, and the next signal must not wait for that.
        speaking = threading.Timer(
            *((_AT_ONCE, _say, [_signals.stopping]) if count == 1 else (0, _say, [_OUGHT_TO_END]))
        )
        speaking.daemon = True
        speaking.start()


def _wake(number: int) -> None:
    """Send the signal once more to a main thread that has not taken it: that ends the wait of a system call."""
    if _signals.stop is None:
        _signals.woken += 1
        _signals.count -= 1  # nobody pressed anything; where both are taken as one, the watching thread counts right
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def _say(text: str) -> None:
    _signals.say(text)


def acknowledge_by(say: Callable[[str], object], stopping: str) -> None:
    """Have `say` say what is `stopping` where that takes more than a moment; without it, that is a line on stderr."""
    _signals.say, _signals.stopping = say, stopping


def asked_to_end() -> KeyboardInterrupt | None:
    """Return what the first signal raised, None where none has come."""
    return _signals.stop


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a command that was stopped: 128 and the signal's number, as shells say it."""
    return TERMINATED if isinstance(stop, Terminated) else INTERRUPTED
