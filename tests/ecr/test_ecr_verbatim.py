"""BatchGetImage passed on as it is asked: in chunks where there are many, and never an answer that is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.manifests import digest_of, image

from indexer.ecr.verbatim import Verbatim, Way
from indexer.errors import AwsCliError
from indexer.local_ecr import Registry, Server
from indexer.local_ecr.faults import Fault

APP = "team/app"


@pytest.fixture
def server() -> Iterator[Server]:
    registry = Registry()
    registry.create_repository(APP)
    for number in range(7):
        registry.put_image(APP, image(f"config{number}", {"layer": number + 1}), tags=[f"v{number}"])
    with Server([registry]) as server:
        yield server


@pytest.fixture
def verbatim(server: Server, monkeypatch: pytest.MonkeyPatch) -> Verbatim:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return Verbatim(Way(region="eu-west-1", endpoint_url=server.url))


def tags(*names: str) -> list[dict[str, str]]:
    return [{"imageTag": name} for name in names]


def test_many_ids_come_in_chunks_and_in_order(verbatim: Verbatim, server: Server) -> None:
    wanted = ["v6", *(f"none{number}" for number in range(248)), "v0"]
    answer = verbatim.ask({"repositoryName": APP, "imageIds": tags(*wanted)})
    assert server.calls["BatchGetImage"] == 3
    assert [found["imageId"]["imageTag"] for found in answer["images"]] == ["v6", "v0"]
    assert [missing["imageId"]["imageTag"] for missing in answer["failures"]] == wanted[1:-1]
    assert list(answer) == ["images", "failures"]


def test_an_id_in_two_chunks_is_answered_once(verbatim: Verbatim, server: Server) -> None:
    wanted = ["v1", *(f"none{number}" for number in range(99)), "v1", "v2"]
    answer = verbatim.ask({"repositoryName": APP, "imageIds": tags(*wanted)})
    assert server.calls["BatchGetImage"] == 2
    assert [found["imageId"]["imageTag"] for found in answer["images"]] == ["v1", "v2"]


def test_one_hundred_ids_are_one_call(verbatim: Verbatim, server: Server) -> None:
    verbatim.ask({"repositoryName": APP, "imageIds": tags(*(f"t{number}" for number in range(100)))})
    assert server.calls["BatchGetImage"] == 1


def test_many_wrong_ids_are_refused_before_any_call(verbatim: Verbatim, server: Server) -> None:
    with pytest.raises(AwsCliError, match="Unknown parameter in imageIds"):
        verbatim.ask({"repositoryName": APP, "imageIds": [{"tag": "a"}] * 101})
    assert server.calls["BatchGetImage"] == 0


def test_the_answer_is_as_it_came(verbatim: Verbatim) -> None:
    answer = verbatim.ask({"repositoryName": APP, "imageIds": tags("v1")})
    (found,) = answer["images"]
    assert found["imageManifest"].encode() == image("config1", {"layer": 2})
    assert found["imageId"] == {"imageDigest": digest_of(image("config1", {"layer": 2})), "imageTag": "v1"}
    assert "ResponseMetadata" not in answer


def test_output_and_region_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (Verbatim(Way()).output, Verbatim(Way()).region) == ("json", None)
    monkeypatch.setenv("AWS_DEFAULT_OUTPUT", "table")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert (Verbatim(Way()).output, Verbatim(Way()).region) == ("table", "eu-north-1")
    assert Verbatim(Way(region="us-east-1")).region == "us-east-1"


def test_checking_needs_no_region() -> None:
    Verbatim(Way()).check({"repositoryName": APP, "imageIds": tags("v1")})
    with pytest.raises(AwsCliError, match="Missing required parameter"):
        Verbatim(Way()).check({"repositoryName": APP})


@pytest.mark.parametrize("kind", ["html", "empty", "truncate"])
def test_an_answer_that_is_none_is_no_empty_answer(verbatim: Verbatim, server: Server, kind: str) -> None:
    server.faults.add(Fault(kind))
    with pytest.raises(AwsCliError):
        verbatim.ask({"repositoryName": APP, "imageIds": tags("v1")})


def test_a_body_that_ends_early_is_asked_for_again(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    server.faults.add(Fault("cut", times=1))
    answer = Verbatim(Way(region="eu-west-1", endpoint_url=server.url)).ask(
        {"repositoryName": APP, "imageIds": tags("v1")}
    )
    assert len(answer["images"]) == 1
    assert server.calls["BatchGetImage"] == 2
    server.faults.add(Fault("cut"))
    with pytest.raises(AwsCliError, match="Connection was closed before we received a valid response"):
        Verbatim(Way(region="eu-west-1", endpoint_url=server.url)).ask({"repositoryName": APP, "imageIds": tags("v1")})


def test_a_chunk_that_fails_is_no_shorter_answer(verbatim: Verbatim, server: Server) -> None:
    server.faults.add(Fault("throttle", after=1))
    with pytest.raises(AwsCliError, match="ThrottlingException"):
        verbatim.ask({"repositoryName": APP, "imageIds": tags(*(f"t{number}" for number in range(101)))})
