"""deploy/iam: what is allowed is what is called. Neither side has more than the other."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
import yaml
from botocore import xform_name
from deploy.test_deploy import _CloudFormation
from support.manifests import image

from indexer.check import check
from indexer.config import Config
from indexer.crawl import crawl
from indexer.local_ecr import Registry, Server
from indexer.store import Store

ROOT = Path(__file__).parent.parent.parent
IAM = ROOT / "deploy" / "iam"
ONLY_CHECK = "account.py"
S3_ACTIONS = {
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    "GetObject": "GetObject",
    "HeadObject": "GetObject",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "DeleteObject": "DeleteObject",
    "ListObjectsV2": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
}
READS = {"GetObject", "HeadObject", "ListObjectsV2"}


def policy(name: str) -> list[dict[str, Any]]:
    document = json.loads((IAM / f"{name}.json").read_text(encoding="utf-8"))
    assert document["Version"] == "2012-10-17"
    statements: list[dict[str, Any]] = document["Statement"]
    return statements


def actions(statements: list[dict[str, Any]]) -> set[str]:
    assert all(statement["Effect"] == "Allow" for statement in statements)
    found = [statement["Action"] for statement in statements]
    return {action for each in found for action in ([each] if isinstance(each, str) else each)}


def trees(room: str) -> Iterator[tuple[str, ast.AST]]:
    for path in sorted((ROOT / "indexer" / room).rglob("*.py")):
        yield path.name, ast.parse(path.read_text(encoding="utf-8"))


def named(room: str, operations: set[str]) -> dict[str, set[str]]:
    """File -> the operations of a service that it names, as the API or as boto3 writes them."""
    written = {xform_name(name): name for name in operations} | {name: name for name in operations}
    found: dict[str, set[str]] = {}
    for file, tree in trees(room):
        constants = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        found[file] = {written[name] for name in constants | attributes if name in written}
    return found


def operations_of(service: str) -> set[str]:
    return set(botocore.session.Session().get_service_model(service).operation_names)


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """The operations that the registry saw: of two runs, in the second a repository is gone; and of a check."""
    registry = Registry()
    for name in ("team/app", "team/gone"):
        registry.create_repository(name)
        registry.put_image(name, image(name, {"layer": 1}), tags=["1"])
    with Server([registry]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        entry = {"regions": ("eu-west-1",), "endpoint_url": server.url}
        config = Config.model_validate({"store": str(tmp_path / "store"), "registries": (entry,)})
        for _ in range(2):
            assert crawl(config, Store.create_or_open(config.store)).complete
            if "team/gone" in registry.repositories:
                registry.delete_repository("team/gone")
        ran = set(server.calls)
        server.calls.clear()
        assert check(config).good
        return {"run": ran, "check": set(server.calls)}


def test_a_run_may_do_what_it_does_and_no_more(seen: dict[str, set[str]]) -> None:
    in_code = named("ecr", operations_of("ecr"))
    in_code.pop(ONLY_CHECK)
    called = set().union(*in_code.values())
    assert seen["run"] <= called, "the code names what the wire saw"
    told = "deploy/iam/run.json, the policy in deploy/ecs/manifest-indexer.yaml and README.md allow what is called"
    assert actions(policy("run")) == {f"ecr:{name}" for name in called}, told


def test_check_may_do_what_it_does_and_no_more(seen: dict[str, set[str]]) -> None:
    both = {*actions(policy("run")), *actions(policy("check"))}
    assert {f"ecr:{name}" for name in seen["check"]} <= both
    only_check = {f"ecr:{name}" for name in seen["check"]} - actions(policy("run"))
    assert actions(policy("check")) == only_check


def test_a_store_on_s3_may_do_what_it_does_and_no_more() -> None:
    called = set().union(*named("objects", operations_of("s3")).values())
    assert called <= set(S3_ACTIONS), "an operation whose permission nobody has looked up"
    assert actions(policy("store-s3")) == {f"s3:{S3_ACTIONS[name]}" for name in called}
    assert actions(policy("read-s3")) == {f"s3:{S3_ACTIONS[name]}" for name in called & READS}


def test_only_these_rooms_call_aws() -> None:
    for folder in (ROOT / "indexer").iterdir():
        if folder.is_dir() and folder.name not in {"ecr", "objects", "__pycache__"}:
            for file, tree in trees(folder.name):
                imported = {
                    alias.name.partition(".")[0]
                    for node in ast.walk(tree)
                    if isinstance(node, ast.Import)
                    for alias in node.names
                }
                assert "boto3" not in imported, f"{folder.name}/{file}"


def test_roles_are_assumed_with_the_action_that_boto3_uses() -> None:
    assert actions(policy("assume")) == actions(policy("target-trust")) == {"sts:AssumeRole"}
    (trust,) = policy("target-trust")
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "our-secret-word"}}


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.stem)
def test_policies_are_least(path: Path) -> None:
    for statement in policy(path.stem):
        assert not any("*" in action for action in actions([statement]))
        resource = statement.get("Resource")
        if resource is None:
            assert path.stem == "target-trust"
        elif resource == "*":
            assert path.stem in {"check", "run"}, "these actions know no resources"
            assert {"ecr:DescribeImages", "ecr:BatchGetImage"}.isdisjoint(actions([statement]))
        else:
            assert re.match(r"arn:aws:(ecr:\*:\d{12}:repository/\*|s3:::BUCKET|iam::\d{12}:role/)", resource)


def test_the_template_has_the_same_policies() -> None:
    text = (ROOT / "deploy" / "ecs" / "manifest-indexer.yaml").read_text(encoding="utf-8")
    template = yaml.load(text, Loader=_CloudFormation)  # noqa: S506 - a SafeLoader
    for each in template["Resources"]["TaskRole"]["Properties"]["Policies"]:
        ours = policy(each["PolicyName"])
        theirs = each["PolicyDocument"]["Statement"]
        assert [statement["Action"] for statement in theirs] == [statement["Action"] for statement in ours]
        for here, there in zip(ours, theirs, strict=True):
            resource = there["Resource"]
            assert (resource == "*") == (here["Resource"] == "*")
    assert len(template["Resources"]["TaskRole"]["Properties"]["Policies"]) == 3


def test_check_prints_a_policy_that_is_a_part_of_these(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry()
    for name in boto3.client("ecr", region_name="eu-west-1").meta.service_model.operation_names:
        registry.deny(name)
    with Server([registry]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        entry = {"regions": ("eu-west-1",), "endpoint_url": server.url}
        config = Config.model_validate({"store": str(tmp_path / "store"), "registries": (entry,)})
        printed = check(config).policy()
    assert printed is not None
    assert actions(printed["Statement"]) <= actions(policy("run")) | actions(policy("check"))
    assert "ecr:BatchGetImage" in actions(printed["Statement"])
