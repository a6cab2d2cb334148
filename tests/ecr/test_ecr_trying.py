"""When a target is given up: a registry that is down, credentials that ran out, a run that stops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.manifests import image

from indexer.ecr import REGISTRY_DOWN, Ecr, Health, Pace, Pulse, Signs, Target, Trouble, connect, reach
from indexer.errors import RegistryDown, RegistryError, RegistryRefused, RegistryUnavailable
from indexer.local_ecr import Fault, Registry, Server
from indexer.model import Digest

ATTEMPTS = 3
KEYS = "[default]\naws_access_key_id = {}\naws_secret_access_key = made-up\n"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    for name in ("aa", "bb", "cc", "dd"):
        registry.create_repository(name)
    return registry


@pytest.fixture
def server(registry: Registry) -> Iterator[Server]:
    with Server([registry]) as server:
        yield server


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def ecr(server: Server, slept: list[float]) -> Ecr:
    where = Target(region="eu-west-1", endpoint_url=server.url)
    return Ecr(connect(where, connections=2), where, Pace(10_000), max_attempts=ATTEMPTS, sleep=slept.append)


def digest(registry: Registry) -> Digest:
    return Digest(registry.put_image("aa", image("config", {"layer": 1})))


def test_throttles_use_up_attempts_slowly(registry: Registry, server: Server, ecr: Ecr) -> None:
    wanted = digest(registry)
    server.faults.add(Fault("throttle", operation="BatchGetImage", times=4 * ATTEMPTS))
    assert ecr.batch_get_image("aa", [wanted]).failures == ()


def test_a_call_is_given_up_after_a_time(server: Server, slept: list[float]) -> None:
    server.faults.add(Fault("error"))
    where = Target(region="eu-west-1", endpoint_url=server.url)
    ecr = Ecr(connect(where, connections=1), where, Pace(10_000), max_attempts=1000, sleep=slept.append)
    with pytest.raises(RegistryUnavailable):
        list(ecr.repositories())
    assert 120 <= sum(slept) <= 140, "so much would have been waited, and no attempt after that"


def test_a_registry_that_does_not_answer_is_given_up(server: Server, ecr: Ecr) -> None:
    server.faults.add(Fault("unavailable"))
    for name in ("aa", "bb", "cc"):
        with pytest.raises(RegistryUnavailable) as caught:
            list(ecr.images(name))
        assert caught.value.code == "503"
    sent = ecr.requests
    assert sent == 3 * ATTEMPTS + 2, "all attempts of three calls, and two to know"
    assert ecr.health.down
    with pytest.raises(RegistryDown) as down:
        list(ecr.images("dd"))
    assert down.value.code == REGISTRY_DOWN
    assert "503" in down.value.reason
    assert ecr.requests == sent, "nothing more is sent"


def test_one_operation_that_fails_is_no_registry_that_is_down(server: Server, ecr: Ecr) -> None:
    server.faults.add(Fault("error", operation="DescribeImages"))
    for _ in range(2):
        for name in ("aa", "bb", "cc", "dd"):
            with pytest.raises(RegistryUnavailable) as caught:
                list(ecr.images(name))
            assert caught.value.code == "ServerException"
    assert not ecr.health.down


def test_a_refusal_shows_that_somebody_is_there(registry: Registry, server: Server, ecr: Ecr) -> None:
    server.faults.add(Fault("error", operation="DescribeImages"))
    registry.deny("DescribeRepositories")
    for name in ("aa", "bb", "cc", "dd"):
        with pytest.raises(RegistryUnavailable):
            list(ecr.images(name))
    assert not ecr.health.down


def test_a_good_answer_in_between_starts_the_count_anew(server: Server, ecr: Ecr) -> None:
    server.faults.add(Fault("error", operation="DescribeImages"))
    for _ in range(3):
        for name in ("aa", "bb"):
            with pytest.raises(RegistryUnavailable):
                list(ecr.images(name))
        list(ecr.repositories())
    assert server.calls["DescribeRepositories"] == 3, "nobody had to ask whether the registry is there"


def test_what_other_processes_saw_counts_in_the_order_in_which_it_is_told(server: Server, ecr: Ecr) -> None:
    given_up = Signs(answered=False, given_up=1, error="no answer")
    ecr.hear(given_up)
    ecr.hear(given_up)
    ecr.hear(Signs(answered=True, given_up=0, error=""))
    ecr.hear(given_up._replace(given_up=2))
    assert ecr.requests == 0, "two in a row are nothing"
    ecr.hear(given_up)
    assert (ecr.requests, ecr.health.down) == (1, None), "the registry is there: the count begins anew"
    server.faults.add(Fault("error"))
    ecr.hear(Signs(answered=True, given_up=3, error="a reset"))
    assert ecr.health.down is not None
    assert "3 calls in a row got no good answer (a reset)" in ecr.health.down


def test_a_process_that_works_for_another_tells_what_it_saw_and_decides_nothing(server: Server) -> None:
    where, pulse = Target(region="eu-west-1", endpoint_url=server.url), Pulse()
    ecr = Ecr(connect(where, connections=1), where, Pace(10_000), max_attempts=1, health=pulse)
    list(ecr.repositories())
    server.faults.add(Fault("error", operation="DescribeImages"))
    for _ in range(4):
        with pytest.raises(RegistryUnavailable):
            list(ecr.images("aa"))
    told = pulse.signs()
    assert (told.answered, told.given_up) == (True, 4)
    assert "ServerException" in told.error
    assert pulse.signs()[:2] == (False, 0), "each is told once"
    assert pulse.down is None
    pulse.trip("somebody knows better")
    with pytest.raises(RegistryDown, match="somebody knows better"):
        list(ecr.images("aa"))


def test_a_run_that_stops_sends_nothing_more(server: Server) -> None:
    stopping: list[float] = []
    where = Target(region="eu-west-1", endpoint_url=server.url)
    server.faults.add(Fault("error"))
    ecr = Ecr(
        connect(where, connections=1),
        where,
        Pace(10_000),
        max_attempts=8,
        sleep=stopping.append,
        stopped=lambda: len(stopping) == 2,
    )
    with pytest.raises(RegistryDown) as caught:
        list(ecr.repositories())
    assert caught.value.code == "Stopped"
    assert ecr.requests == 2


class WaitingPace(Pace):
    """A pace at which something happens while a call waits for its turn."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(10_000)
        self._happens = happens

    def wait(self) -> None:
        self._happens()
        super().wait()


