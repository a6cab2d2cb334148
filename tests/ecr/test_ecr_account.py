"""Who one is, what the account has set, and names of regions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.ecr import Account, Identity, Target, doubt, partition_of
from indexer.errors import RegistryRefused, RegistryUnavailable
from indexer.local_ecr import Fault, Registry, Server

ROLE = "arn:aws:iam::123456789012:role"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with Server([Registry()]) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server


def account(server: Server, **more: str) -> Account:
    return Account(Target("eu-west-1", endpoint_url=server.url, **more))


def test_the_identity_is_that_of_the_credentials(server: Server) -> None:
    server.registries[0].caller = "arn:aws:sts::123456789012:assumed-role/indexer/nightly"
    identity = account(server).identity()
    assert identity == Identity("123456789012", "arn:aws:sts::123456789012:assumed-role/indexer/nightly")
    assert identity.principal == f"{ROLE}/indexer"


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (f"{ROLE}/indexer", True),
        (f"{ROLE}/some/path/indexer", True),
        (f"{ROLE}/indexer-2", False),
        (f"{ROLE}/indexer/other", False),
        ("arn:aws:iam::210987654321:role/indexer", False),
        ("arn:aws:iam::123456789012:user/indexer", False),
    ],
)
def test_a_role_is_found_whatever_its_path(listed: str, found: bool) -> None:
    identity = Identity("123456789012", "arn:aws:sts::123456789012:assumed-role/indexer/nightly")
    assert identity.is_among([f"{ROLE}/another", listed]) is found


def test_a_user_is_its_own_principal() -> None:
    user = Identity("123456789012", "arn:aws:iam::123456789012:user/people/ann")
    assert user.principal == "arn:aws:iam::123456789012:user/people/ann"
    assert user.is_among(["arn:aws:iam::123456789012:user/people/ann"])


def test_settings_and_all_pages_of_exclusions(server: Server) -> None:
    registry = server.registries[0]
    asked = account(server)
    assert asked.blob_mounting() is False
    registry.settings["BLOB_MOUNTING"] = "ENABLED"
    assert asked.blob_mounting() is True
    registry.pull_time_exclusions |= {f"{ROLE}/{number}" for number in range(7)}
    registry.page_limit = 3
    assert asked.pull_time_exclusions() == sorted(registry.pull_time_exclusions)


def test_a_refusal_has_the_operation_and_the_code(server: Server) -> None:
    server.registries[0].deny("GetAccountSetting")
    with pytest.raises(RegistryRefused, match="GetAccountSetting: AccessDeniedException: User: "):
        account(server).blob_mounting()


def test_a_role_that_may_not_be_assumed_is_refused_as_such(server: Server) -> None:
    with pytest.raises(RegistryRefused) as caught:
        account(server, role_arn=f"{ROLE}/indexer").identity()
    assert (caught.value.operation, caught.value.code) == ("AssumeRole", "AccessDenied")


def test_what_does_not_answer_is_unavailable(server: Server) -> None:
    server.faults.add(Fault("reset"))
    with pytest.raises(RegistryUnavailable, match="ListPullTimeUpdateExclusions: "):
        account(server).pull_time_exclusions()


def test_a_region_that_nobody_knows_is_doubted() -> None:
    assert doubt("eu-west-1") is None
    assert doubt("cn-north-1") is None
    assert doubt("us-gov-west-1") is None
    assert doubt("eu-wst-1") == "eu-wst-1 is no region that this program knows; did you mean eu-west-1?"
    assert doubt("mars-base-7") == "mars-base-7 is no region that this program knows"


def test_partitions() -> None:
    assert partition_of("eu-west-1") == "aws"
    assert partition_of("cn-north-1") == "aws-cn"
    assert partition_of("us-gov-east-1") == "aws-us-gov"
