"""check: each thing that would fail a run is found, and nothing is left behind by looking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.manifests import image

from indexer.check import Findings, Verdict, check
from indexer.config import Config
from indexer.crawl import crawl
from indexer.errors import ConfigError
from indexer.local_ecr import Fault, Registry, Server
from indexer.store import Store

ROLE = "arn:aws:iam::123456789012:role/indexer"
OURS = "arn:aws:ecr:eu-west-1:123456789012:repository/*"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.caller = "arn:aws:sts::123456789012:assumed-role/indexer/nightly"
    registry.pull_time_exclusions.add(ROLE)
    for name in ("team/app", "team/base", "sandbox/x"):
        registry.create_repository(name)
        for number in range(3):
            registry.put_image(name, image(f"{name} {number}", {"layer": 1}), tags=[f"v{number}"])
    return registry


@pytest.fixture
def server(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server([registry]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server


def config(server: Server, folder: Path, **registry: Any) -> Config:
    entry = {"regions": ("eu-west-1",), "endpoint_url": server.url} | registry
    return Config.model_validate({"store": str(folder / "store"), "registries": (entry,)})


def said(findings: Findings, subject: str) -> tuple[str, str]:
    """The verdict and the text about one subject, which has just one finding."""
    (finding,) = [finding for finding in findings.all if finding.subject == subject]
    return finding.verdict, finding.text


def test_where_all_is_well(server: Server, registry: Registry, tmp_path: Path) -> None:
    findings = check(config(server, tmp_path))
    assert findings.good
    assert findings.count(Verdict.WARNING) == 0
    assert findings.policy() is None
    assert said(findings, "identity") == ("ok", registry.caller)
    assert said(findings, "repositories") == ("ok", "3 of 3 are to be indexed")
    assert said(findings, "ecr:BatchGetImage") == ("ok", "allowed, in 3 repositories tried")
    assert said(findings, "pull times") == ("ok", f"{ROLE} is left out of them")
    assert said(findings, "first run")[1].startswith(
        "9 images; at most 7 calls, about a second at 100 requests a second"
    )
    assert {finding.target for finding in findings.all} == {None, "123456789012/eu-west-1"}


def test_looking_leaves_nothing_behind(server: Server, registry: Registry, tmp_path: Path) -> None:
    registry.pull_time_exclusions.clear()
    check(config(server, tmp_path))
    images = [each for repository in registry.repositories.values() for each in repository.images.values()]
    assert [each.pulled_at for each in images] == [None] * 9, "no pull time was changed"
    assert list(tmp_path.iterdir()) == []


def test_the_estimate_is_what_a_run_then_needs(server: Server, registry: Registry, tmp_path: Path) -> None:
    the_config = config(server, tmp_path)
    text = said(check(the_config), "first run")[1]
    server.calls.clear()
    summary = crawl(the_config, Store.create_or_open(the_config.store))
    assert text.startswith(f"{summary.row.images} images; at most {summary.row.requests} calls")
    assert summary.row.requests == sum(server.calls.values())


def test_a_large_registry_is_looked_at_in_part(server: Server, registry: Registry, tmp_path: Path) -> None:
    for number in range(97):
        registry.create_repository(f"many/{number}")
        registry.put_image(f"many/{number}", image(f"{number}", {"layer": 1}))
    findings = check(config(server, tmp_path, include=("many/*",)))
    assert server.calls["DescribeImages"] == server.calls["BatchGetImage"] == 20
    assert said(findings, "repositories")[1] == "97 of 100 are to be indexed"
    assert said(findings, "first run")[1].startswith(
        "about 97 images and 200 calls, by what 20 of 97 repositories hold; about 2 seconds at 100 requests a second"
    )


@pytest.mark.parametrize("operation", ["DescribeRepositories", "DescribeImages", "BatchGetImage"])
def test_a_missing_permission_is_a_problem_with_its_policy(
    server: Server, registry: Registry, tmp_path: Path, operation: str
) -> None:
    registry.deny(operation)
    findings = check(config(server, tmp_path))
    assert not findings.good
    verdict, text = said(findings, f"ecr:{operation}")
    assert verdict == "problem"
    assert text.startswith("AccessDeniedException: User: ")
    assert findings.policy() == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": [f"ecr:{operation}"], "Resource": OURS}],
    }


def test_permissions_are_tried_one_by_one(server: Server, registry: Registry, tmp_path: Path) -> None:
    operations = ("DescribeRepositories", "DescribeImages", "BatchGetImage")
    for operation in (*operations, "GetAccountSetting", "ListPullTimeUpdateExclusions"):
        registry.deny(operation)
    policy = check(config(server, tmp_path)).policy()
    assert policy is not None
    assert {statement["Resource"]: statement["Action"] for statement in policy["Statement"]} == {
        OURS: [f"ecr:{operation}" for operation in sorted(operations)],
        "*": ["ecr:GetAccountSetting", "ecr:ListPullTimeUpdateExclusions"],
    }


def test_what_only_check_asks_is_no_problem_to_a_run(server: Server, registry: Registry, tmp_path: Path) -> None:
    registry.deny("GetAccountSetting")
    registry.deny("ListPullTimeUpdateExclusions")
    findings = check(config(server, tmp_path))
    assert findings.good
    assert said(findings, "blob mounting")[0] == said(findings, "pull times")[0] == "warning"


def test_one_repository_that_refuses_is_named(server: Server, registry: Registry, tmp_path: Path) -> None:
    registry.deny("BatchGetImage", "team/base")
    findings = check(config(server, tmp_path))
    verdict, text = said(findings, "ecr:BatchGetImage")
    assert verdict == "problem"
    assert text.startswith("refused in 1 of 3 repositories tried, such as team/base: AccessDeniedException")


def test_a_repository_that_is_deleted_meanwhile_is_no_problem(
    server: Server, registry: Registry, tmp_path: Path
) -> None:
    server.faults.add(Fault("vanish_repository", operation="DescribeImages", repository="team/app"))
    assert check(config(server, tmp_path)).good


def test_a_role_that_is_not_left_out_is_told_how_to_be(server: Server, registry: Registry, tmp_path: Path) -> None:
    registry.pull_time_exclusions.clear()
    (finding,) = [each for each in check(config(server, tmp_path)).all if each.subject == "pull times"]
    assert finding.verdict == "warning"
    assert finding.advice is not None
    assert f"register-pull-time-update-exclusion --region eu-west-1 --principal-arn {ROLE}" in finding.advice


def test_blob_mounting(server: Server, registry: Registry, tmp_path: Path) -> None:
    assert said(check(config(server, tmp_path)), "blob mounting")[1].startswith("off: ")
    registry.settings["BLOB_MOUNTING"] = "ENABLED"
    assert said(check(config(server, tmp_path)), "blob mounting")[1].startswith("on: ")


def test_another_accounts_settings_are_not_guessed(server: Server, tmp_path: Path) -> None:
    other = Registry("210987654321")
    server.registries.append(other)
    findings = check(config(server, tmp_path, registry_id="210987654321"))
    assert findings.good
    verdict, text = said(findings, "pull times")
    assert (verdict, text[:9]) == ("note", "not known")
    assert server.calls["GetAccountSetting"] == 0


def test_globs_that_match_nothing_are_named(server: Server, tmp_path: Path) -> None:
    findings = check(config(server, tmp_path, include=("team/*", "taem/*"), exclude=("sandbax/*",)))
    assert said(findings, "include") == ("warning", "'taem/*' matches no repository")
    assert said(findings, "exclude") == ("warning", "'sandbax/*' matches no repository")
    nothing = check(config(server, tmp_path, include=("nothing",)))
    told = "0 of 3 are to be indexed; include and exclude do not let through any, such as sandbox/x"
    assert said(nothing, "repositories") == ("problem", told)
    assert said(nothing, "ecr:BatchGetImage") == ("ok", "allowed")


def test_a_registry_without_repositories(server: Server, registry: Registry, tmp_path: Path) -> None:
    for name in list(registry.repositories):
        registry.delete_repository(name)
    findings = check(config(server, tmp_path, include=("nothing",)))
    assert findings.good
    assert said(findings, "repositories") == ("warning", "there are none")


def test_no_credentials(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    findings = check(config(server, tmp_path))
    assert not findings.good
    assert said(findings, "credentials")[1].startswith("NoCredentials: no AWS credentials for ")
    assert not server.calls


def test_credentials_that_expired(server: Server, tmp_path: Path) -> None:
    server.faults.add(Fault("expired_token"))
    findings = check(config(server, tmp_path))
    (finding,) = [each for each in findings.all if each.verdict is Verdict.PROBLEM]
    assert finding.subject == "ecr:DescribeRepositories"
    assert finding.advice == "log in again, or renew the credentials"
    assert findings.policy() is None


def test_a_role_that_cannot_be_assumed(server: Server, tmp_path: Path) -> None:
    findings = check(config(server, tmp_path, role_arn=ROLE))
    assert said(findings, "sts:AssumeRole")[1].startswith("AccessDenied: ")
    assert findings.policy() == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"], "Resource": ROLE}],
    }


def test_more_processes_than_this_machine_has_use_for(server: Server, tmp_path: Path) -> None:
    wanted = config(server, tmp_path)
    many = wanted.model_copy(update={"fetch": wanted.fetch.model_copy(update={"processes": 256})})
    assert said(check(many), "processes")[0] == "warning"
    assert said(check(many), "processes")[1].startswith("fetch.processes is 256, and there ")


def test_an_identity_that_nobody_tells_is_no_problem(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    findings = check(config(server, tmp_path))
    assert findings.good
    assert said(findings, "identity")[0] == "warning"
    assert said(findings, "pull times") == ("warning", f"not known, as who we are is not; left out of them are {ROLE}")


def test_where_nobody_is_left_out_of_pull_times_we_are_not(
    server: Server, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    registry.pull_time_exclusions.clear()
    assert said(check(config(server, tmp_path)), "pull times")[1].startswith(
        "nobody is left out of them: each manifest"
    )


def test_a_region_is_what_one_calls_it_where_an_endpoint_is_named(server: Server, tmp_path: Path) -> None:
    findings = check(config(server, tmp_path, regions=("eu-wst-1",)))
    assert "region" not in {finding.subject for finding in findings.all}


@pytest.mark.parametrize(
    ("region", "address", "reason"),
    [
        ("eu-west-9", "", "eu-west-9 is no region that this program knows; did you mean eu-west-"),
        ("eu-central-1", "/api.ecr.eu-west-1.vpce", "endpoint_url is of eu-west-1, and the region is eu-central-1"),
    ],
)
def test_a_registry_of_another_region_is_no_missing_permission(
    server: Server, tmp_path: Path, region: str, address: str, reason: str
) -> None:
    findings = check(config(server, tmp_path, regions=(region,), endpoint_url=server.url + address))
    (finding,) = [each for each in findings.all if each.verdict is Verdict.PROBLEM]
    assert finding.subject == "ecr:DescribeRepositories"
    assert (finding.advice or "").startswith(f"look at the region first: {reason}")
    assert findings.policy() is None
    assert {"ecr:DescribeImages", "blob mounting"}.isdisjoint({each.subject for each in findings.all})


def test_sts_is_not_asked_who_we_are_to_a_registry_on_this_machine(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # whatever is asked elsewhere fails
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        findings = check(config(server, tmp_path, endpoint_url=url))
        verdict, text = said(findings, "identity")
        assert (verdict, text.split(":")[0]) == ("note", "not asked for")
        assert findings.good
    missed = check(config(server, tmp_path, role_arn=ROLE))
    assert said(missed, "identity")[0] == "warning", "the role of a run is AWS's wherever the registry is"


@pytest.mark.parametrize("key", ["a", None], ids=["credentials", "none"])
def test_a_misspelt_region(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "http://127.0.0.1:9")
    if key is None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    findings = check(config(server, tmp_path, regions=("eu-wst-1",), endpoint_url=None))
    assert not findings.good
    assert findings.all[1].subject == "region", "before what comes of it"
    assert said(findings, "region") == (
        "warning",
        "eu-wst-1 is no region that this program knows; did you mean eu-west-1?",
    )


def test_a_registry_that_does_not_answer(server: Server, tmp_path: Path) -> None:
    findings = check(config(server, tmp_path, endpoint_url="http://127.0.0.1:9"))
    (finding,) = [each for each in findings.all if each.verdict is Verdict.PROBLEM]
    assert finding.text.startswith("EndpointConnectionError: ")
    assert finding.advice is not None


def test_a_profile_that_is_not_there_is_the_configs_fault(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nobody"):
        check(config(server, tmp_path, profile="nobody"))


def test_each_target_is_tried(server: Server, registry: Registry, tmp_path: Path) -> None:
    server.registries.append(Registry(region="us-east-1"))
    registry.deny("DescribeImages")
    findings = check(config(server, tmp_path, regions=("eu-west-1", "us-east-1")))
    problems = [finding.target for finding in findings.all if finding.verdict is Verdict.PROBLEM]
    assert problems == ["123456789012/eu-west-1"]
    assert "123456789012/us-east-1" in {finding.target for finding in findings.all}


def test_a_store_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    the_config = config(server, tmp_path).model_copy(update={"store": str(tmp_path / "file" / "store")})
    verdict, text = said(check(the_config), "store")
    assert verdict == "problem"
    assert str(tmp_path / "file") in text
