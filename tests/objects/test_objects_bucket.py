"""Objects under a prefix: conditions hold, answers that were lost are asked after, and refusals say what to do."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from support.s3 import Answer, Place, Request, changes

from indexer.errors import ConfigError, StoreDamaged, StoreError, StoreMissing
from indexer.objects import Bucket, connect
from indexer.objects.bucket import PART_BYTES


@pytest.fixture
def objects(bucket: Place) -> Bucket:
    return Bucket(connect(), bucket.bucket, bucket.prefix)


def nothing() -> None:
    """All is well."""


def once(answer: Answer, operation: str) -> Callable[[Request], Answer | None]:
    """A hook that gives `answer` to the first request of that operation."""
    left = [answer]
    return lambda request: left.pop() if left and request.operation == operation else None


def test_what_was_put_can_be_got(objects: Bucket, bucket: Place) -> None:
    assert objects.get("a") is None
    etag = objects.put("a", b"one")
    found = objects.get("a")
    assert found is not None
    assert (found.body, found.etag) == (b"one", etag)
    assert 0 <= found.age < 60
    bucket.older("a", 3600)
    found = objects.get("a")
    assert found is not None
    assert 3600 <= found.age < 3660
    assert bucket.read("a") == b"one"
    assert objects.where("a") == f"s3://{bucket.bucket}/team/store/a"


def test_the_first_to_put_is_the_only_one(objects: Bucket) -> None:
    first = objects.put("a", b"one")
    assert objects.put("a", b"two") is None
    assert objects.put("a", b"two", etag='"0123"') is None
    assert objects.put("absent", b"two", etag='"0123"') is None
    assert objects.put("a", b"three", etag=first) is not None
    assert objects.put("a", b"four", etag=first) is None, "the one it stood on is replaced"
    assert objects.get("a")[0] == b"three"  # type: ignore[index]  # it is there


@pytest.mark.parametrize("etag", [False, True], ids=["created", "replaced"])
def test_a_write_whose_answer_was_lost_is_known_again(objects: Bucket, bucket: Place, etag: bool) -> None:
    before = objects.put("a", b"old") if etag else None
    assert bucket.server is not None
    bucket.server.hook = once(Answer(None, apply=True), "PutObject")
    written = objects.put("a", b"new", etag=before)
    assert written is not None
    found = objects.get("a")
    assert found is not None
    assert (found.body, found.etag) == (b"new", written)


AGAIN = {
    "slow down": Answer(503, "SlowDown"),
    "error": Answer(500, "InternalError"),
    "conflict": Answer(409, "ConditionalRequestConflict"),
    "reset": Answer(None),
    "html": Answer(503, body=b"<html>busy</html>"),
}
NO_LISTING = {
    "broken": Answer(200, body=b"<Unfinished"),
    "empty": Answer(200, body=b""),
    "other": Answer(200, body=b"<html>sign in</html>"),
}


@pytest.mark.parametrize("answer", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("operation", ["PutObject", "ListObjects", "DeleteObject", "GetObject"])
def test_what_can_help_is_tried_again(objects: Bucket, bucket: Place, answer: Answer, operation: str) -> None:
    assert bucket.server is not None
    bucket.server.hook = once(answer, operation)
    assert objects.put("a", b"one") is not None
    found = objects.get("a")
    assert found is not None
    assert found.body == b"one"
    assert [entry.name for entry in objects.listing("")[0]] == ["a"]
    objects.remove("a")
    assert objects.get("a") is None


@pytest.mark.parametrize("answer", NO_LISTING.values(), ids=NO_LISTING)
def test_what_is_no_listing_is_not_an_empty_one(objects: Bucket, bucket: Place, answer: Answer) -> None:
    objects.put("a", b"one")
    bucket.client().create_multipart_upload(Bucket=bucket.bucket, Key="team/store/b")
    assert bucket.server is not None
    bucket.server.hook = once(answer, "ListObjects")
    assert [entry.name for entry in objects.listing("")[0]] == ["a"]
    bucket.server.hook = once(answer, "ListUploads")
    assert [upload.key for upload in objects.uploads()] == ["b"]


@pytest.mark.slow
def test_a_service_that_stays_busy_is_an_error_with_advice(objects: Bucket, bucket: Place) -> None:
    assert bucket.server is not None
    bucket.server.hook = lambda _: Answer(503, "SlowDown")
    with pytest.raises(StoreError, match=rf"cannot write s3://{bucket.bucket}/team/store/a: SlowDown.*run again later"):
        objects.put("a", b"one")
    assert len(bucket.server.requests) == 7


def test_what_must_hold_is_asked_before_every_attempt(objects: Bucket, bucket: Place) -> None:
    assert bucket.server is not None
    bucket.server.hook = once(Answer(503, "SlowDown"), "PutObject")
    asked: list[int] = []

    def gone() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise StoreError("gone")

    with pytest.raises(StoreError, match="gone"):
        objects.put_file("a", io.BytesIO(b"one"), 3, check=gone)
    assert bucket.everything() == set()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(403, "AccessDenied"), "AccessDenied: made up. Give these credentials the permission"),
        (Answer(400, "ExpiredToken"), "Renew these credentials"),
        (Answer(403, "InvalidAccessKeyId"), "Check AWS_PROFILE"),
        (Answer(403, "RequestTimeTooSkewed"), "Set this machine's clock"),
        (Answer(400, "AuthorizationHeaderMalformed"), "Set AWS_REGION"),
    ],
)
def test_a_refusal_is_not_repeated_and_says_what_to_do(
    objects: Bucket, bucket: Place, answer: Answer, words: str
) -> None:
    assert bucket.server is not None
    bucket.server.hook = lambda _: answer
    attempts: list[Callable[[], object]] = [
        lambda: objects.put("a", b""),
        lambda: objects.get("a"),
        lambda: objects.listing(""),
        lambda: objects.remove("a"),
        objects.uploads,
    ]
    for attempt in attempts:
        bucket.server.requests.clear()
        with pytest.raises(StoreError, match=words):
            attempt()
        assert len(bucket.server.requests) == 1


def test_a_bucket_that_is_not_there(bucket: Place) -> None:
    nowhere = Bucket(connect(), "no-such-bucket-here", "x")
    for attempt in (lambda: nowhere.get("a"), lambda: nowhere.put("a", b""), lambda: nowhere.listing("")):
        with pytest.raises(StoreMissing, match=r"there is no bucket for s3://no-such-bucket-here/x"):
            attempt()


def test_no_credentials(bucket: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StoreError, match=r"no AWS credentials. Set AWS_PROFILE"):
        Bucket(connect(), bucket.bucket, "").get("a")


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match=r"nobody.*list-profiles"):
        connect()


def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, bucket: Place) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match=r"Could not connect to the endpoint URL.*run again later"):
        Bucket(connect(), bucket.bucket, "").put("a", b"", attempts=1)


def test_a_listing_of_several_pages(objects: Bucket, bucket: Place) -> None:
    names = [f"{number:04}" for number in range(1_050)]
    from moto.s3.models import s3_backends  # noqa: PLC0415 - a thousand requests less

    backend = s3_backends["123456789012"]["aws"]
    for name in names:
        backend.put_object(bucket.bucket, f"team/store/layers/{name}", b"12")
    backend.put_object(bucket.bucket, "team/store/layers/", b"")
    backend.put_object(bucket.bucket, "team/store/layers/deeper/one", b"")
    backend.put_object(bucket.bucket, "team/store-two/layers/other", b"")
    entries, folders = objects.listing("layers/")
    assert [entry.name for entry in entries] == names
    assert {entry.size for entry in entries} == {2}
    assert folders == ["deeper"]
    assert objects.listing("") == ([], ["layers"])


def test_a_download_is_whole_and_what_was_listed(objects: Bucket, bucket: Place, tmp_path: Path) -> None:
    body = bytes(range(256)) * 8192
    etag = objects.put("a", body)
    assert etag is not None
    assert bucket.server is not None
    bucket.server.hook = once(Answer(None), "GetObject")
    objects.download("a", etag, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == body
    with pytest.raises(StoreDamaged, match="was changed"):
        objects.download("a", '"0123"', tmp_path / "b")
    objects.remove("a")
    with pytest.raises(StoreDamaged, match="is gone"):
        objects.download("a", etag, tmp_path / "b")


@pytest.fixture(scope="module")
def large() -> bytes:
    return b"0123456789abcdef" * (PART_BYTES // 16) + b"the rest"


@pytest.mark.slow
def test_a_large_file_goes_in_parts(objects: Bucket, bucket: Place, large: bytes, tmp_path: Path) -> None:
    assert bucket.server is not None
    bucket.server.hook = once(Answer(500, "InternalError"), "UploadPart")
    etag = objects.put_file("a", io.BytesIO(large), len(large), check=nothing)
    assert etag is not None
    done = [each.operation for each in bucket.server.requests if changes(each)]
    assert done == ["CreateUpload", "UploadPart", "UploadPart", "UploadPart", "CompleteUpload"]
    objects.download("a", etag, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == large
    assert objects.put_file("a", io.BytesIO(large), len(large), check=nothing) is None
    assert objects.uploads() == [], "the second is dropped"


@pytest.mark.slow
def test_the_end_of_a_large_file_whose_answer_was_lost(objects: Bucket, bucket: Place, large: bytes) -> None:
    assert bucket.server is not None
    bucket.server.hook = once(Answer(None, apply=True), "CompleteUpload")
    assert objects.put_file("a", io.BytesIO(large), len(large), check=nothing) is not None


@pytest.mark.slow
def test_a_large_file_that_fails_leaves_no_parts(objects: Bucket, bucket: Place, large: bytes) -> None:
    assert bucket.server is not None
    for operation in ("UploadPart", "CompleteUpload"):
        bucket.server.hook = once(Answer(403, "AccessDenied"), operation)
        with pytest.raises(StoreError, match="AccessDenied"):
            objects.put_file("a", io.BytesIO(large), len(large), check=nothing)
        assert objects.uploads() == []
    bucket.server.hook = lambda request: Answer(403, "AccessDenied") if "Upload" in request.operation[1:] else None
    with pytest.raises(StoreError, match="AccessDenied"):
        objects.put_file("a", io.BytesIO(large), len(large), check=nothing)


def test_uploads_left_behind_are_found_and_dropped(objects: Bucket, bucket: Place) -> None:
    for key in ("team/store/layers/a", "team/store/layers/a", "team/store-two/b"):
        bucket.client().create_multipart_upload(Bucket=bucket.bucket, Key=key)
    left = objects.uploads()
    assert [upload.key for upload in left] == ["layers/a", "layers/a"]
    for upload in left:
        objects.abort(upload)
        objects.abort(upload)
    assert objects.uploads() == []
