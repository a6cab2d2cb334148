"""The README is run: its commands give the output shown, its configuration works, its policy is what is called."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.commands import process, terminal
from support.manifests import image
from support.pages import COLUMNS, ROOT, Page, shown

from indexer.local_ecr import Registry, Server

README = Page("README.md")
pytestmark = pytest.mark.xdist_group("readme")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.mark.slow
def test_commands_give_the_output_shown(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    sessions = list(README.blocks("console"))
    assert sessions[0].text.startswith("$ make demo\n"), "the first thing a newcomer sees"
    for session in sessions:
        first, _, expected = session.text.partition("\n")
        words = shlex.split(first.removeprefix("$ "))
        store = {} if words[0] == "make" else {"INDEXER_STORE": "demo-store"}
        done = terminal(*(["demo"] if words[0] == "make" else words[1:]), columns=COLUMNS, NO_COLOR="1", **store)
        assert done.code == 0, done.out
        assert shown(done.out) == shown(expected), first


@pytest.mark.slow
def test_the_program_runs(folder: Path) -> None:
    (program,) = README.blocks("python")
    if not (folder / "demo-store").exists():
        assert process("demo", "--store", folder / "demo-store", "--nights", "1").code == 0
    done = subprocess.run([sys.executable, "-c", program.text], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ((count,),) = eval(done.stdout)  # noqa: S307 - our own program's output
    assert count > 1000


def test_make_demo_is_the_demo() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^demo: .*\n\t\$\(VENV\)/bin/indexer demo$", makefile, re.MULTILINE)


def test_the_least_configuration_works(tmp_path: Path) -> None:
    (least,) = README.blocks("yaml")
    registry = Registry()
    registry.create_repository("team/app")
    registry.put_image("team/app", image("config", {"layer": 1}), tags=["latest"])
    with Server([registry]) as server:
        content = yaml.safe_load(least.text)
        content["registries"][0]["endpoint_url"] = server.url
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
        done = process("run", "--config", tmp_path / "config.yaml")
        assert done.code == 0, done.err
        assert server.calls["BatchGetImage"] == 1
    assert (tmp_path / "store" / "format.json").is_file()


def test_the_policy_allows_what_is_called_and_no_more() -> None:
    (policy,) = README.blocks("json")
    (statement,) = json.loads(policy.text)["Statement"]
    source = (ROOT / "indexer" / "ecr" / "client.py").read_text(encoding="utf-8")
    called = set(re.findall(r'"((?:Describe|List|Batch|Get)[A-Z]\w+(?<!Response))"', source))
    assert {f"ecr:{name}" for name in called} == set(statement["Action"])
    deployed = json.loads((ROOT / "deploy" / "iam" / "run.json").read_text(encoding="utf-8"))["Statement"]
    theirs = {action for each in deployed for action in each["Action"]}
    assert theirs == set(statement["Action"]), "deploy/iam/run.json and deploy/ecs/manifest-indexer.yaml say otherwise"


def test_the_permissions_that_only_check_uses_are_named() -> None:
    source = (ROOT / "indexer" / "ecr" / "account.py").read_text(encoding="utf-8")
    asked = set(re.findall(r'_told\(\s*"((?!GetCallerIdentity)\w+)"', source))
    assert asked == {"GetAccountSetting", "ListPullTimeUpdateExclusions"}
    for name in asked:
        assert f"`ecr:{name}`" in README.text


def test_the_aws_command_exists() -> None:
    aws = Path(sys.executable).parent / "aws"
    if not aws.exists():
        pytest.skip("the AWS CLI is not installed")
    (command,) = [line for block in README.blocks("sh") for line in block.text.splitlines() if line.startswith("aws ")]
    words = [str(aws), *shlex.split(command)[1:], "--generate-cli-skeleton", "output", "--region", "eu-west-1"]
    subprocess.run([sys.executable, *words], check=True, capture_output=True)


def test_exit_codes_are_those_of_the_errors() -> None:
    table = dict(re.findall(r"^\| ([\d, ]+) \| (.*) \|$", README.text, re.MULTILINE))
    assert set(table) == {"0", "1", "2", "3", "4", "130, 143"}
