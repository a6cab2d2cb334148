"""The parts of the command beside the AWS CLI's own, on more and odder input than invocations could be made for."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import jmespath
import pytest
from support.aws_pair import AWS

from indexer.aws_cli import render
from indexer.aws_cli.arguments import parse
from indexer.aws_cli.parameters import request
from indexer.aws_cli.shorthand import ShorthandError
from indexer.aws_cli.shorthand import parse as shorthand
from indexer.aws_cli.table import columns_of
from indexer.errors import AwsCliError, AwsCliUsageError

# In a process of its own: awscli puts its copy of botocore in the place of the one that everybody else imports.
THEIRS_SHORTHAND = """
import json, sys
from awscli.shorthand import ShorthandParser
def told(text):
    try:
        return [ShorthandParser().parse(text), None]
    except Exception as error:
        return [None, str(error)]
print(json.dumps([told(text) for text in json.load(sys.stdin)]))
"""
THEIRS_FORMATS = """
import io, json, sys
from argparse import Namespace
from awscli.formatter import get_formatter
def told(format_, found):
    stream = io.StringIO()
    try:
        query = Namespace(search=lambda answer: found)
        get_formatter(format_, Namespace(query=query, color="off"))("BatchGetImage", {}, stream)
    except Exception as error:
        return [None, str(error)]
    return [stream.getvalue(), None]
print(json.dumps([told(*case) for case in json.load(sys.stdin)]))
"""
PIECES = (
    *"ab=,=,[]{}'\"@\\ \n\t!#~|\x7f\xa0漢😀",
    *("imageTag", "imageDigest", "imageTag=v1", "=a", ",b=", "\\,", "\\'", '\\"', "file://x", "sha256:0", "@=", " = "),
)
QUERIES = (
    "nope",
    "images[].imageManifest",
    "images[0].imageManifest",
    "length(images)",
    "length(images) > `1`",
    "images[0].imageId",
    "{a: images[0].imageId, b: length(failures), c: `null`, d: images[*].imageId.imageTag}",
    "images[?imageId.imageTag == 'zzz']",
    "`{}`",
    "`1.5`",
    "images[].[registryId, imageId.imageTag]",
    "[[images[].registryId, failures[].failureCode], [`1`, `2`]]",
    "images[].{tag: imageId.imageTag, digest: imageId.imageDigest, type: imageManifestMediaType}",
    "[images[0].registryId, images[].registryId]",
    "[images[0].registryId, images[0]]",
    "[images[0], images[0].registryId]",
    "images[].imageId",
    "keys(images[0])",
    "failures",
    "@",
)
ANSWER = {
    "images": [
        {
            "registryId": "123456789012",
            "repositoryName": "team/app",
            "imageId": {"imageDigest": f"sha256:{number:064x}", "imageTag": f"v{number}"},
            "imageManifest": text,
            "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
        }
        for number, text in enumerate(['{"a": "漢字 Jürgen 😀"}', "two\nlines\tand a tab", ""])
    ],
    "failures": [
        {"imageId": {"imageTag": "none"}, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"},
        {"imageId": {}, "failureCode": "MissingDigestAndTag"},
    ],
}

needs_aws = pytest.mark.skipif(not AWS.exists(), reason="the AWS CLI is not installed beside this Python")


def ask_theirs(program: str, cases: Any) -> Any:
    """What the AWS CLI's own functions make of the cases."""
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, input=json.dumps(cases), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def nothing(_: str) -> str | None:
    return None


def told_shorthand(text: str) -> list[Any]:
    try:
        return [shorthand(text, nothing), None]
    except ShorthandError as error:
        return [None, str(error)]


@needs_aws
def test_shorthand_is_the_same_for_any_text() -> None:
    dice = random.Random(7)  # noqa: S311 - the same cases each time
    texts = ["".join(dice.choices(PIECES, k=dice.randint(0, 9))) for _ in range(8000)]
    texts = [text for text in texts if "@" not in text]  # theirs would read files; what @= does is tested for itself
    ours = [told_shorthand(text) for text in texts]
    theirs = ask_theirs(THEIRS_SHORTHAND, texts)
    assert [pair for pair in zip(texts, ours, theirs, strict=True) if pair[1] != pair[2]] == []
    assert sum(error is None for _, error in ours) > 300


def made_up(dice: random.Random, depth: int) -> Any:
    """An odd JSON value."""
    kind = dice.choice("sssnoooolll" if depth else "ool")
    if kind == "s" or depth > 3:
        return dice.choice(["", "a", "漢字", "Jürgen " * 9, "sha256:" + "0" * 64])
    if kind == "n":
        return dice.choice([None, True, 0, 1.5])
    if kind == "o":
        return {dice.choice(["a", "b", "Name", "漢"]): made_up(dice, depth + 1) for _ in range(dice.randint(0, 4))}
    return [made_up(dice, depth + 1) for _ in range(dice.randint(0, 4))]


