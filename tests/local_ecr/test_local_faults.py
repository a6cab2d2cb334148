"""Every kind of fault, as boto3 with its retries off sees it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from contextlib import suppress
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ReadTimeoutError,
)

from indexer.local_ecr import Fault, Registry, Server
from indexer.local_ecr.faults import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_ecr.conftest import Connect
    from types_boto3_ecr import ECRClient


@pytest.fixture
def digests(registry: Registry, document: Callable[..., str]) -> list[str]:
    return [registry.put_image("team/app", document(number), tags=[f"t{number}"]) for number in range(10)]


def fetch(client: ECRClient, digests: list[str]) -> Any:
    ids: list[Any] = [{"imageDigest": digest} for digest in digests]
    return client.batch_get_image(repositoryName="team/app", imageIds=ids)


def found(answer: Any) -> list[str]:
    return [image["imageId"]["imageDigest"] for image in answer["images"]]


# --- exceptions of the service


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttle", "ThrottlingException", 400),
        ("limit", "LimitExceededException", 400),
        ("error", "ServerException", 500),
        ("denied", "AccessDeniedException", 400),
        ("expired_token", "ExpiredTokenException", 400),
        ("skew", "InvalidSignatureException", 400),
        ("upstream", "UnableToGetUpstreamImageException", 400),
        ("kms", "KmsException", 400),
    ],
)
def test_exceptions(  # noqa: PLR0913, PLR0917 - a table of parameters
    server: Server, ecr: ECRClient, digests: list[str], kind: str, code: str, status: int
) -> None:
    server.faults.add(Fault(kind, times=1))
    with pytest.raises(ClientError) as error:
        fetch(ecr, digests)
    assert error.value.response["Error"]["Code"] == code
    assert error.value.response["Error"]["Message"]
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert found(fetch(ecr, digests)) == digests
    assert server.faults.fired == Counter({kind: 1})


def test_kms_says_what_the_key_service_said(server: Server, ecr: ECRClient, document: Callable[..., str]) -> None:
    server.faults.add(Fault("kms"))
    with pytest.raises(ecr.exceptions.KmsException) as error:
        ecr.put_image(repositoryName="team/app", imageManifest=document(1))
    response: Any = error.value.response
    assert response["kmsError"] == "DisabledException"


def test_the_http_status_can_be_another(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("throttle", status=429, times=1), Fault("unavailable", status=502))
    for status in (429, 502):
        with pytest.raises(ClientError) as error:
            ecr.describe_repositories()
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_unavailable_is_a_503_that_is_no_json(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("unavailable"))
    with pytest.raises(ClientError) as error:
        ecr.describe_repositories()
    assert error.value.response["Error"]["Code"] == "503"


def test_a_page_that_expired(server: Server, ecr: ECRClient, digests: list[str]) -> None:
    server.faults.add(Fault("expired_page"))
    token = ecr.list_images(repositoryName="team/app", maxResults=3)["nextToken"]
    with pytest.raises(ecr.exceptions.InvalidParameterException, match="'nextToken'"):
        ecr.list_images(repositoryName="team/app", nextToken=token)


# --- broken answers and connections


@pytest.mark.parametrize("kind", ["truncate", "empty", "html", "cut"])
def test_a_broken_body_with_status_200_looks_like_an_answer(
    server: Server, ecr: ECRClient, digests: list[str], kind: str
) -> None:
    """Of a cut connection too: botocore does not compare the body with its Content-Length."""
    server.faults.add(Fault(kind, operation="BatchGetImage", times=1))
    answer = fetch(ecr, digests)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert "images" not in answer
    assert found(fetch(ecr, digests)) == digests


def test_a_truncated_body_is_as_long_as_its_header_says(server: Server, raw_call: Any) -> None:
    server.faults.add(Fault("truncate"))
    with pytest.raises(json.JSONDecodeError):
        raw_call("DescribeRepositories", {})


def test_reset(registry: Registry, server: Server, ecr: ECRClient, digests: list[str]) -> None:
    server.faults.add(Fault("reset", times=1))
    with pytest.raises(ConnectionClosedError) as error:
        fetch(ecr, digests)
    assert "ConnectionResetError" in repr(error.value.kwargs["error"])
    assert registry.repositories["team/app"].images[digests[0]].pulled_at is None
    assert found(fetch(ecr, digests)) == digests


def test_cut_ends_the_connection_in_the_middle_of_the_body(server: Server, raw_call: Any) -> None:
    server.faults.add(Fault("cut"))
    with pytest.raises(IncompleteRead) as error:
        raw_call("DescribeRepositories", {})
    assert error.value.partial.startswith(b'{"repositories":[{')
    assert error.value.expected


def test_hang_outlasts_a_clients_patience(server: Server, connect: Connect) -> None:
    server.faults.add(Fault("hang", times=1))
    impatient, patient = connect(server.url, read_timeout=0.2), connect(server.url)
    with pytest.raises(ReadTimeoutError):
        impatient.describe_repositories()
    assert patient.describe_repositories()["repositories"]


def test_hang_answers_in_the_end(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("hang", seconds=0.1))
    assert ecr.describe_repositories()["repositories"]
    assert server.faults.fired["hang"] == 1


# --- answers that are not what was asked


def test_omit_leaves_out_some_ids_without_a_word(server: Server, ecr: ECRClient, digests: list[str]) -> None:
    server.faults.add(Fault("omit", times=1))
    answer = fetch(ecr, [*digests, f"sha256:{'c' * 64}"])
    kept = found(answer)
    assert 0 < len(kept) + len(answer["failures"]) < len(digests) + 1
    assert kept == [digest for digest in digests if digest in kept]
    assert found(fetch(ecr, digests)) == digests


def test_omit_always_leaves_out_one(server: Server, ecr: ECRClient, digests: list[str]) -> None:
    server.faults.add(Fault("omit"))
    answer = fetch(ecr, digests[:1])
    assert (answer["images"], answer["failures"]) == ([], [])


def test_extra_adds_an_image_that_was_not_asked_for(server: Server, ecr: ECRClient, digests: list[str]) -> None:
    server.faults.add(Fault("extra"))
    first = found(fetch(ecr, digests[:2]))
    assert first[:2] == digests[:2]
    assert first[2:] == [digests[2]]
    everything = found(fetch(ecr, digests))
    assert len(everything) == len(digests) + 1
    assert everything[-1] not in digests


def test_corrupt_changes_one_character_of_one_manifest(
    registry: Registry, server: Server, ecr: ECRClient, digests: list[str]
) -> None:
    server.faults.add(Fault("corrupt"))
    images = fetch(ecr, digests)["images"]
    wrong = [
        image
        for image in images
        if f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}" != image["imageId"]["imageDigest"]
    ]
    assert len(wrong) == 1
    raw = registry.repositories["team/app"].images[wrong[0]["imageId"]["imageDigest"]].manifest.decode()
    assert len(raw) == len(wrong[0]["imageManifest"])
    assert sum(a != b for a, b in zip(raw, wrong[0]["imageManifest"], strict=True)) == 1
    assert json.loads(wrong[0]["imageManifest"]) != json.loads(raw)


def test_corrupt_changes_a_manifest_without_digits_too(registry: Registry, server: Server, ecr: ECRClient) -> None:
    digest = registry.put_image("team/app", '{"layers":[]}')
    server.faults.add(Fault("corrupt"))
    assert fetch(ecr, [digest])["images"][0]["imageManifest"] == '{"layers":[]}}'


def test_vanish_deletes_the_first_image_that_is_there(
    registry: Registry, server: Server, ecr: ECRClient, digests: list[str]
) -> None:
    server.faults.add(Fault("vanish", times=1))
    absent = f"sha256:{'c' * 64}"
    answer = fetch(ecr, [absent, *digests])
    assert found(answer) == digests[1:]
    assert [failure["imageId"]["imageDigest"] for failure in answer["failures"]] == [absent, digests[0]]
    assert digests[0] not in registry.repositories["team/app"].images
    assert "t0" not in registry.repositories["team/app"].tags


def test_vanish_finds_nothing_to_delete(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("vanish"))
    assert len(fetch(ecr, [f"sha256:{'c' * 64}"])["failures"]) == 1


def test_vanish_repository(registry: Registry, server: Server, ecr: ECRClient) -> None:
    registry.create_repository("team/other")
    server.faults.add(Fault("vanish_repository", operation="DescribeImages", repository="team/app"))
    ecr.describe_images(repositoryName="team/other")
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(repositoryName="team/app")
    assert list(registry.repositories) == ["team/other"]
    with pytest.raises(ecr.exceptions.RepositoryNotFoundException):
        ecr.describe_images(repositoryName="team/app")


# --- which requests are hit


def outcomes(server: Server, client: ECRClient, number: int, repository: str = "team/app") -> str:
    """A letter for each of `number` calls: x where the fault hit, . where not."""
    marks = []
    for _ in range(number):
        try:
            client.list_images(repositoryName=repository)
            marks.append(".")
        except ClientError:
            marks.append("x")
    return "".join(marks)


def test_after_and_times(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("throttle", after=2, times=3))
    assert outcomes(server, ecr, 8) == "..xxx..."
    assert server.faults.fired == Counter(throttle=3)


def test_a_rate_is_repeatable_by_its_seed(server: Server, ecr: ECRClient) -> None:
    seen = []
    for seed in (1, 1, 2):
        server.faults.clear()
        server.faults.add(Fault("throttle", rate=0.4, seed=seed))
        seen.append(outcomes(server, ecr, 40))
    assert seen[0] == seen[1] != seen[2]
    assert 5 <= seen[0].count("x") <= 27


def test_a_rate_of_zero_never_hits(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("throttle", rate=0))
    assert outcomes(server, ecr, 10) == "." * 10


def test_operation_and_repository_narrow_a_fault(registry: Registry, server: Server, ecr: ECRClient) -> None:
    registry.create_repository("team/other")
    server.faults.add(Fault("throttle", operation="ListImages", repository="team/app"))
    assert outcomes(server, ecr, 2) == "xx"
    assert outcomes(server, ecr, 2, "team/other") == ".."
    assert ecr.describe_images(repositoryName="team/app")["imageDetails"] == []
    server.faults.add(Fault("error", operation="DescribeRepositories", repository="team/app"))
    ecr.describe_repositories(repositoryNames=["team/other"])
    with pytest.raises(ecr.exceptions.ServerException):
        ecr.describe_repositories(repositoryNames=["team/other", "team/app"])


def test_a_fault_counts_only_requests_that_it_fits(server: Server, ecr: ECRClient, digests: list[str]) -> None:
    """`after` passes over requests with a nextToken, since no other could be told that it expired."""
    server.faults.add(Fault("expired_page", after=1))
    token = ecr.list_images(repositoryName="team/app", maxResults=1)["nextToken"]
    assert ecr.list_images(repositoryName="team/app", nextToken=token)["imageIds"]
    with pytest.raises(ecr.exceptions.InvalidParameterException):
        ecr.list_images(repositoryName="team/app", nextToken=token)


def test_the_first_fault_that_fires_is_played(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("throttle", times=1), Fault("error", times=1))
    for code in ("ThrottlingException", "ServerException"):
        with pytest.raises(ClientError, match=code):
            ecr.describe_repositories()
    assert ecr.describe_repositories()["repositories"]


def test_requests_that_are_hit_are_counted_too(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("throttle", times=2))
    outcomes(server, ecr, 3)
    assert server.calls == Counter(ListImages=3)


def test_clear_ends_all_faults(server: Server, ecr: ECRClient) -> None:
    server.faults.add(Fault("throttle"))
    server.faults.clear()
    assert outcomes(server, ecr, 3) == "..."


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"kind": "explode"}, r"no fault 'explode'; there are throttle, "),
        ({"kind": "error", "operation": "GetImage"}, "no operation 'GetImage'"),
        ({"kind": "omit", "operation": "ListImages"}, "changes answers of BatchGetImage only"),
        ({"kind": "error", "rate": 1.5}, "probability from 0 to 1"),
        ({"kind": "error", "status": 999}, "no HTTP status"),
    ],
)
def test_a_fault_that_could_never_be_played_is_refused(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Fault(**wrong)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_no_fault_breaks_the_server(server: Server, connect: Connect, digests: list[str], kind: str) -> None:
    """The fixture checks that the server found no bug in itself; afterwards the same client gets its answer."""
    client = connect(server.url)
    token = client.list_images(repositoryName="team/app", maxResults=1)["nextToken"]
    server.faults.add(Fault(kind, seconds=0.01, times=2))
    calls: list[Callable[[], object]] = [
        lambda: client.list_images(repositoryName="team/app", nextToken=token),
        lambda: fetch(client, digests[:1]),
    ]
    for call in calls:
        # An exception of boto3's is one of the ways in which a fault may look.
        with suppress(ClientError, HTTPClientError):
            call()
    assert server.faults.fired[kind] >= 1
    server.faults.clear()
    assert client.describe_repositories()["repositories"] or kind == "vanish_repository"
