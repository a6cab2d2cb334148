"""A part of a bucket: the objects under one prefix.

Every write is whole (an object shows complete or not at all) and conditional: on nothing being there, or on what is
there being what the writer last saw. A write whose answer was lost is asked after: each carries a mark of its own.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay
from tenacity.wait import wait_random_exponential

from indexer.errors import StoreDamaged
from indexer.objects.connection import again_may_help, code_of, explained, status_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

T = TypeVar("T")

ATTEMPTS: Final = 7
_FIRST_WAIT: Final = 0.2
_LONGEST_WAIT: Final = 10.0
_LONGEST_CALL: Final = 180.0
PART_BYTES: Final = 32 << 20
"""A larger object is sent in parts of this size: a lost connection then costs one of them. S3 takes 10,000."""
_PIECE: Final = 1 << 20
_MARK: Final = "manifest-indexer-upload"
_FAILED_CONDITION: Final = 412
_NOT_FOUND: Final = 404

Check = Callable[[], None]


class Entry(NamedTuple):
    """An object in a listing: its name under the folder that was listed, its bytes, and the mark of its content."""

    name: str
    size: int
    etag: str


class Found(NamedTuple):
    """An object's content; `age` is how many seconds ago it was written, by the server's clock alone."""

    body: bytes
    etag: str
    age: float


class Upload(NamedTuple):
    """A large object that is on its way, or was left by a writer that died."""

    key: str
    upload_id: str


class Bucket:
    """The objects of `bucket` under `prefix` (without a slash at its end). Threads may share it.

    Keys are relative to the prefix. Raises StoreError, with what to do, where S3 refuses or does not answer.
    """

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self._client: Any = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self.endpoint: str = client.meta.endpoint_url

    def where(self, key: str) -> str:
        """Return the object's address."""
        return f"s3://{self._bucket}/{self._prefix}{key}"

    def get(self, key: str) -> Found | None:
        """Return a small object, None where there is none."""

        def ask() -> Found:
            answer = self._client.get_object(**self._at(key))
            return Found(answer["Body"].read(), answer["ETag"], _age(answer))

        try:
            return self._trying(ask, "read", key)
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                return None
            raise explained(error, "read", self.where(key)) from error

    def download(self, key: str, etag: str, path: Path) -> None:
        """Write an object's content to `path`; StoreDamaged where it is gone or no longer the one with `etag`."""

        def ask() -> None:
            answer = self._client.get_object(**self._at(key), IfMatch=etag)
            with path.open("wb") as file:
                for piece in answer["Body"].iter_chunks(_PIECE):
                    file.write(piece)

        try:
            self._trying(ask, "read", key)
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                raise StoreDamaged(f"{self.where(key)} is gone. Open the store again") from error
            if status_of(error) == _FAILED_CONDITION:
                raise StoreDamaged(
                    f"{self.where(key)} was changed, and files of a store never change. Restore it from a backup"
                ) from error
            raise explained(error, "read", self.where(key)) from error

    def listing(self, folder: str) -> tuple[list[Entry], list[str]]:
        """Return the objects directly under `folder` (a key that ends with a slash, or nothing), and its folders."""
        start = self._prefix + folder
        entries: list[Entry] = []
        folders: list[str] = []
        for page in self._pages("list_objects_v2", "ContinuationToken", folder, Prefix=start, Delimiter="/"):
            entries += [
                Entry(each["Key"][len(start) :], each["Size"], each["ETag"])
                for each in page.get("Contents", ())
                if each["Key"] != start  # what consoles put there to show a folder
            ]
            folders += [each["Prefix"][len(start) : -1] for each in page.get("CommonPrefixes", ())]
        return entries, folders

    def uploads(self) -> list[Upload]:
        """Return the large objects that are on their way."""
        return [
            Upload(each["Key"][len(self._prefix) :], each["UploadId"])
            for page in self._pages("list_multipart_uploads", "UploadIdMarker", "", Prefix=self._prefix)
            for each in page.get("Uploads", ())
        ]

    def remove(self, key: str, *, check: Check | None = None) -> None:
        """Remove an object; none there is fine. `check` is called before every attempt."""
        self._done("remove", key, lambda: self._client.delete_object(**self._at(key)), check)

    def abort(self, upload: Upload) -> None:
        """Drop what came of a large object; one that has ended meanwhile is fine."""
        try:
            ids = {"UploadId": upload.upload_id}
            self._trying(lambda: self._client.abort_multipart_upload(**self._at(upload.key), **ids), "drop", upload.key)
        except ClientError as error:
            if code_of(error) != "NoSuchUpload":
                raise explained(error, "drop the upload of", self.where(upload.key)) from error

    def put(self, key: str, body: bytes, *, etag: str | None = None, attempts: int = ATTEMPTS) -> str | None:
        """Write an object where none is, or in place of the one with `etag`; return the new one's etag.

        None: somebody else was first, and nothing was written.
        """
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        mark = secrets.token_hex(16)

        def send() -> str:
            answer = self._client.put_object(**self._at(key), Body=body, Metadata={_MARK: mark}, **condition)
            return str(answer["ETag"])

        return self._first(key, mark, lambda: self._trying(send, "write", key, attempts=attempts))

    def put_file(self, key: str, file: BinaryIO, size: int, *, check: Check) -> str | None:
        """Write an object of `size` bytes where none is, as `put`. `check` is called right before each commit of it."""
        mark = secrets.token_hex(16)
        if size > PART_BYTES:
            return self._first(key, mark, lambda: self._put_parts(key, file, mark, check))

        def send() -> str:
            file.seek(0)
            answer = self._client.put_object(**self._at(key), Body=file, Metadata={_MARK: mark}, IfNoneMatch="*")
            return str(answer["ETag"])

        return self._first(key, mark, lambda: self._trying(send, "write", key, check=check))

    def _put_parts(self, key: str, file: BinaryIO, mark: str, check: Check) -> str:
        at = self._at(key)
        begun = self._trying(lambda: self._client.create_multipart_upload(**at, Metadata={_MARK: mark}), "write", key)
        upload = Upload(key, begun["UploadId"])
        try:
            parts = self._send_parts(upload, file)
            answer = self._trying(
                lambda: self._client.complete_multipart_upload(
                    **at, UploadId=upload.upload_id, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
                ),
                "write",
                key,
                check=check,
            )
            return str(answer["ETag"])
        except BaseException:
            self._abandon(upload)
            raise

    def _send_parts(self, upload: Upload, file: BinaryIO) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        file.seek(0)
        while data := file.read(PART_BYTES):
            part: dict[str, Any] = {"PartNumber": len(parts) + 1}
            sent = self._trying(
                lambda data=data, part=part: self._client.upload_part(  # type: ignore[misc]  # bound for this turn
                    **self._at(upload.key), UploadId=upload.upload_id, Body=data, **part
                ),
                "write",
                upload.key,
            )
            parts.append(
                {**part, **{name: sent[name] for name in sent if name == "ETag" or name.startswith("Checksum")}}
            )
        return parts

    def _abandon(self, upload: Upload) -> None:
        """Drop an upload that failed; what cannot be dropped now is dropped by the next writer."""
        ids = {"UploadId": upload.upload_id}
        try:
            self._client.abort_multipart_upload(**self._at(upload.key), **ids)
        except (ClientError, BotoCoreError):
            return

    def _first(self, key: str, mark: str, write: Callable[[], str]) -> str | None:
        """Return what a conditional write returned, or None where its condition did not hold."""
        try:
            return write()
        except ClientError as error:
            if status_of(error) not in {_FAILED_CONDITION, _NOT_FOUND} or code_of(error) == "NoSuchBucket":
                raise explained(error, "write", self.where(key)) from error
        # An earlier attempt, whose answer did not come, may be the one that was first.
        found = self._head(key)
        return str(found["ETag"]) if found is not None and found["Metadata"].get(_MARK) == mark else None

    def size_of(self, key: str) -> int | None:
        """Return an object's bytes, None where there is none."""
        found = self._head(key)
        return None if found is None else int(found["ContentLength"])

    def _head(self, key: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self._trying(lambda: self._client.head_object(**self._at(key)), "read", key)
        except ClientError as error:
            if status_of(error) == _NOT_FOUND:
                return None
            raise explained(error, "read", self.where(key)) from error
        return found

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + key}

    def _pages(self, operation: str, token: str, folder: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield every page of a listing; the next one is asked for with what the last one calls `Next...`."""
        call = getattr(self._client, operation)
        more: dict[str, Any] = {}
        while True:

            def ask(more: dict[str, Any] = more) -> tuple[dict[str, Any], bool]:
                page = call(Bucket=self._bucket, **arguments, **more)
                # An answer that does not say whether it is all is none: an empty one would show an empty folder.
                return page, page["IsTruncated"]

            page, truncated = self._done("list", folder, ask)
            yield page
            if not truncated:
                return
            more = {name.removeprefix("Next"): page[name] for name in (f"Next{token}", "NextKeyMarker") if name in page}

    def _done(self, doing: str, key: str, ask: Callable[[], T], check: Check | None = None) -> T:
        """Do what has no outcome but done."""
        try:
            return self._trying(ask, doing, key, check=check)
        except ClientError as error:
            raise explained(error, doing, self.where(key)) from error

    def _trying(
        self, ask: Callable[[], T], doing: str, key: str, *, check: Check | None = None, attempts: int = ATTEMPTS
    ) -> T:
        """Ask until there is an answer. Raises ClientError for a refusal, StoreError for anything else."""

        def once() -> T:
            if check is not None:
                check()
            try:
                return ask()
            except KeyError as error:  # botocore makes an empty answer of a body that it does not know
                raise ResponseParserError(f"the answer has no {error}") from error

        retrying = Retrying(
            retry=retry_if_exception(again_may_help),
            stop=stop_after_attempt(attempts) | stop_after_delay(_LONGEST_CALL),
            wait=wait_random_exponential(_FIRST_WAIT, _LONGEST_WAIT),
            reraise=True,
        )
        try:
            return retrying(once)
        except ClientError as error:
            if again_may_help(error):
                raise explained(error, doing, self.where(key)) from error
            raise
        except (BotoCoreError, ResponseParserError) as error:
            raise explained(error, doing, self.where(key)) from error


def _age(answer: dict[str, Any]) -> float:
    """Return how long ago the object was written when the server answered; as new where it does not say the time."""
    now = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if now is None:
        return 0.0
    # HTTP's dates are in GMT, whatever a proxy made of the word (RFC 9110, 5.6.7).
    return float((parsedate_to_datetime(now).replace(tzinfo=UTC) - answer["LastModified"]).total_seconds())