@needs_aws
def test_outputs_are_the_same_for_any_value() -> None:
    dice = random.Random(11)  # noqa: S311 - as above
    values = [jmespath.search(query, ANSWER) for query in QUERIES] + [made_up(dice, 0) for _ in range(1500)]
    cases = [(format_, value) for value in values for format_ in ("json", "text", "table")]
    theirs = ask_theirs(THEIRS_FORMATS, cases)
    for (format_, value), (text, error) in zip(cases, theirs, strict=True):
        if error is None:
            assert render({"": value}, format_, search=jmespath.compile('""')) == text, (format_, value)
        else:
            with pytest.raises(AwsCliError):
                pytest.fail(f"{format_} of {value!r}: " + render({"": value}, format_, search=jmespath.compile('""')))


def test_shorthand_reads_files_where_it_is_told_to(tmp_path: Path) -> None:
    files = {"file://a": "one", "file://b": "two"}
    assert shorthand("tag@=file://a,b=file://b", files.get) == {"tag": "one", "b": "file://b"}
    assert shorthand("tags@=[file://a,file://b,c]", files.get) == {"tags": ["one", "two", "c"]}
    assert shorthand("o={a@='file://a',b=\"x\"}", files.get) == {"o": {"a": "one", "b": "x"}}
    assert shorthand('tags@=file://a,"file://b"', files.get) == {"tags": ["one", "two"]}


def test_a_mistake_is_pointed_at_in_its_line() -> None:
    with pytest.raises(ShorthandError) as caught:
        shorthand("a=b,\nc+d\n=e", nothing)
    assert str(caught.value) == "Expected: '=', received: '+' for input:\na=b,\nc+d\n ^\n=e"


def test_a_wide_terminal_keeps_rows_as_rows() -> None:
    narrow, wide = (render(ANSWER, "table", width=width) for width in (80, 400))
    assert "||  failureCode" in narrow or "|| " in narrow
    assert max(map(columns_of, wide.splitlines())) <= 400
    assert any("imageManifest" in line and "registryId" in line for line in wide.splitlines())
    assert not any("imageManifest" in line and "registryId" in line for line in narrow.splitlines())


def test_colours_change_nothing_but_colours() -> None:
    plain, coloured = (render(ANSWER, "table", color=color) for color in (False, True))
    for code in ("\x1b[1m", "\x1b[34m", "\x1b[2m", "\x1b[33m", "\x1b[0m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_an_unknown_output_of_the_configuration() -> None:
    with pytest.raises(AwsCliError, match="Unknown output type: yaml"):
        render(ANSWER, "yaml")


WHOLE = ["--repository-name", "team/app", "--image-ids", "imageTag=a"]


def test_our_own_options_take_nothing_from_theirs() -> None:
    asked = parse([*WHOLE, "--from-store", "--store", "s", "--config=c.yaml", "--col", "on", "--no-cli-pager"])
    assert (asked.from_store, asked.store, asked.config, asked.color) == (True, "s", "c.yaml", "on")
    assert request(asked, nothing) == {"repositoryName": "team/app", "imageIds": [{"imageTag": "a"}]}


@pytest.mark.parametrize(("words", "verify"), [([], None), (["--ca-bundle", "f"], "f"), (["--no-verify-ssl"], False)])
def test_certificates(words: list[str], verify: bool | str | None) -> None:
    assert parse([*WHOLE, *words]).verify == verify


@pytest.mark.parametrize(("word", "seconds"), [("0", None), ("7", 7)])
def test_time_outs(word: str, seconds: int | None) -> None:
    asked = parse([*WHOLE, "--cli-read-timeout", word])
    assert (asked.read_timeout, asked.connect_timeout) == (seconds, 60)


def test_usage_says_where_to_look() -> None:
    with pytest.raises(AwsCliUsageError, match="indexer batch-get-image --help") as caught:
        parse(["--image-ids", "imageTag=a"])
    assert str(caught.value).endswith("error: the following arguments are required: --repository-name")
    assert caught.value.exit_code == 2


def test_the_version_needs_nothing_else() -> None:
    assert parse(["--version"]).version


def test_json_of_any_depth_is_no_crash() -> None:
    deep = "[" * 100_000
    with pytest.raises(AwsCliError, match="Invalid JSON"):
        request(parse([*WHOLE[:2], "--image-ids", deep]), nothing)
    with pytest.raises(AwsCliError, match="Invalid JSON"):
        request(parse(["--cli-input-json", deep]), nothing)
