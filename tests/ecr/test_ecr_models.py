"""What describes AWS's services reads as botocore reads it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from botocore.exceptions import DataNotFoundError, UnknownServiceError
from botocore.loaders import Loader, create_loader

from indexer.ecr import Target, connect
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
