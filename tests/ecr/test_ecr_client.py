"""The client against the local registry, through real boto3: whole answers are believed, broken ones asked again."""

from __future__ import annotations

import gc
import hashlib
import weakref
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from support.manifests import image

from indexer.ecr import PAGE_EXPIRED, Ecr, Pace, Target, connect
from indexer.errors import RegistryError, RegistryRefused, RegistryUnavailable
from indexer.local_ecr import Fault, Registry, Server
from indexer.model import ACCEPTED_MEDIA_TYPES, Digest

ATTEMPTS = 4
ABSENT = Digest("sha256:" + hashlib.sha256(b"absent").hexdigest())


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
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
    return client(server, slept)


def client(server: Server, slept: list[float], **target: str) -> Ecr:
    where = Target(region="eu-west-1", endpoint_url=server.url, **target)
    connection = connect(where, connections=4, read_timeout=1.0)
    return Ecr(connection, where, Pace(10_000), max_attempts=ATTEMPTS, sleep=slept.append)


def fill(registry: Registry, count: int, repository: str = "team/app") -> list[Digest]:
    documents = [image(f"config {number}", {f"layer {number}": number + 1}) for number in range(count)]
    return [Digest(registry.put_image(repository, each, tags=[f"v{n}"])) for n, each in enumerate(documents)]


def test_repositories_come_with_their_settings(registry: Registry, ecr: Ecr) -> None:
    created = datetime(2025, 3, 4, 5, 6, 7, tzinfo=UTC)
    key = "arn:aws:kms:eu-west-1:123456789012:key/1"
    registry.create_repository(
        "secret", tag_mutability="IMMUTABLE", encryption_type="KMS", kms_key=key, created_at=created
    )
    found = {each.name: each for page in ecr.repositories() for each in page}
    assert set(found) == {"team/app", "secret"}
    secret = found["secret"]
    assert secret.registry_id == "123456789012"
    assert secret.uri is not None
    assert secret.uri.endswith("/secret")
    assert (secret.tag_mutability, secret.encryption_type, secret.kms_key) == ("IMMUTABLE", "KMS", key)
    assert secret.created_at == created
    assert found["team/app"].encryption_type == "AES256"


def test_images_come_with_all_that_ecr_says(registry: Registry, ecr: Ecr) -> None:
    pushed, pulled = datetime(2025, 3, 4, tzinfo=UTC), datetime(2025, 4, 5, tzinfo=UTC)
    subject = fill(registry, 1)[0]
    document = image("c", {"l": 5}, subject={"mediaType": "a/b", "digest": subject, "size": 1}, artifactType="a/sbom")
    digest = registry.put_image("team/app", document, tags=["b", "a"], pushed_at=pushed, pulled_at=pulled)
    found = {each.digest: each for page in ecr.images("team/app") for each in page}[digest]
    assert sorted(found.tags) == ["a", "b"]
    assert found.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert found.artifact_type == "a/sbom"
    assert found.size == 105
    assert found.pushed_at == pushed.timestamp()
    assert found.last_pulled_at == pulled.timestamp()
    assert found.status == "ACTIVE"
    assert found.subject_digest == subject


def test_archived_images_are_listed(registry: Registry, ecr: Ecr) -> None:
    first, second = fill(registry, 2)
    registry.set_status("team/app", first, "ARCHIVED")
    status = {each.digest: each.status for page in ecr.images("team/app") for each in page}
    assert status == {first: "ARCHIVED", second: "ACTIVE"}


def test_short_and_empty_pages_with_a_token_are_not_the_end(registry: Registry, ecr: Ecr) -> None:
    digests = set(fill(registry, 30))
    registry.page_limit = 7
    registry.short_pages = True
    pages = list(ecr.images("team/app"))
    assert any(not page for page in pages), "the registry gave an empty page"
    assert {each.digest for page in pages for each in page} == digests


def test_manifests_come_as_they_are_stored(registry: Registry, server: Server, ecr: Ecr) -> None:
    digests = fill(registry, 100)
    batch = ecr.batch_get_image("team/app", digests)
    assert batch.failures == ()
    assert {each.digest: each.raw for each in batch.manifests} == {
        digest: registry.image("team/app", digest).manifest for digest in digests
    }
    assert all(each.verified for each in batch.manifests)
    assert server.calls["BatchGetImage"] == 1 == ecr.requests


def test_an_image_that_is_answered_once_per_tag_counts_once(registry: Registry, ecr: Ecr) -> None:
    digest = fill(registry, 1)[0]
    registry.tag_image("team/app", digest, "another")
    registry.row_per_tag = True
    assert len(ecr.batch_get_image("team/app", [digest]).manifests) == 1


