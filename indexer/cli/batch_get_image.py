"""`indexer batch-get-image`: the AWS CLI's `aws ecr batch-get-image`, with the same words, output and exit codes."""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import indexer
from indexer.aws_cli import Invocation, parse, render, request
from indexer.aws_cli.output import as_json
from indexer.cli import output
from indexer.ecr.verbatim import Verbatim, Way
from indexer.errors import EXIT_AWS_CLI, EXIT_DONE, AwsCliError

_STORE_VARIABLE = "INDEXER_STORE"
_FILES = ("file://", "fileb://")
_NO_TERMINAL = 80


def batch_get_image(words: Sequence[str]) -> int:
    """Do what the words after the command's name say; return the exit code, which is that of the AWS CLI."""
    try:
        return _done(parse(words))
    except AwsCliError as error:
        output.say(str(error))
        return error.exit_code


def _done(asked: Invocation) -> int:
    if asked.version:
        output.emit(f"manifest-indexer {indexer.__version__}\n")
        return EXIT_DONE
    made = request(asked, _load)
    ecr = Verbatim(_way(asked))
    if asked.skeleton == "input":
        output.emit(as_json(ecr.skeleton()))
        return EXIT_DONE
    if asked.skeleton == "output":
        _print(ecr.sample(made), asked, ecr)
        return EXIT_DONE
    if asked.from_store:
        return _from_store(made, asked, ecr)
    answer = ecr.ask(made)
    _print(answer, asked, ecr)
    return _complete(_unanswered(made, answer), "ECR's answer says nothing about")


def _from_store(made: Mapping[str, Any], asked: Invocation, ecr: Verbatim) -> int:
    from indexer.cli.places import open_store  # noqa: PLC0415 - duckdb, pyarrow: half of the time that a call takes
    from indexer.front import stored_batch  # noqa: PLC0415 - as above

    ecr.check(made)
    with open_store(asked.config, asked.store or os.environ.get(_STORE_VARIABLE)) as store:
        batch = stored_batch(store, made, region=ecr.region)
    output.note(f"from {batch.place} as listed at {batch.listed_at:%Y-%m-%d %H:%M} UTC; ECR was not asked")
    _print(batch.answer, asked, ecr)
    return _complete(batch.unanswered, "the store cannot answer for")


def _complete(unanswered: Sequence[str], said: str) -> int:
    """Say which of the requested ids have no answer, which the AWS CLI does not look at; return the exit code."""
    for what in unanswered:
        output.say(f"{said} {what}")
    return EXIT_AWS_CLI if unanswered else EXIT_DONE


def _unanswered(made: Mapping[str, Any], answer: Mapping[str, Any]) -> list[str]:
    """The requested ids that are neither in `images` nor in `failures`."""
    told = {part for name in ("images", "failures") for item in answer[name] for part in _parts(item.get("imageId"))}
    asked = {tuple(parts): None for each in made["imageIds"] if (parts := _parts(each))}
    return [", ".join(f"{name}={value}" for name, value in parts) for parts in asked if not told.issuperset(parts)]


def _parts(image_id: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in (image_id or {}).items() if value is not None]


def _print(answer: Mapping[str, Any], asked: Invocation, ecr: Verbatim) -> None:
    color = asked.color == "on" or (asked.color == "auto" and output.on_terminal())
    output.emit(render(answer, asked.output or ecr.output, search=asked.search, width=_width(), color=color))


def _width() -> int:
    """The columns of the terminal that stdout is, whatever COLUMNS says: the AWS CLI does not look at it."""
    with suppress(OSError, ValueError):
        return os.get_terminal_size(sys.stdout.fileno()).columns
    return _NO_TERMINAL


def _way(asked: Invocation) -> Way:
    return Way(
        profile=asked.profile,
        region=asked.region,
        endpoint_url=asked.endpoint_url,
        verify=asked.verify,
        sign=asked.sign,
        read_timeout=asked.read_timeout,
        connect_timeout=asked.connect_timeout,
        debug=asked.debug,
    )


def _load(word: str) -> str | None:
    """Return the text of the file that a file:// value names; OSError or ValueError in the AWS CLI's words."""
    prefix = next((each for each in _FILES if word.startswith(each)), None)
    if prefix is None:
        return None
    path = os.path.expandvars(os.path.expanduser(word.removeprefix(prefix)))  # noqa: PTH111 - as the AWS CLI: variables too
    try:
        with open(path, encoding=locale.getpreferredencoding()) as file:  # noqa: PTH123 - its messages show the path as given
            return file.read()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"Unable to load paramfile ({path}), text contents could not be decoded.  If this is a binary file, "
            "please use the fileb:// prefix instead of the file:// prefix."
        ) from error
    except OSError as error:
        raise OSError(f"Unable to load paramfile {word}: {error}") from error
