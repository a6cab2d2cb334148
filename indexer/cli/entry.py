"""From the process to a command and back: errors become lines on stderr and exit codes, never tracebacks."""

from __future__ import annotations

import errno
import os
import re
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import Any

import typer

from indexer.cli import output
from indexer.cli.app import app
from indexer.cli.group import narrowed
from indexer.cli.signals import INTERRUPTED, TERMINATED, Interrupted, asked_to_end, exit_code, take_signals
from indexer.errors import EXIT_DONE, EXIT_FAILED, EXIT_USAGE, IndexerError, UsageError
from indexer.lean import without_pandas

_DEBUG = "--debug"
_LOCALE = "LC_ALL=C.UTF-8"
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_FILE = re.compile(r"Got unexpected extra argument\(s\) \((\S+\.ya?ml)\)")
_VALUE = re.compile(r"Got unexpected extra argument\(s\) \((\S+=\S*)\)")
_NO_TEXT = re.compile("[\udc80-\udcff]")
"""What Python makes of bytes that it cannot read as text."""
_WORDS = (
    ("Input should be a valid integer, unable to parse string as an integer", "expected a whole number"),
    ("Input should be greater than or equal to ", "expected at least "),
    ("Input should be less than or equal to ", "expected at most "),
    ("Input should be ", "expected "),
    ("Value error, ", ""),
)


def main() -> int:
    """Run the command that the process was started with; return its exit code."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stand-in that somebody put there
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # as above
    # Before pyarrow is loaded, and for the processes that a run starts: its own pools keep 100 MB of what a run had.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    without_pandas()
    take_signals()
    code = execute(sys.argv[1:])
    if code in {INTERRUPTED, TERMINATED} or _still_working():
        # Not through the end of the interpreter: it would wait for a thread whose call hangs, until that times out.
        with suppress(OSError):  # `execute` has told of it
            sys.stdout.flush()
        os._exit(code)
    return code


def _open_what_is_closed() -> None:
    """Open in its place each of the three streams that whoever started the process closed.

    Python has None for one then, and the next file that is opened would have its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))


def _still_working() -> bool:
    """Whether a thread is left of what the command did: a run that failed does not wait for all its calls."""
    own = threading.main_thread()
    return any(thread is not own and not thread.daemon for thread in threading.enumerate())


def execute(arguments: Sequence[str]) -> int:
    """Run `indexer` with `arguments`; return the exit code (indexer.errors), 130 after Ctrl-C."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except (output.ReaderGone, BrokenPipeError):
        output.forget_stdout()
        return EXIT_DONE
    except OSError as error:
        return _unwritten(error)
    return code


def _run(arguments: Sequence[str]) -> int:
    try:
        _check_text(arguments)
        result = narrowed(app, arguments)(list(arguments), prog_name="indexer", standalone_mode=False)
    except IndexerError as error:
        return _told(str(error), error.exit_code)
    except Interrupted as stop:
        return _told(str(stop), stop.code)
    except (KeyboardInterrupt, typer.Abort) as stop:
        return _stopped(stop)
    except (output.ReaderGone, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: a bug, which a user need not see as a traceback
        if hasattr(error, "format_message"):  # typer's own, for words on the command line that it cannot take
            return _told(_usage(error), EXIT_USAGE)
        return _unexpected(error, arguments)
    return result if isinstance(result, int) else EXIT_DONE


def _unwritten(error: OSError) -> int:
    """Say that stdout takes no more, and see that the end of the interpreter does not try again."""
    output.forget_stdout()
    return _told(f"cannot write the answer: {error.strerror or error}", EXIT_FAILED)


def _check_text(arguments: Sequence[str]) -> None:
    """Raise UsageError for an argument that is not text in the locale's encoding."""
    strange = next((each for each in arguments if not each.isascii() and _NO_TEXT.search(each)), None)
    if strange is not None:
        said = strange.encode(errors="backslashreplace").decode()
        encoding = sys.getfilesystemencoding()
        locale = "" if encoding == "utf-8" else f", the encoding of this locale; set one with UTF-8, such as {_LOCALE}"
        raise UsageError(f"{said} is no text in {encoding}{locale}")


def _told(message: str, code: int) -> int:
    output.say(f"error: {message}")
    return code


def _stopped(stop: KeyboardInterrupt | typer.Abort) -> int:
    """Say of what was stopped that it left nothing: no command had begun, or one was waiting for an answer."""
    if isinstance(stop, KeyboardInterrupt):
        return _told("interrupted before anything was done", exit_code(stop))
    signaled = asked_to_end()  # None for Ctrl-D
    return _told("interrupted: nothing was written", INTERRUPTED if signaled is None else exit_code(signaled))


def _usage(error: Any) -> str:
    """Return typer's message with the nearest option, and the help that says more."""
    message = _in_our_words(error.format_message().rstrip("."))
    context = getattr(error, "ctx", None)
    if context is None:
        return str(message)
    option = getattr(error, "option_name", None)
    if option is not None and "Did you mean" not in message and "Possible" not in message:
        known = [name for each in context.command.params for name in each.opts if name.startswith("--")]
        nearest = get_close_matches(option, known, n=1)
        message += f"; did you mean {nearest[0]}?" if nearest else _after_the_command(option, context.command)
    elif (file := _FILE.fullmatch(message)) and any("--config" in each.opts for each in context.command.params):
        message += f"; did you mean --config {file[1]}?"
    elif (value := _VALUE.fullmatch(message)) and any("-p" in each.opts for each in context.command.params):
        message += f"; did you mean -p {value[1]}?"
    return f"{message}\n{context.command_path} --help shows what there is"


def _after_the_command(option: str, command: Any) -> str:
    """Say where an option belongs that stands before the command it is of."""
    commands = getattr(command, "commands", {})
    taking = [name for name, each in commands.items() if any(option in param.opts for param in each.params)]
    named = "status" if "status" in taking else next(iter(taking), None)
    return "" if named is None else f"; it goes after the command: indexer {named} {option} ..."


def _in_our_words(message: str) -> str:
    """Return typer's message without the words of the library that it checks values with."""
    for theirs, ours in _WORDS:
        message = message.replace(theirs, ours)
    return message


def _unexpected(error: Exception, arguments: Sequence[str]) -> int:
    if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
        return _unwritten(error)
    if _DEBUG in arguments or os.environ.get("INDEXER_DEBUG", "0") not in {"", "0"}:
        output.say("".join(traceback.format_exception(error)).rstrip())
        return EXIT_FAILED
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return _told(f"this should not have happened: {said}\nset INDEXER_DEBUG=1 to see where, and report it", EXIT_FAILED)
