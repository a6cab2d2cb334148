"""docs/tutorial.md: every command of it is run, in its order, against a registry on this machine."""

from __future__ import annotations

import json
import re
import shlex

import pytest
from support.commands import Cli
from support.manifests import image
from support.pages import ROOT, Page, commands

from indexer.local_ecr import Registry, Server

PAGE = Page("docs/tutorial.md")
COMMANDS = [command for block in PAGE.blocks("console") for command, _ in commands(block)]


@pytest.fixture
def registry() -> Registry:
    """A registry with the image that the page looks for, one that shares its base, and an untagged one."""
    registry = Registry()
    for repository in ("team/app", "other/app"):
        registry.create_repository(repository)
        registry.put_image(repository, image(repository, {"base": 30, repository: 2}), tags=["1.0"])
    registry.put_image("team/app", image("old", {"base": 30, "old": 3}))
    return registry


@pytest.mark.slow
def test_the_commands_work_in_their_order(cli: Cli, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([registry]) as server:
        for service in ("ECR", "STS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
        for command in COMMANDS:
            words = shlex.split(command)
            assert words[0] == "indexer"
            done = cli(*words[1:])
            assert done.code == 0, f"{command}\n{done.err}"
            assert done.out or done.err, command
            if words[1] == "run":
                after_the_run = server.calls.copy()
        assert server.calls == after_the_run, "questions call nobody"
    assert (cli.folder / "registry.html").stat().st_size > 10_000


def test_the_columns_it_explains_are_in_the_answers() -> None:
    columns = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "queries").glob("*.sql"))
    named = set(re.findall(r"`(\w+_\w+)`", PAGE.text))
    assert {"unique_bytes", "logical_bytes", "exclusive_bytes", "stored_bytes_low", "stored_bytes_high"} <= named
    assert all(name in columns for name in named)


def test_the_policy_that_it_names_has_four_actions() -> None:
    assert "four actions" in PAGE.text
    policy = json.loads((ROOT / "deploy" / "iam" / "run.json").read_text(encoding="utf-8"))
    assert sum(len(statement["Action"]) for statement in policy["Statement"]) == 4


def test_the_command_of_aws_is_that_of_the_readme() -> None:
    (block,) = PAGE.blocks("sh")
    assert block.text in re.sub("^ +", "", Page("README.md").text, flags=re.MULTILINE)
