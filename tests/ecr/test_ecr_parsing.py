"""Our parser of answers beside botocore's own: the same answers, the same errors, and no crash on any body."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import JSONParser, ResponseParserError
from ecr.test_ecr_listing import members
from hypothesis import given, settings
from hypothesis import strategies as st
from support.manifests import image
from support.one_answer import OneAnswer, one_answer

from indexer.ecr import Ecr, Health, Pace, Target, connect
from indexer.ecr.listed import ListedImage, listed_images, listed_repositories, microseconds, seconds
from indexer.ecr.parsing import AnswerParser, AnswerParsers
from indexer.errors import RegistryUnavailable
from indexer.local_ecr import Fault, Registry, Server

ABSENT = "sha256:" + "0" * 64
OPERATIONS = ("DescribeRepositories", "DescribeImages", "BatchGetImage")


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app", created_at=datetime(2025, 3, 4, 5, 6, 7, 891234, tzinfo=UTC))
    pulled = datetime(2025, 4, 5, 6, 7, 8, 123456, tzinfo=UTC)
    for number in range(12):
        document = image(f"config {number}", {"base": 1000, f"layer {number} é": number + 1})
        tags = [f"v{number}", "latest"] if number % 2 else []
        registry.put_image("team/app", document, tags=tags, pulled_at=pulled if number % 3 else None)
    return registry


@pytest.fixture
def server(registry: Registry) -> Iterator[Server]:
    with Server([registry]) as server:
        yield server


def stock(server: Server) -> BaseClient:
    session = botocore.session.Session()
    config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
    return session.create_client("ecr", region_name="eu-west-1", endpoint_url=server.url, config=config)


def questions(client: Any, registry: Registry) -> Iterator[Any]:
    """The answers to all that the job asks, with pages and failures among them."""
    ids = [{"imageDigest": digest} for digest in [*registry.repositories["team/app"].images, ABSENT]]
    yield client.describe_repositories(maxResults=1)
    yield client.describe_images(repositoryName="team/app", maxResults=5, filter={"imageStatus": "ANY"})
    yield client.describe_images(repositoryName="team/app", maxResults=1000)
    yield client.batch_get_image(repositoryName="team/app", imageIds=ids)


def plain(answer: Any) -> Any:
    """An answer without what botocore adds, and with what is listed as the program reads it."""
    listings: dict[str, Any] = {
        "imageDetails": lambda items: [*map(members, listed_images(items))],
        "repositories": listed_repositories,
    }
    if isinstance(answer, dict):
        return {
            key: listings[key](value) if key in listings and value else plain(value)
            for key, value in answer.items()
            if key != "ResponseMetadata"
        }
    return [plain(each) for each in answer] if isinstance(answer, list) else answer


def test_answers_are_those_of_botocore(registry: Registry, server: Server) -> None:
    ours = connect(Target("eu-west-1", endpoint_url=server.url), connections=1)
    pairs = list(zip(questions(ours, registry), questions(stock(server), registry), strict=True))
    # A page's token may be another one each time.
    for mine, theirs in pairs:
        assert ("nextToken" in mine) == ("nextToken" in theirs)
        assert {**plain(mine), "nextToken": ""} == {**plain(theirs), "nextToken": ""}
        assert mine["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(pairs[1][0]["imageDetails"]) == 5
    assert all(isinstance(each, ListedImage) for each in pairs[2][0]["imageDetails"])
    assert len(pairs[3][0]["images"]) == 12
    assert len(pairs[3][0]["failures"]) == 1


@pytest.mark.parametrize("kind", ["throttle", "limit", "error", "unavailable", "denied", "expired_token", "kms"])
def test_errors_are_those_of_botocore(server: Server, kind: str) -> None:
    server.faults.add(Fault(kind))
    clients: list[Any] = [connect(Target("eu-west-1", endpoint_url=server.url), connections=1), stock(server)]
    told = []
    for client in clients:
        with pytest.raises(ClientError) as caught:
            client.batch_get_image(repositoryName="team/app", imageIds=[{"imageDigest": ABSENT}])
        told.append((caught.value.response["Error"], caught.value.response["ResponseMetadata"]["HTTPStatusCode"]))
    assert told[0] == told[1]


@cache
def shape(operation: str) -> Any:
    model = botocore.session.Session().get_service_model("ecr")
    return model.operation_model(operation).output_shape


def response(body: bytes, status: int = 200) -> dict[str, Any]:
    return {"body": body, "headers": {"x-amzn-requestid": "1"}, "status_code": status}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b'{"images": [', b'{"images": [], "failures": [], "x": NaN}', b"{}"]
)
def test_bodies_that_are_cut_off_or_no_json_are_botocores(operation: str, body: bytes) -> None:
    mine = AnswerParser().parse(response(body), shape(operation))
    theirs = JSONParser().parse(response(body), shape(operation))
    assert plain(mine) == plain(theirs)


def test_a_lone_surrogate_spoils_one_image_and_not_its_neighbours() -> None:
    body = json.dumps({"images": [{"imageManifest": "good"}, {"imageManifest": "\ud800"}], "failures": []}).encode()
    parsed = AnswerParser().parse(response(body), shape("BatchGetImage"))
    assert [each["imageManifest"] for each in parsed["images"]] == ["good", "\ud800"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("body", [b"[]", b"null", b"NaN", b'"text"', b"7", b"\xff", b"[" * 100_000, b'{"a":' * 5_000])
def test_a_body_that_is_no_object_is_no_answer(operation: str, body: bytes) -> None:
    """Stock botocore leaves some of these with an AttributeError, which would end a run."""
    try:
        parsed = AnswerParser().parse(response(body), shape(operation))
    except ResponseParserError:
        return
    assert set(parsed) <= {"ResponseMetadata"}


@pytest.mark.parametrize("status", [200, 400, 500])
@settings(deadline=None)  # the machine may be busy
@given(body=st.binary(max_size=40))
def test_no_body_gets_another_error_through(status: int, body: bytes) -> None:
    try:
        parsed = AnswerParser().parse(response(body, status), shape("BatchGetImage"))
    except ResponseParserError:
        return
    assert type(parsed) is dict


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["imageId", "imageDigest", "imageManifest", "failureCode", "imagePushedAt", "imageTags"]),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def same() -> Iterator[tuple[OneAnswer, Ecr]]:
    """A registry with one answer to everything, and a client of it."""
    with pytest.MonkeyPatch.context() as patch, one_answer() as server:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "made-up")
        target = Target("eu-west-1", endpoint_url=server.url)
        yield server, Ecr(connect(target, connections=1), target, Pace(1e9), max_attempts=1)


@settings(deadline=None)
@given(images=_JSON, failures=_JSON, details=_JSON)
def test_whatever_an_answer_holds_it_is_an_answer_or_none(
    same: tuple[OneAnswer, Ecr], images: Any, failures: Any, details: Any
) -> None:
    """Nothing has looked at the types in an answer before the client does."""
    server, ecr = same
    ecr.health = Health()  # one bad answer after the other: that is what is tried here
    server.body = json.dumps({"images": images, "failures": failures, "imageDetails": details}).encode()
    digest: Any = ABSENT
    batch = ecr.batch_get_image("team/app", [digest])
    assert len(batch.manifests) + len(batch.failures) == 1
    try:
        for page in ecr.images("team/app"):
            assert all(type(each.digest) is str for each in page)
    except RegistryUnavailable as error:
        assert error.code in {"BrokenAnswer", "ResponseParserError"}  # noqa: PT017 - it may be raised or not


def test_only_the_json_protocol_is_ours() -> None:
    parsers = AnswerParsers()
    assert isinstance(parsers.create_parser("json"), AnswerParser)
    assert type(parsers.create_parser("query")).__name__ == "QueryParser"


def test_times() -> None:
    at = datetime(2026, 5, 6, 7, 8, 9, 123456, tzinfo=UTC)
    assert microseconds(seconds(at.timestamp())) == 1_778_051_289_123_456
    assert microseconds(seconds(1_700_000_000)) == 1_700_000_000_000_000
    assert microseconds(seconds("2023-11-14T22:13:20Z")) == 1_700_000_000_000_000
    assert microseconds(seconds(None)) is None
    for wrong in (-1.0, 1e30, float("inf"), "soon"):
        with pytest.raises(ValueError, match="time"):
            seconds(wrong)


def test_times_that_botocores_parser_made_are_taken_too() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert microseconds(seconds(moment)) == microseconds(seconds(moment.timestamp())) == 1_767_323_045_678_000