def test_a_call_that_waits_for_its_turn_when_the_run_stops_is_not_sent(server: Server) -> None:
    where, stopped = Target(region="eu-west-1", endpoint_url=server.url), list[bool]()
    pace = WaitingPace(lambda: stopped.append(True))
    ecr = Ecr(connect(where, connections=1), where, pace, max_attempts=8, stopped=lambda: bool(stopped))
    with pytest.raises(RegistryDown) as caught:
        list(ecr.repositories())
    assert caught.value.code == "Stopped"
    assert (ecr.requests, server.calls.total(), ecr.waiting) == (0, 0, 0)


def test_calls_that_wait_for_their_turn_are_counted(server: Server) -> None:
    where, seen = Target(region="eu-west-1", endpoint_url=server.url), list[int]()
    pace = WaitingPace(lambda: seen.append(paced.waiting))
    paced = Ecr(connect(where, connections=1), where, pace, max_attempts=8)
    list(paced.repositories())
    assert (seen, paced.waiting) == ([1], 0)


def test_while_calls_fail_their_trouble_can_be_seen(server: Server) -> None:
    where, seen = Target(region="eu-west-1", endpoint_url=server.url), list[Trouble | None]()
    health = Health()
    ecr = Ecr(
        connect(where, connections=1),
        where,
        Pace(10_000),
        max_attempts=8,
        health=health,
        sleep=lambda _: seen.append(health.trouble),
    )
    server.faults.add(Fault("error", times=3))
    list(ecr.repositories())
    troubles = [each for each in seen if each is not None]
    assert [each.attempts for each in troubles] == [1, 2, 3]
    assert len({each.since for each in troubles}) == 1
    assert "DescribeRepositories: ServerException" in troubles[0].error
    assert health.trouble is None, "an answer ends it"
    server.faults.add(Fault("error", operation="BatchGetImage"))
    seen.clear()
    assert ecr.batch_get_image("app", [Digest("sha256:" + "0" * 64)]).failures
    assert len([each for each in seen if each is not None]) == 7
    assert health.trouble is None, "so does giving up: nothing is waited for"
    health.failed(RuntimeError("503"))
    health.hear(Signs(answered=True, given_up=0, error=""), lambda: None)
    assert health.trouble is None, "so does an answer that a worker had"