def test_old_answers_without_a_media_type_are_fine(registry: Registry, ecr: Ecr) -> None:
    registry.omit_media_type = True
    digests = fill(registry, 3)
    assert len(ecr.batch_get_image("team/app", digests).manifests) == 3


def test_every_media_type_is_accepted(registry: Registry, ecr: Ecr) -> None:
    digests = [
        Digest(registry.put_image("team/app", image(media_type, {}), media_type=media_type))
        for media_type in ACCEPTED_MEDIA_TYPES
    ]
    batch = ecr.batch_get_image("team/app", digests)
    assert {each.digest for each in batch.manifests} == set(digests)


def test_failures_are_told_and_not_asked_again(registry: Registry, server: Server, ecr: Ecr) -> None:
    good, archived, locked = fill(registry, 3)
    registry.set_status("team/app", archived, "ARCHIVED")
    registry.fail_image("team/app", locked, "KmsError", "the key is disabled")
    batch = ecr.batch_get_image("team/app", [good, archived, locked, ABSENT])
    assert [each.digest for each in batch.manifests] == [good]
    failures = {each.digest: each for each in batch.failures}
    assert {digest: each.code for digest, each in failures.items()} == {
        archived: "ImageInaccessible",
        locked: "KmsError",
        ABSENT: "ImageNotFound",
    }
    assert failures[locked].reason == "the key is disabled"
    assert [digest for digest, each in failures.items() if each.gone] == [ABSENT]
    assert server.calls["BatchGetImage"] == 1


def test_upstream_that_is_busy_is_asked_again(registry: Registry, server: Server, ecr: Ecr) -> None:
    good, busy = fill(registry, 2)
    registry.fail_image("team/app", busy, "UpstreamTooManyRequests", "later")
    batch = ecr.batch_get_image("team/app", [good, busy])
    assert [(each.digest, each.code, each.reason) for each in batch.failures] == [
        (busy, "UpstreamTooManyRequests", "later")
    ]
    assert server.calls["BatchGetImage"] == ATTEMPTS
    assert server.requested[-1].image_ids == (busy,), "what is answered is not asked for again"


@pytest.mark.parametrize(
    "kind",
    ["throttle", "limit", "error", "unavailable", "reset", "truncate", "cut", "empty", "html", "omit", "corrupt"],
)
def test_a_fault_that_passes_leaves_no_trace(registry: Registry, server: Server, ecr: Ecr, kind: str) -> None:
    digests = fill(registry, 20)
    server.faults.add(Fault(kind, operation="BatchGetImage", times=2))
    batch = ecr.batch_get_image("team/app", digests)
    assert batch.failures == ()
    assert {each.digest for each in batch.manifests} == set(digests)
    assert len(batch.manifests) == 20
    assert server.faults.fired[kind] == 2
    assert ecr.requests == 3


@pytest.mark.parametrize("kind", ["throttle", "error", "unavailable", "reset", "truncate", "cut", "empty", "html"])
def test_a_listing_survives_faults_too(registry: Registry, server: Server, ecr: Ecr, kind: str) -> None:
    digests = set(fill(registry, 20))
    registry.page_limit = 5
    server.faults.add(Fault(kind, times=2))
    assert [each.name for page in ecr.repositories() for each in page] == ["team/app"]
    server.faults.add(Fault(kind, times=2, after=1))
    assert {each.digest for page in ecr.images("team/app") for each in page} == digests
    assert server.faults.fired[kind] == 4


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("throttle", "ThrottlingException"),
        ("limit", "LimitExceededException"),
        ("error", "ServerException"),
        ("unavailable", "503"),
        ("reset", "ConnectionClosedError"),
        ("truncate", "BrokenAnswer"),
        ("empty", "BrokenAnswer"),
        ("html", "BrokenAnswer"),
        ("omit", "MissingFromAnswer"),
        ("corrupt", "DigestMismatch"),
    ],
)
def test_a_fault_that_stays_is_told_for_every_digest(
    registry: Registry, server: Server, ecr: Ecr, kind: str, code: str
) -> None:
    digests = fill(registry, 4)
    server.faults.add(Fault(kind, operation="BatchGetImage"))
    batch = ecr.batch_get_image("team/app", digests)
    assert {each.digest for each in batch.failures} | {each.digest for each in batch.manifests} == set(digests)
    assert len(batch.failures) + len(batch.manifests) == 4
    assert batch.failures
    assert {each.code for each in batch.failures} == {code}
    assert ecr.requests == (5 * ATTEMPTS if kind in {"throttle", "limit"} else ATTEMPTS)


def test_a_hang_ends_with_our_own_time_out(registry: Registry, server: Server, ecr: Ecr) -> None:
    digests = fill(registry, 2)
    server.faults.add(Fault("hang", operation="BatchGetImage", times=1, seconds=30))
    assert len(ecr.batch_get_image("team/app", digests).manifests) == 2
    assert ecr.requests == 2


