"""The floor: sign, receive, check the digest, flatten, write, and nothing else. One thread, one connection.

    python benchmarks/floor.py URL FOLDER

No retries, no failures, no checks of a document, no filters, no second run: what no program that does the work can do
without. Prints what it used as JSON.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from measure import measured

_GROUP = 20_000
_SCOPE = "eu-west-1/ecr/aws4_request"
_SIGNED = "content-type;host;x-amz-date;x-amz-target"
_TYPE = "application/x-amz-json-1.1"
Asked = dict[str, Any]


class Wire:
    """Signed requests over one connection (AWS Signature Version 4)."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self.host)
        self._day = ""
        self._key = b""

    def call(self, operation: str, asked: Asked) -> Any:
        body = orjson.dumps(asked)
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        target = f"AmazonEC2ContainerRegistry_V20150921.{operation}"
        headers = {
            "Content-Type": _TYPE,
            "X-Amz-Date": now,
            "X-Amz-Target": target,
            "Authorization": self._authorization(now, target, body),
        }
        self._connection.request("POST", "/", body, headers)
        return orjson.loads(self._connection.getresponse().read())

    def _authorization(self, now: str, target: str, body: bytes) -> str:
        head = f"content-type:{_TYPE}\nhost:{self.host}\nx-amz-date:{now}\nx-amz-target:{target}\n"
        canonical = f"POST\n/\n\n{head}\n{_SIGNED}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{now[:8]}/{_SCOPE}"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(now[:8]), text.encode(), "sha256").hex()
        return f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{scope}, SignedHeaders={_SIGNED}, Signature={signature}"

    def _signing_key(self, day: str) -> bytes:
        if day != self._day:
            self._day, self._key = day, b"AWS4made-up"
            for part in (day, *_SCOPE.split("/")):
                self._key = hmac.digest(self._key, part.encode(), "sha256")
        return self._key

    def pages(self, operation: str, key: str, asked: Asked) -> Iterator[list[Asked]]:
        token = None
        while True:
            answer = self.call(operation, asked | {"maxResults": 1000} | ({"nextToken": token} if token else {}))
            yield answer[key]
            token = answer.get("nextToken")
            if token is None:
                return


class Columns:
    """One table's columns, written a row group at a time."""

    def __init__(self, path: Path, names: str) -> None:
        self.lists: dict[str, list[Any]] = {name: [] for name in names.split()}
        self._path = path
        self._writer: Any = None

    def write(self) -> None:
        if not next(iter(self.lists.values())):
            return
        data = pa.table(self.lists)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, data.schema, compression="zstd")
        self._writer.write_table(data)
        for each in self.lists.values():
            each.clear()

    def close(self) -> None:
        self.write()
        if self._writer is not None:
            self._writer.close()


def run(url: str, folder: Path) -> int:
    wire = Wire(url)
    wanted = _list(wire, folder)
    manifests = Columns(folder / "manifests.parquet", "digest media_type config_digest config_size raw")
    layers = Columns(folder / "layers.parquet", "manifest_digest position layer_digest media_type size")
    entries = Columns(folder / "index_entries.parquet", "index_digest position manifest_digest os architecture")
    count = 0
    for repository, digests in wanted.items():
        for start in range(0, len(digests), 100):
            ids = [{"imageDigest": digest} for digest in digests[start : start + 100]]
            for image in wire.call("BatchGetImage", {"repositoryName": repository, "imageIds": ids})["images"]:
                _flatten(image, manifests.lists, layers.lists, entries.lists)
                count += 1
            if len(manifests.lists["digest"]) >= _GROUP:
                manifests.write()
                layers.write()
    for table in (manifests, layers, entries):
        table.close()
    return count


def _list(wire: Wire, folder: Path) -> dict[str, list[str]]:
    images = Columns(folder / "images.parquet", "repository digest tags media_type size pushed_at pulled_at status")
    repository_, digest_, tags, media_type, size, pushed_at, pulled_at, status = images.lists.values()
    wanted: dict[str, list[str]] = {}
    names = [each["repositoryName"] for page in wire.pages("DescribeRepositories", "repositories", {}) for each in page]
    for name in names:
        digests = wanted[name] = []
        for page in wire.pages("DescribeImages", "imageDetails", {"repositoryName": name}):
            for each in page:
                digests.append(each["imageDigest"])
                tags.append(each.get("imageTags"))
                media_type.append(each["imageManifestMediaType"])
                size.append(each["imageSizeInBytes"])
                pushed_at.append(each["imagePushedAt"])
                pulled_at.append(each.get("lastRecordedPullTime"))
                status.append(each["imageStatus"])
        digest_ += digests
        repository_ += [name] * len(digests)
        if len(digest_) >= _GROUP:
            images.write()
    images.close()
    return wanted


def _flatten(image: Asked, manifests: Asked, layers: Asked, entries: Asked) -> None:
    raw = image["imageManifest"]
    digest = image["imageId"]["imageDigest"]
    if "sha256:" + hashlib.sha256(raw.encode()).hexdigest() != digest:
        raise SystemExit(f"{digest} is not what came")
    document = orjson.loads(raw)
    config = document.get("config") or {}
    manifests["digest"].append(digest)
    manifests["media_type"].append(document["mediaType"])
    manifests["config_digest"].append(config.get("digest"))
    manifests["config_size"].append(config.get("size"))
    manifests["raw"].append(raw)
    for position, layer in enumerate(document.get("layers", ())):
        layers["manifest_digest"].append(digest)
        layers["position"].append(position)
        layers["layer_digest"].append(layer["digest"])
        layers["media_type"].append(layer["mediaType"])
        layers["size"].append(layer["size"])
    for position, child in enumerate(document.get("manifests", ())):
        entries["index_digest"].append(digest)
        entries["position"].append(position)
        entries["manifest_digest"].append(child["digest"])
        entries["os"].append(child["platform"]["os"])
        entries["architecture"].append(child["platform"]["architecture"])


if __name__ == "__main__":
    with measured() as found:
        found["manifests"] = run(sys.argv[1], Path(sys.argv[2]))