# --- credentials


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where boto3 finds its keys: the shared file, and nothing in the environment."""
    path = tmp_path / "credentials"
    path.write_text(KEYS.format("AKIDOLD"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    return path


def reached(server: Server) -> Ecr:
    where = Target(region="eu-west-1", endpoint_url=server.url)
    return reach(where, Pace(10_000), Health(), connections=2, max_attempts=ATTEMPTS, sleep=lambda _: None)


def test_keys_that_somebody_renewed_are_taken(keys: Path) -> None:
    old, new = (
        Registry(registry_id="1" * 12, access_key="AKIDOLD"),
        Registry(registry_id="2" * 12, access_key="AKIDNEW"),
    )
    old.create_repository("seen-with-old-keys")
    new.create_repository("seen-with-new-keys")
    with Server([old, new]) as server:
        ecr = reached(server)
        assert [each.name for page in ecr.repositories() for each in page] == ["seen-with-old-keys"]
        keys.write_text(KEYS.format("AKIDNEW"))
        server.faults.add(Fault("expired_token", times=1))
        assert [each.name for page in ecr.repositories() for each in page] == ["seen-with-new-keys"]
        assert ecr.requests == 3


def test_keys_that_nobody_renews_end_the_target(server: Server, keys: Path) -> None:
    ecr = reached(server)
    list(ecr.repositories())
    server.faults.add(Fault("expired_token"))
    for name in ("aa", "bb"):
        with pytest.raises(RegistryRefused) as caught:
            list(ecr.images(name))
        assert caught.value.code == "ExpiredTokenException"
        assert "renew" in caught.value.reason
    assert ecr.requests == 1 + 3, "twice with new clients, and not again for the second repository"


def test_keys_that_are_gone_end_the_target(server: Server, keys: Path) -> None:
    ecr = reached(server)
    keys.write_text("")
    server.faults.add(Fault("expired_token"))
    with pytest.raises(RegistryRefused) as caught:
        list(ecr.repositories())
    assert caught.value.code == "NoCredentials"


def test_a_target_without_credentials_says_so_to_every_call(server: Server, keys: Path) -> None:
    keys.write_text("")
    ecr = reached(server)
    for _ in range(2):
        with pytest.raises(RegistryError) as caught:
            list(ecr.repositories())
        assert (caught.value.operation, caught.value.code) == ("Credentials", "NoCredentials")
    assert server.calls.total() == 0


# --- what else is asked


def test_the_image_of_a_tag(registry: Registry, ecr: Ecr) -> None:
    wanted = digest(registry)
    for tag in ("one", "two"):
        registry.tag_image("aa", wanted, tag)
    found = ecr.image("aa", "one")
    assert found is not None
    assert (found.digest, sorted(found.tags)) == (wanted, ["one", "two"])
    assert ecr.image("aa", "three") is None
    with pytest.raises(RegistryRefused, match="RepositoryNotFound"):
        ecr.image("nowhere", "one")


def test_the_account_of_the_credentials(registry: Registry, server: Server, ecr: Ecr) -> None:
    assert ecr.account() == registry.registry_id
    server.faults.add(Fault("empty", operation="DescribeRegistry"))
    with pytest.raises(RegistryUnavailable, match="registryId"):
        ecr.account()