def test_waits_grow_and_differ(registry: Registry, server: Server, ecr: Ecr, slept: list[float]) -> None:
    server.faults.add(Fault("error"))
    with pytest.raises(RegistryUnavailable):
        list(ecr.images("team/app"))
    assert len(slept) == ATTEMPTS - 1
    assert all(0 <= pause <= 0.2 * 2**number for number, pause in enumerate(slept))
    assert len(set(slept)) == len(slept), "waits have jitter"


def test_what_was_not_asked_for_is_not_taken(registry: Registry, server: Server, ecr: Ecr) -> None:
    first, second = fill(registry, 2)
    server.faults.add(Fault("extra"))
    batch = ecr.batch_get_image("team/app", [first])
    assert [each.digest for each in batch.manifests] == [first] != [second]
    assert batch.failures == ()


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("denied", "AccessDeniedException"),
        ("expired_token", "ExpiredTokenException"),
        ("skew", "InvalidSignatureException"),
    ],
)
def test_a_refusal_is_not_asked_again(registry: Registry, server: Server, ecr: Ecr, kind: str, code: str) -> None:
    digests = fill(registry, 3)
    server.faults.add(Fault(kind))
    batch = ecr.batch_get_image("team/app", digests)
    assert {(each.digest, each.code) for each in batch.failures} == {(digest, code) for digest in digests}
    with pytest.raises(RegistryRefused) as caught:
        list(ecr.repositories())
    assert (caught.value.operation, caught.value.code) == ("DescribeRepositories", code)
    assert ecr.requests == (1 if kind == "expired_token" else 2), "without credentials nothing more is sent"


def test_a_refusal_is_no_garbage_that_waits_for_its_collection(ecr: Ecr) -> None:
    """What it was raised from holds the answer. Of a registry that refuses everything that was 15 KB a call."""
    gc.disable()
    try:
        try:
            list(ecr.images("nowhere"))
        except RegistryRefused as error:
            left = weakref.ref(error)
        assert left() is None
    finally:
        gc.enable()


def test_a_repository_that_is_gone_is_told(ecr: Ecr) -> None:
    with pytest.raises(RegistryRefused) as caught:
        list(ecr.images("nowhere"))
    assert caught.value.code == "RepositoryNotFoundException"
    assert [each.code for each in ecr.batch_get_image("nowhere", [ABSENT]).failures] == ["RepositoryNotFoundException"]


@pytest.mark.parametrize(("kind", "code"), [("kms", "KmsException"), ("upstream", "UnableToGetUpstreamImageException")])
def test_a_chunk_that_one_image_spoils_is_divided(
    registry: Registry, server: Server, ecr: Ecr, kind: str, code: str
) -> None:
    digests = fill(registry, 8)
    server.faults.add(Fault(kind, operation="BatchGetImage", times=3))  # 8, 4, 2 fail; then all goes well
    batch = ecr.batch_get_image("team/app", digests)
    assert {each.digest for each in batch.manifests} == set(digests)
    server.faults.clear()
    server.faults.add(Fault(kind, operation="BatchGetImage"))
    batch = ecr.batch_get_image("team/app", digests)
    assert sorted(each.digest for each in batch.failures) == sorted(digests)
    assert {each.code for each in batch.failures} == {code}


def test_a_token_that_expires_ends_the_listing(registry: Registry, server: Server, ecr: Ecr) -> None:
    fill(registry, 10)
    registry.page_limit = 3
    server.faults.add(Fault("expired_page", after=1))
    with pytest.raises(RegistryError) as caught:
        list(ecr.images("team/app"))
    assert caught.value.code == PAGE_EXPIRED


def test_the_registry_id_is_sent_with_every_call(registry: Registry, slept: list[float]) -> None:
    other = Registry(registry_id="210987654321")
    other.create_repository("theirs")
    digests = fill(other, 1, "theirs")
    with Server([registry, other]) as server:
        ecr = client(server, slept, registry_id="210987654321")
        assert [each.name for page in ecr.repositories() for each in page] == ["theirs"]
        assert [each.digest for page in ecr.images("theirs") for each in page] == digests
        assert len(ecr.batch_get_image("theirs", digests).manifests) == 1
        assert {each.registry_id for each in server.requested} == {"210987654321"}


def test_nobody_there_is_told(slept: list[float]) -> None:
    target = Target(region="eu-west-1", endpoint_url="http://127.0.0.1:9")
    ecr = Ecr(connect(target, connections=1), target, Pace(1000), max_attempts=2, sleep=slept.append)
    with pytest.raises(RegistryUnavailable) as caught:
        list(ecr.repositories())
    assert caught.value.code == "EndpointConnectionError"
    assert len(slept) == 1
