"""What describes AWS's services reads as botocore reads it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader, create_loader
from botocore.session import Session

from indexer.ecr import Target, connect
from indexer.ecr.core import core_session, is_for_others
from indexer.ecr.models import models


@pytest.mark.parametrize("name", ["endpoints", "partitions", "sdk-default-configuration"])
def test_descriptions_are_those_that_botocore_reads(name: str) -> None:
    assert models(None).load_data(name) == Loader().load_data(name)


@pytest.mark.parametrize("kind", ["service-2", "endpoint-rule-set-1", "paginators-1"])
@pytest.mark.parametrize("service", ["ecr", "sts"])
def test_services_are_those_that_botocore_reads(service: str, kind: str) -> None:
    assert models(None).load_service_model(service, kind) == Loader().load_service_model(service, kind)


def test_what_is_not_there_is_told_as_botocore_tells_it() -> None:
    for loader in (models(None), Loader()):
        with pytest.raises(DataNotFoundError):
            loader.load_data("no-such-file")
        with pytest.raises(UnknownServiceError):
            loader.load_service_model("no-such-service", "service-2")


def test_descriptions_of_a_users_own_are_found(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text('{"a": "é"}', encoding="utf-8")
    (tmp_path / "packed.json.gz").write_bytes(gzip.compress(b'{"b": [1]}'))
    for loader in (models(str(tmp_path)), create_loader(str(tmp_path))):
        assert loader.load_data("plain") == {"a": "é"}
        assert loader.load_data("packed") == {"b": [1]}


def test_endpoints_are_found_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    clients = [connect(Target(region), connections=1) for region in ("eu-west-1", "cn-north-1")]
    assert [client.meta.endpoint_url for client in clients] == [
        "https://api.ecr.eu-west-1.amazonaws.com",
        "https://api.ecr.cn-north-1.amazonaws.com.cn",
    ]


_WHATS = (
    "before-parameter-build",
    "before-endpoint-resolution",
    "before-call",
    "request-created",
    "choose-signer",
    "before-sign",
    "before-send",
    "before-parse",
    "needs-retry",
    "after-call",
    "after-call-error",
    "provide-client-params",
    "creating-client-class",
    "getattr",
)


@pytest.mark.parametrize("service", ["ecr", "sts", "sso", "sso-oidc", "signin"])
def test_a_clients_events_have_the_handlers_that_botocore_gives_them(service: str) -> None:
    def handlers(session: Session, event: str) -> list[object]:
        emitter: Any = session.get_component("event_emitter")
        return list(emitter._emitter._handlers.prefix_search(event))

    calls = ("DescribeImages", "AssumeRole", "AssumeRoleWithWebIdentity", "CreateToken", "create_o_auth2_token")
    events = [f"{what}.{service}{rest}" for what in _WHATS for rest in ("", *(f".{call}" for call in calls))]
    found = {event: handlers(core_session(None), event) for event in (*events, "choose-service-name")}
    assert found == {event: handlers(Session(), event) for event in found}
    assert any(found.values())
    assert is_for_others("before-call.s3.DeleteObjects")
    assert is_for_others("docs.*.ecr.complete-section")
    assert not is_for_others("before-call")


@pytest.mark.parametrize("service", ["ecr", "sts", "sso", "sso-oidc", "signin"])
def test_credentials_may_come_from_any_service(service: str) -> None:
    """Profiles with sso_session or login_session make clients of these from the same session."""
    client = core_session(None).create_client(service, region_name="eu-west-1")
    assert client.meta.service_model.service_name == service
