"""`indexer init`: a config.yaml that explains itself, from flags or from answers. The file of an earlier one stays."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Final, NamedTuple

import typer

from indexer.check import odd_regions
from indexer.cli import output
from indexer.config import parse
from indexer.errors import UsageError

_DEFAULT_STORE: Final = "./store"
_REMARK_AT: Final = 38
_PLAIN: Final = re.compile(r"[A-Za-z./_][A-Za-z0-9./_-]*(:[A-Za-z0-9./_-]+)*")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", ".nan", ".inf", "."})
"""What YAML takes for something else than text."""


class Answers(NamedTuple):
    """What the file is to say; None and an empty list stand for what nobody said."""

    store: str | None
    regions: list[str]
    registry_id: str | None
    profile: str | None
    role_arn: str | None
    external_id: str | None
    endpoint_url: str | None
    include: list[str]
    exclude: list[str]


def write_config(file: str, answers: Answers) -> None:
    """Write the file and say what comes next; UsageError for one that is there, ConfigError for a wrong answer."""
    path = Path(file)
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already, and is left as it is; name another with --config, or edit it")
    if sys.stdin.isatty() and sys.stderr.isatty():
        answers = _ask(answers)
    if not answers.regions:
        raise UsageError("which region? Name one with --region, such as --region eu-west-1; it may be repeated")
    text = rendered(answers)
    config = parse(text, path)  # whatever is wrong is told before there is a file
    try:
        with path.open("x", encoding="utf-8") as written:
            written.write(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    for odd in odd_regions(config):
        output.say(f"warning: {odd}")
    named = "" if file == "config.yaml" else f" --config {path}"
    output.say(f"{path} is written. Next: indexer check{named}, which tries what a run needs, then indexer run{named}")


def rendered(answers: Answers) -> str:
    """Return the text of the file: what was said, and every other key as a remark or with its default."""
    return _TEXT.format(
        store=_scalar(answers.store or _DEFAULT_STORE),
        entry="\n".join(_entry(answers)),
    )


def _entry(answers: Answers) -> list[str]:
    return [
        _line(f"  - regions: {_list(answers.regions)}", "each region of the account is a target of its own"),
        _key(
            "registry_id",
            answers.registry_id and f'"{answers.registry_id}"',
            '"123456789012"',
            "the account; default: the account of the credentials. Keep the quotes.",
        ),
        _key(
            "profile",
            _said(answers.profile),
            "prod-readonly",
            "a profile of ~/.aws; default: the usual chain (environment, instance role, ...)",
        ),
        _key(
            "role_arn",
            _said(answers.role_arn),
            "arn:aws:iam::123456789012:role/manifest-indexer",
            "a role to assume; renewed by itself in long runs",
        ),
        _key("external_id", _said(answers.external_id), "our-secret-word", "if the role asks for one"),
        _key(
            "endpoint_url",
            _said(answers.endpoint_url),
            "https://vpce-0123456789-api.ecr.eu-west-1.vpce.amazonaws.com",
            "a VPC endpoint, a local registry",
        ),
        _line(f"    include: {_list(answers.include or ['*'])}", "repositories, as globs; * also matches /"),
        _line(f"    exclude: {_list(answers.exclude)}", 'for example ["sandbox/*"]'),
    ]


def _key(name: str, said: str | None, example: str, remark: str) -> str:
    return _line(f"    {name}: {said}" if said else f"    # {name}: {example}", remark)


def _line(text: str, remark: str) -> str:
    # At least two blanks: a # without one before it is part of a value.
    return f"{text:<{_REMARK_AT - 2}}  # {remark}".replace("\n", " ")


def _said(text: str | None) -> str | None:
    return None if text is None else _scalar(text)


def _list(items: list[str]) -> str:
    return f"[{', '.join(_scalar(item) for item in items)}]"


def _scalar(text: str) -> str:
    """Return text as YAML has it: plain where that is safe, else as JSON does, which YAML reads too."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)


def _ask(answers: Answers) -> Answers:
    """Ask for what was not said, on the terminal."""
    output.say("A few questions; Enter takes what stands in brackets, and indexer init --help has more.")
    # boto3 takes the region from these two, which the usual tools set.
    near = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return answers._replace(
        store=answers.store or _answer("Where to keep what is learned, a folder", _DEFAULT_STORE),
        regions=answers.regions or _words(_answer("Regions to index, with blanks between", near)),
        profile=answers.profile or _answer("Profile of ~/.aws; none for the usual chain", "") or None,
        role_arn=answers.role_arn or _answer("Role to assume, its ARN; none for no role", "") or None,
        include=answers.include or _words(_answer("Repositories to index, as globs", "*")),
        exclude=answers.exclude or _words(_answer("Repositories to leave out, as globs", "")),
    )


def _answer(question: str, default: str | None) -> str:
    said: str = typer.prompt(question, default=default, err=True, show_default=bool(default))
    return said.strip()


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


_TEXT: Final = """\
# manifest-indexer: what `indexer run` walks, and where it keeps what it learns.
# Only `store` and `registries` (with one of `regions`) are required; everything else shows its default.

# A folder for the Parquet files; a relative path counts from this file's folder.
store: {store}

registries:
{entry}

  # Another account:
  # - regions: [us-east-1, eu-central-1]
  #   registry_id: "210987654321"
  #   role_arn: arn:aws:iam::210987654321:role/manifest-indexer

images:
  tag_status: any                     # any | tagged | untagged
  image_status: any                   # any | active | archived (archived images are listed; ECR does not give their manifests)

fetch:                                # for each target
  connections: 32
  requests_per_second: 100            # production pulls share ECR's quota of 2,000 a second: stay well below
  chunk_size: 100                     # manifests per call, at most 100
  max_attempts: 8                     # of one call, before it counts as failed
  processes: auto                     # how many fetch; auto: one, and up to one per core where there is much to fetch and the rate allows it

queries: null                         # a folder with queries of your own, listed next to the shipped ones
"""  # noqa: E501 - the file's lines as they are
