"""deploy/: every file is read by what will read it, or the nearest thing here, and is true of this program."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from indexer.cli.app import app
from indexer.config import load

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "deploy"
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


class _CloudFormation(yaml.SafeLoader):
    """Reads CloudFormation's short tags as what they stand for: {"!Sub": value}."""


def _short(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {f"!{tag}": loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {f"!{tag}": loader.construct_sequence(node, deep=True)}


_CloudFormation.add_multi_constructor("!", _short)


@pytest.fixture(scope="module")
def kubernetes() -> dict[str, dict[str, Any]]:
    text = (DEPLOY / "kubernetes" / "cronjob.yaml").read_text(encoding="utf-8")
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    text = (DEPLOY / "ecs" / "manifest-indexer.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.load(text, Loader=_CloudFormation)  # noqa: S506 - a SafeLoader
    return found


def options(command: str) -> set[str]:
    """The options of a command, as its help shows them."""
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200", "TERM": "dumb"}).output
    return set(re.findall(r"--[a-z][a-z-]+", shown))


def assert_is_command(words: list[str]) -> None:
    """What is run is a command of ours, with options that it has."""
    assert words[0].rpartition("/")[2] == "indexer"
    assert {word for word in words if word.startswith("--")} <= options(words[1]), words


def dockerfile() -> Iterator[tuple[str, str]]:
    """The instructions of the Dockerfile, with continued lines joined."""
    text = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(str.strip, lines.splitlines()):
        instruction, _, rest = line.partition(" ")
        yield instruction, rest.strip()


def test_the_crontab() -> None:
    lines = (DEPLOY / "cron" / "crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if line and not line.startswith("#") and not re.match(r"[A-Z]+=", line)]
    (job,) = jobs
    *when, command = job.split(maxsplit=5)
    assert len(when) == 5
    assert all(re.fullmatch(r"\*|\d+", field) for field in when)
    assert "%" not in command, "cron takes it for the end of a line"
    words = shlex.split(command)
    assert_is_command(words[words.index("indexer") :])


def test_the_units() -> None:
    units = {}
    for kind in ("service", "timer"):
        parser = configparser.ConfigParser(strict=False, interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
        parser.read_string((DEPLOY / "systemd" / f"manifest-indexer.{kind}").read_text(encoding="utf-8"))
        units[kind] = parser
    service = units["service"]["Service"]
    assert_is_command(shlex.split(service["ExecStart"]))
    assert service["User"] != "root"
    assert service["Type"] == "oneshot"
    assert units["timer"]["Timer"]["OnCalendar"]
    assert units["timer"]["Install"]["WantedBy"] == "timers.target"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With a program that is here in the place of ours: systemd looks whether it is."""
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text(encoding="utf-8").replace("/opt/manifest-indexer/bin/indexer", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    units = sorted(str(path) for path in tmp_path.iterdir())
    done = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", *units], capture_output=True, text=True, check=False
    )
    told = [line for line in done.stderr.splitlines() if "manifest-indexer" in line]
    assert (done.returncode, told) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_calendar() -> None:
    text = (DEPLOY / "systemd" / "manifest-indexer.timer").read_text(encoding="utf-8")
    (when,) = re.findall(r"^OnCalendar=(.*)$", text, re.MULTILINE)
    subprocess.run(["systemd-analyze", "calendar", when], check=True, capture_output=True)


def test_the_dockerfile_is_not_root_and_pinned() -> None:
    instructions = list(dockerfile())
    assert {name for name, _ in instructions} <= {
        "ARG", "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD",
    }  # fmt: skip
    last = [rest for name, rest in instructions if name == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last), "a number: Kubernetes cannot see that a name is not root"
    runs = " ".join(rest for name, rest in instructions if name == "RUN")
    assert "--require-hashes --no-deps -r constraints.txt" in runs
    assert "--no-index --find-links /wheels ." in runs
    entry = [json.loads(rest) for name, rest in instructions if name in {"ENTRYPOINT", "CMD"}]
    assert_is_command([*entry[0], *entry[1]])


def test_the_dockerfile_copies_what_is_there_and_not_ignored() -> None:
    ignore = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    let_in = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = {
        word for name, rest in dockerfile() if name == "COPY" and "--from" not in rest for word in rest.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / name).exists() for name in copied)
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("queries", "README.md"):
        assert f'"{name}"' in pyproject, "the build asks for it"


def test_all_that_runs_in_the_image_is_pinned_with_hashes() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (block,) = re.findall(r"^dependencies = \[\n(.*?)^\]", pyproject, re.MULTILINE | re.DOTALL)
    needed = [*re.findall(r'"([a-z0-9-]+)', block), "hatchling"]
    for name in needed:
        assert re.search(rf"^{name}==\S+( ;.*)? \\\n +--hash=", CONSTRAINTS, re.MULTILINE), name


def test_the_cronjob(kubernetes: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    assert set(kubernetes) == {"Namespace", "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "CronJob"}
    assert {kubernetes[kind]["metadata"].get("namespace") for kind in set(kubernetes) - {"Namespace"}} == {
        "manifest-indexer"
    }
    spec = kubernetes["CronJob"]["spec"]
    assert spec["concurrencyPolicy"] == "Forbid"
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert_is_command(["indexer", *container["args"]])
    assert pod["serviceAccountName"] == kubernetes["ServiceAccount"]["metadata"]["name"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    (user,) = [rest.partition(":")[0] for name, rest in dockerfile() if name == "USER"]
    assert str(pod["securityContext"]["runAsUser"]) == user
    (tmp_path / "config.yaml").write_text(kubernetes["ConfigMap"]["data"]["config.yaml"], encoding="utf-8")
    config = load(tmp_path / "config.yaml")
    mounts = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert any(config.store.startswith(f"{mount}/") for mount in mounts), "the store is on a volume"


def references(value: Any) -> Iterator[str]:
    """The names that a part of the template refers to."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"!Ref", "!GetAtt"}:
                yield inner.partition(".")[0]
            elif key == "!Sub":
                yield from re.findall(r"\$\{([\w:]+)", inner)
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_template_refers_to_what_is_in_it(template: dict[str, Any]) -> None:
    known = set(template["Parameters"]) | set(template["Resources"])
    used = set(references(template["Resources"]))
    assert {name for name in used if not name.startswith("AWS::")} <= known
    assert set(template["Parameters"]) <= used, "each parameter is of use"
    for resource in template["Resources"].values():
        assert re.fullmatch(r"AWS::\w+::\w+", resource["Type"])
        assert {resource.get("DependsOn")} <= {None, *template["Resources"]}


def test_the_task_runs_what_is_there(template: dict[str, Any]) -> None:
    task = template["Resources"]["Task"]["Properties"]
    (container,) = task["ContainerDefinitions"]
    (command,) = container["Command"]
    for part in command["!Sub"].split("&&"):
        assert_is_command(shlex.split(part.replace("exec ", "")))
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["User"])
    excluded = template["Resources"]["NoPullTimes"]["Properties"]["PrincipalArn"]
    assert excluded == task["TaskRoleArn"] == {"!GetAtt": "TaskRole.Arn"}


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", (DEPLOY / "README.md").read_text()))))
def test_links_lead_somewhere(link: str) -> None:
    assert (DEPLOY / link).exists()


def test_the_page_has_every_file() -> None:
    page = (DEPLOY / "README.md").read_text(encoding="utf-8")
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file() and path.name not in {"README.md", "Dockerfile.dockerignore"}:
            folder = path.parent.relative_to(DEPLOY)
            assert f"{folder}/{path.name}" in page or f"[{folder}/](" in page, path
