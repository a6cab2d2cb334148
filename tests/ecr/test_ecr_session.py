"""Credentials: profiles, roles that renew, and what is said where there are none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from indexer.ecr import Ecr, Pace, Target, connect
from indexer.errors import ConfigError, RegistryError, RegistryRefused
from indexer.local_ecr import Registry, Server

ROLE = "arn:aws:iam::210987654321:role/indexer"
ANSWER = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROA:manifest-indexer</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>made-up</SecretAccessKey>
<SessionToken>made-up</SessionToken><Expiration>{expires}</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>"""


class Sts(ThreadingHTTPServer):
    """AssumeRole on the wire: every call gives a key of its own, which lives for `seconds`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seconds = 3600
        self.asked: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sts = self.server
        assert isinstance(sts, Sts)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        sts.asked.append({name: values[0] for name, values in parse_qs(body).items()})
        expires = datetime.now(UTC) + timedelta(seconds=sts.seconds)
        answer = ANSWER.format(arn=ROLE, key=f"ASIA{len(sts.asked)}", expires=expires.isoformat()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
        pass


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    with Sts() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "aws-config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


def registries() -> list[Registry]:
    """One account per access key, so that an answer shows which credentials signed the question."""
    found = []
    for number, key in enumerate(["AKIDEXAMPLE", "AKIDPROFILE", "ASIA1", "ASIA2"]):
        registry = Registry(registry_id=f"{number:012}", access_key=key)
        registry.create_repository(f"seen-by-{key.lower()}")
        found.append(registry)
    return found


def seen(target: Target) -> list[str]:
    ecr = Ecr(connect(target, connections=1), target, Pace(1000), max_attempts=1)
    return [each.name for page in ecr.repositories() for each in page]


def test_the_usual_chain_is_the_default() -> None:
    with Server(registries()) as server:
        assert seen(Target("eu-west-1", endpoint_url=server.url)) == ["seen-by-akidexample"]


def test_a_profile_is_used(config_file: Path) -> None:
    config_file.write_text("[profile prod]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = x\n")
    with Server(registries()) as server:
        assert seen(Target("eu-west-1", profile="prod", endpoint_url=server.url)) == ["seen-by-akidprofile"]


def test_a_profile_that_is_not_there_is_a_mistake_in_the_config() -> None:
    with pytest.raises(ConfigError, match=r"prod.*list-profiles"):
        connect(Target("eu-west-1", profile="prod"), connections=1)


def test_no_credentials_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    for target in (Target("eu-west-1"), Target("eu-west-1", role_arn=ROLE)):
        with pytest.raises(RegistryRefused) as caught:
            connect(target, connections=1)
        assert caught.value.code == "NoCredentials"
        assert "made-up" not in str(caught.value)


def test_a_role_is_assumed_once_for_as_long_as_it_lives(sts: Sts) -> None:
    with Server(registries()) as server:
        target = Target("eu-west-1", role_arn=ROLE, external_id="our-word", endpoint_url=server.url)
        ecr = Ecr(connect(target, connections=1), target, Pace(1000), max_attempts=1)
        for _ in range(3):
            assert [each.name for page in ecr.repositories() for each in page] == ["seen-by-asia1"]
    assert [(each["RoleArn"], each["ExternalId"]) for each in sts.asked] == [(ROLE, "our-word")]


def test_a_role_renews_itself_before_it_expires(sts: Sts) -> None:
    sts.seconds = 60  # nearer than botocore's ten minutes, within which it must renew
    with Server(registries()) as server:
        target = Target("eu-west-1", role_arn=ROLE, endpoint_url=server.url)
        ecr = Ecr(connect(target, connections=1), target, Pace(1000), max_attempts=1)
        names = [[each.name for page in ecr.repositories() for each in page] for _ in range(2)]
    assert len(sts.asked) >= 2
    assert names[0] != names[1], "the second question was signed with the renewed key"
    assert "ExternalId" not in sts.asked[0]


def test_a_role_is_assumed_with_the_profile(sts: Sts, config_file: Path) -> None:
    config_file.write_text("[profile prod]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = x\n")
    with Server(registries()) as server:
        assert seen(Target("eu-west-1", profile="prod", role_arn=ROLE, endpoint_url=server.url)) == ["seen-by-asia1"]
    assert len(sts.asked) == 1


def test_a_role_that_cannot_be_assumed_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with Server(registries()) as server:
        target = Target("eu-west-1", role_arn=ROLE, endpoint_url=server.url)
        with pytest.raises(RegistryError):
            seen(target)
        assert server.calls.total() == 0
