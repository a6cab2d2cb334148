"""`indexer batch-get-image` beside the real AWS CLI, version 1: the same output, byte for byte, same exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.aws_pair import AWS, COLD, LETTERS, PLAIN, Pair
from support.commands import process
from support.manifests import digest_of

from indexer.local_ecr import Server
from indexer.local_ecr.faults import Fault

pytestmark = pytest.mark.xdist_group("aws_cli")

APP = ("--repository-name", "team/app")
IDS = ("--image-ids", "imageTag=v1")
ASK = (*APP, *IDS)
BOTH = (*APP, "--image-ids", "imageTag=v1", "imageTag=v2", "imageTag=none")
PLAIN_ID, LETTERS_ID, COLD_ID = map(digest_of, (PLAIN, LETTERS, COLD))
ABSENT_ID = "sha256:" + "0" * 64
OCI = "application/vnd.oci.image.manifest.v1+json"

ANSWERED = {
    "tag": ASK,
    "digest": (*APP, "--image-ids", f"imageDigest={PLAIN_ID}"),
    "both": (*APP, "--image-ids", f"imageDigest={PLAIN_ID},imageTag=v1"),
    "both, the tag first": (*APP, "--image-ids", f"imageTag=v1,imageDigest={PLAIN_ID}"),
    "both, not matching": (*APP, "--image-ids", f"imageDigest={PLAIN_ID},imageTag=v2"),
    "both, no such tag": (*APP, "--image-ids", f"imageDigest={PLAIN_ID},imageTag=none"),
    "several": (*APP, "--image-ids", "imageTag=v2", f"imageDigest={PLAIN_ID}", "imageTag=both", "imageTag=latest"),
    "missing": (*APP, "--image-ids", "imageTag=none", f"imageDigest={ABSENT_ID}", "imageTag=v1"),
    "only missing": (*APP, "--image-ids", "imageTag=none"),
    "repeated": (*APP, "--image-ids", "imageTag=v1", "imageTag=v1", f"imageDigest={PLAIN_ID}", "imageTag=latest"),
    "archived": (*APP, "--image-ids", "imageTag=cold", f"imageDigest={COLD_ID}"),
    "without its key": (*APP, "--image-ids", "imageTag=odd"),
    "letters": (*APP, "--image-ids", f"imageDigest={LETTERS_ID}"),
    "no digest": (*APP, "--image-ids", "imageDigest=latest"),
    "a short digest": (*APP, "--image-ids", "imageDigest=sha256:abc"),
    "no tag": (*APP, "--image-ids", "imageTag=a!b"),
    "an empty tag's name": (*APP, "--image-ids", "imageDigest="),
    "an empty object": (*APP, "--image-ids", "{}"),
    "100 ids": (*APP, "--image-ids", *(f"imageTag=t{number}" for number in range(100))),
    "an empty repository": ("--repository-name", "team/empty", *IDS),
    "quotes": (*APP, "--image-ids", "imageTag='v1'", 'imageTag="v2"'),
    "space": (*APP, "--image-ids", "imageTag = v1 , imageDigest = " + PLAIN_ID),
    "JSON": (*APP, "--image-ids", '[{"imageTag": "v1"}, {"imageTag": "none"}]'),
    "JSON objects": (*APP, "--image-ids", '{"imageTag": "v1"}', '{"imageTag": "v2"}'),
    "a file of JSON": (*APP, "--image-ids", "file://ids.json"),
    "a file of bytes": (*APP, "--image-ids", "imageTag@=file://tag"),
    "a name in a file": ("--repository-name", "file://name", *IDS),
    "account": (*ASK, "--registry-id", "123456789012"),
    "accepted": (*ASK, "--accepted-media-types", OCI),
    "accepted, several": (*ASK, "--accepted-media-types", OCI, "application/vnd.oci.image.index.v1+json"),
    "accepted, JSON": (*ASK, "--accepted-media-types", f'["{OCI}"]'),
    "accepted, a file": (*ASK, "--accepted-media-types", "file://types.json"),
    "accepted, a file of text": (*ASK, "--accepted-media-types", "file://name"),
    "input": ("--cli-input-json", '{"repositoryName": "team/app", "imageIds": [{"imageTag": "v1"}]}'),
    "input, a file": ("--cli-input-json", "file://input.json"),
    "input, overruled": ("--cli-input-json", "file://input.json", *IDS),
    "input, overruled whole": ("--cli-input-json", '{"repositoryName": "nope", "imageIds": []}', *ASK),
    "skeleton": ("--generate-cli-skeleton",),
    "skeleton, with parameters": ("--generate-cli-skeleton", "input", *APP),
    "skeleton of the output": (*ASK, "--generate-cli-skeleton", "output"),
    "skeleton of the output as text": (*ASK, "--generate-cli-skeleton", "output", "--output", "text"),
    "skeleton of the output, asked": (*ASK, "--generate-cli-skeleton", "output", "--query", "images[0].imageId"),
    "abbreviated": ("--repository", "team/app", "--image", "imageTag=v1", "--out", "text"),
    "equals": ("--repository-name=team/app", "--image-ids=imageTag=v1", "--output=json"),
    "options first": ("--output", "json", "--region", "eu-west-1", *ASK, "--no-paginate", "--cli-read-timeout", "0"),
    "given twice": (*ASK, "--image-ids", "imageTag=v2"),
    "a profile's output": (*ASK, "--profile", "texts"),
    "a profile's output, overruled": (*ASK, "--profile", "texts", "--output", "json"),
}
REFUSED = {
    "an unsigned request": (*ASK, "--no-sign-request"),
    "unknown repository": ("--repository-name", "team/nope", *IDS),
    "a repository's wrong name": ("--repository-name", "Team!", *IDS),
    "a repository's short name": ("--repository-name", "a", *IDS),
    "another account": (*ASK, "--registry-id", "999999999999"),
    "no account": (*ASK, "--registry-id", "12"),
    "no ids": (*APP, "--image-ids"),
    "no ids in JSON": (*APP, "--image-ids", "[]"),
    "no types": (*ASK, "--accepted-media-types"),
    "space before a key": (*APP, "--image-ids", " imageTag=v1"),
    "an empty tag": (*APP, "--image-ids", "imageTag="),
    "an empty id": (*APP, "--image-ids", ""),
    "an unknown member": (*APP, "--image-ids", "tag=v1"),
    "a list for a tag": (*APP, "--image-ids", "imageTag=v1,v2"),
    "an object for a tag": (*APP, "--image-ids", '[{"imageTag": {"a": 1}}]'),
    "a number for a tag": (*APP, "--image-ids", '[{"imageTag": 1}]'),
    "null for a digest": (*APP, "--image-ids", '[{"imageDigest": null}]'),
    "no equals sign": (*APP, "--image-ids", "v1"),
    "a comma too many": (*APP, "--image-ids", "imageTag=v1,"),
    "a comma for a space": (*APP, "--image-ids", "imageTag=v1,imageTag=v2"),
    "an open quote": (*APP, "--image-ids", "imageTag='v1"),
    "an open bracket": (*APP, "--image-ids", "imageTag=[v1"),
    "an open brace": (*APP, "--image-ids", "imageTag={a=v1"),
    "broken JSON": (*APP, "--image-ids", '[{"imageTag":]'),
    "a broken JSON object": (*APP, "--image-ids", '{"imageTag":'),
    "JSON and shorthand": (*APP, "--image-ids", '{"imageTag": "v1"}', "imageTag=v2"),
    "a file of shorthand": (*APP, "--image-ids", "file://ids.txt"),
    "a file of an object": (*APP, "--image-ids", "file://id.json"),
    "no such file": (*APP, "--image-ids", "file://nope.json"),
    "no such file of a tag": (*APP, "--image-ids", "imageTag@=file://nope"),
    "no text in a file": (*APP, "--image-ids", "file://latin1"),
    "a folder for a file": (*APP, "--image-ids", "file://."),
    "input, broken": ("--cli-input-json", "{"),
    "input, a list": ("--cli-input-json", "[1]"),
    "input, no such file": ("--cli-input-json", "file://nope"),
    "input, an unknown member": ("--cli-input-json", '{"repositoryName": "team/app", "ids": []}'),
    "input, too little": ("--cli-input-json", "{}"),
    "input, wrong types": ("--cli-input-json", '{"repositoryName": 1, "imageIds": {}, "acceptedMediaTypes": "x"}'),
    "skeleton of the output, wrong": (*APP, "--image-ids", "nope=1", "--generate-cli-skeleton", "output"),
    "an unknown option": (*ASK, "--nope"),
    "unknown options with values": (*ASK, "--nope=1", "--more", "2"),
    "a word too many": ("stray", *ASK),
    "an option of version 2": (*ASK, "--cli-input-yaml", "a: 1"),
    "a bad expression": (*ASK, "--query", "[["),
    "an expression that fails": (*ASK, "--query", "length(nope)"),
    "an unknown function": (*ASK, "--query", "nope(images)"),
    "no scheme": (*ASK, "--endpoint-url", "127.0.0.1"),
    "no endpoint": (*ASK, "--endpoint-url", "localhost:1"),
    "nobody there": (*ASK, "--endpoint-url", "http://127.0.0.1:1", "--cli-connect-timeout", "1"),
    "no number": (*ASK, "--cli-read-timeout", "soon"),
    "no profile": (*ASK, "--profile", "nope"),
    "no profile for a skeleton": ("--generate-cli-skeleton", "--profile", "nope"),
    "a profile's unknown output": (*ASK, "--profile", "yaml"),
    "a table of unequal rows": (*BOTH, "--output", "table", "--query", "[[`1`, `2`], [`3`]]"),
    "101 ids that are wrong": (*APP, "--image-ids", *["nope=1"] * 101),
}
USAGE = {
    "nothing": (),
    "no repository": IDS,
    "no --image-ids": APP,
    "no value": ("--repository-name",),
    "skeleton of the output without parameters": ("--generate-cli-skeleton", "output"),
    "input with an equals sign": ("--cli-input-json={}",),
}
CHOICES = {
    "an unknown output": (*ASK, "--output", "yaml"),
    "an unknown skeleton": ("--generate-cli-skeleton", "yaml-input"),
    "an unknown colour": (*ASK, "--color", "maybe"),
    "an ambiguous option": (*ASK, "--cli"),
}


@pytest.mark.parametrize("words", ANSWERED.values(), ids=ANSWERED)
def test_answers_are_the_same(pair: Pair, words: tuple[str, ...]) -> None:
    theirs, ours = pair(*words)
    assert theirs.code == 0, theirs.err
    assert ours == theirs


@pytest.mark.parametrize("output", ["json", "text", "table"])
@pytest.mark.parametrize("color", ["auto", "on", "off"])
def test_outputs_are_the_same(pair: Pair, output: str, color: str) -> None:
    theirs, ours = pair(*BOTH, "--output", output, "--color", color)
    assert theirs.code == 0
    assert ours == theirs
    assert ("\x1b[1m" in ours.out) == (output == "table" and color == "on")


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_refusals_are_the_same(pair: Pair, words: tuple[str, ...]) -> None:
    theirs, ours = pair(*words)
    assert theirs.code == 255
    assert (ours.code, ours.out) == (255, theirs.out)
    # Behind `usage:` each program describes itself.
    assert ours.err.split("\n\nUnknown options")[-1] == theirs.err.split("\n\nUnknown options")[-1]


@pytest.mark.parametrize("words", USAGE.values(), ids=USAGE)
def test_wrong_usage_is_the_same(pair: Pair, words: tuple[str, ...]) -> None:
    theirs, ours = pair(*words)
    assert (ours.code, ours.out) == (theirs.code, theirs.out) == (2, "")
    assert ours.err.splitlines()[-1] == theirs.err.splitlines()[-1].replace("aws:", "indexer batch-get-image:")


@pytest.mark.parametrize("words", CHOICES.values(), ids=CHOICES)
def test_a_wrong_choice_ends_the_same_way(pair: Pair, words: tuple[str, ...]) -> None:
    theirs, ours = pair(*words)
    assert (ours.code, ours.out) == (theirs.code, theirs.out) == (2, "")
    assert "error: a" in ours.err


@pytest.mark.parametrize(
    ("code", "env"),
    [
        (255, {"AWS_DEFAULT_REGION": None, "AWS_CONFIG_FILE": "none"}),
        (255, {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}),
        (255, {"AWS_SECRET_ACCESS_KEY": None}),
        (255, {"AWS_PROFILE": "nope"}),
        (255, {"AWS_DEFAULT_OUTPUT": "yaml"}),
        (0, {"AWS_DEFAULT_OUTPUT": "text"}),
        (0, {"AWS_DEFAULT_OUTPUT": "table", "COLUMNS": "200"}),
        (0, {"AWS_PROFILE": "texts"}),
        (0, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"}),
    ],
)
def test_the_environment_means_the_same(pair: Pair, code: int, env: dict[str, str | None]) -> None:
    theirs, ours = pair(*BOTH, **env)
    assert theirs.code == code, theirs.err
    assert ours == theirs


@pytest.mark.parametrize("kind", ["throttle", "error", "denied", "expired_token", "kms", "unavailable", "cut", "reset"])
def test_errors_of_the_service_are_the_same(pair: Pair, server: Server, kind: str) -> None:
    server.faults.add(Fault(kind))
    try:
        theirs, ours = pair(*ASK)
    finally:
        server.faults.clear()
    assert theirs.code == 255
    assert ours == theirs


def test_attempts_are_as_many(pair: Pair, server: Server) -> None:
    server.calls.clear()
    server.faults.add(Fault("throttle"))
    try:
        theirs = pair.aws(["aws", "ecr", "batch-get-image", *ASK], {**pair.env, "AWS_MAX_ATTEMPTS": "3"})
        calls = server.calls["BatchGetImage"]
        ours = pair.ours(["indexer", "batch-get-image", *ASK], {**pair.env, "AWS_MAX_ATTEMPTS": "3"})
    finally:
        server.faults.clear()
    assert ours == theirs
    assert (calls, server.calls["BatchGetImage"]) == (3, 6)
    assert "(reached max retries: 2)" in ours.err


@pytest.mark.slow
def test_the_programs_themselves(pair: Pair) -> None:
    """As the others, but without the short cut of one import for all: `aws` and `indexer` as they are installed."""
    words = [sys.executable, str(AWS), "ecr", "batch-get-image", *BOTH]
    theirs = subprocess.run(words, env=pair.env, capture_output=True, text=True, check=False)
    ours = process("batch-get-image", *BOTH, **pair.env)
    assert (ours.code, ours.out, ours.err) == (theirs.returncode, theirs.stdout, theirs.stderr)
    assert [image["imageManifest"].encode() for image in json.loads(ours.out)["images"]] == [PLAIN, LETTERS]


def test_nothing_of_the_aws_cli_is_imported(pair: Pair, folder: Path) -> None:
    (folder / "sitecustomize.py").write_text("import sys\nsys.modules['awscli'] = None\n", encoding="utf-8")
    env = {**pair.env, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    assert process("batch-get-image", *ASK, **env).code == 0
