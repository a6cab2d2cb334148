"""`indexer batch-get-image` where it does more than the AWS CLI's command; the rest is compared in tests/aws_cli."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from support.commands import Cli, terminal
from support.manifests import image
from support.s3 import Place
from support.shop import MAIN, OTHER, Shop

from indexer.aws_cli import options
from indexer.local_ecr import Registry, Server
from indexer.local_ecr.faults import Fault

BATCH = ("batch-get-image", "--repository-name", "team/app")
ONE = (*BATCH, "--image-ids", "imageTag=1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("config", {"layer": 1}), tags=["1"])
    with Server([registry]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", server.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", registry.region)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield server


def test_help_shows_every_option(cli: Cli) -> None:
    for words in (["--help"], ["-h"], ["help"], ["--image-ids", "imageTag=a", "--help"]):
        done = cli("batch-get-image", *words)
        assert done.code == 0
        assert {each.name for each in options()} <= set(re.findall(r"--[a-z-]+", done.out))


def test_the_version(cli: Cli) -> None:
    assert cli("batch-get-image", "--version").out.startswith("manifest-indexer ")


def test_more_than_one_hundred_ids(cli: Cli, server: Server) -> None:
    done = cli(*BATCH, "--image-ids", *(f"imageTag={number}" for number in range(250)))
    answer = json.loads(done.out)
    assert (done.code, len(answer["images"]), len(answer["failures"])) == (0, 1, 249)
    assert server.calls["BatchGetImage"] == 3


def test_what_ecr_leaves_out_is_said(cli: Cli, server: Server) -> None:
    server.faults.add(Fault("omit"))
    done = cli(*ONE)
    assert done.code == 255
    assert done.err == "ECR's answer says nothing about imageTag=1\n"
    assert json.loads(done.out) == {"images": [], "failures": []}


def test_half_an_answer_is_none(cli: Cli, server: Server) -> None:
    server.faults.add(Fault("empty"))
    done = cli(*ONE)
    assert (done.code, done.out) == (255, "")
    assert done.err


def test_the_store_answers_as_the_registry_did(cli: Cli, server: Server, place: Place) -> None:
    (cli.folder / "config.yaml").write_text(
        f"store: {place.location}\nregistries:\n  - regions: [eu-west-1]\n    endpoint_url: {server.url}\n",
        encoding="utf-8",
    )
    assert cli("run").code == 0
    theirs = cli(*ONE, "imageTag=none", "--output", "table")
    server.calls.clear()
    ours = cli(*ONE, "imageTag=none", "--output", "table", "--from-store")
    assert (ours.code, ours.out) == (theirs.code, theirs.out)
    assert "ECR was not asked" in ours.err
    assert not server.calls


def test_the_store_needs_no_account(cli: Cli, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("INDEXER_STORE", str(shop.folder))
    asked = (
        *BATCH,
        "--image-ids",
        "imageTag=latest",
        "--from-store",
        "--query",
        "images[].imageId",
        "--output",
        "text",
    )
    assert cli(*asked, "--region", "eu-west-1").out == f"{shop.one}\tlatest\n"
    assert cli(*asked, "--registry-id", OTHER).out == f"{shop.two}\tlatest\n"
    done = cli(*asked)
    assert (done.code, done.out) == (2, "")
    assert f"{MAIN}/eu-west-1, {OTHER}/us-east-1: say which with --registry-id and --region" in done.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--repository-name", "nope", "--image-ids", "imageTag=1"), 255, "no listing of a repository 'nope'"),
        (("--repository-name", "team/app", "--image-ids"), 255, "valid min length: 1"),
        (("--repository-name", "team/app", "--image-ids", "tag=1"), 255, 'Unknown parameter in imageIds[0]: "tag"'),
        (("--repository-name", "team/app"), 2, "the following arguments are required: --image-ids"),
    ],
)
def test_wrong_questions_to_the_store(cli: Cli, shop: Shop, words: tuple[str, ...], code: int, said: str) -> None:
    done = cli("batch-get-image", *words, "--from-store", "--store", shop.folder)
    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_a_store_that_is_not_there(cli: Cli) -> None:
    done = cli(*ONE, "--from-store", "--store", "nowhere")
    assert (done.code, done.out) == (2, "")
    assert "nowhere" in done.err


@pytest.mark.slow
def test_a_terminal_has_colours_and_its_own_width(server: Server) -> None:
    narrow = terminal(*ONE, "--output", "table", columns=60)
    wide = terminal(*ONE, "--output", "table", columns=600)
    assert "\x1b[34mimageManifestMediaType\x1b[0m" in narrow.out
    assert "\x1b[34mimageManifestMediaType\x1b[0m" not in wide.out
    assert "imageManifestMediaType" in wide.out
    assert "\x1b" not in terminal(*ONE, "--output", "table", "--color", "off").out
