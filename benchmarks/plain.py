"""What one writes first: boto3's paginators and batch_get_image, json, lists of rows, pyarrow.

    python benchmarks/plain.py URL FOLDER

Checks the digests, since the job does; nothing else that the job does beyond the work itself. Prints what it used
as JSON.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from measure import measured

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient

_GROUP = 20_000
Row = dict[str, Any]


class Rows:
    """One table's rows, written a row group at a time."""

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self._path = path
        self._writer: Any = None

    def write(self) -> None:
        if not self.rows:
            return
        data = pa.Table.from_pylist(self.rows)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, data.schema, compression="zstd")
        self._writer.write_table(data)
        self.rows.clear()

    def close(self) -> None:
        self.write()
        if self._writer is not None:
            self._writer.close()


def run(url: str, folder: Path) -> int:
    client = boto3.client("ecr", region_name="eu-west-1", endpoint_url=url)
    wanted = _list(client, folder)
    manifests, layers, entries = (Rows(folder / f"{name}.parquet") for name in ("manifests", "layers", "index_entries"))
    count = 0
    for repository, digests in wanted.items():
        for start in range(0, len(digests), 100):
            ids: list[Any] = [{"imageDigest": digest} for digest in digests[start : start + 100]]
            for image in client.batch_get_image(repositoryName=repository, imageIds=ids)["images"]:
                _flatten(image, manifests.rows, layers.rows, entries.rows)
                count += 1
            if len(manifests.rows) >= _GROUP:
                manifests.write()
                layers.write()
    for table in (manifests, layers, entries):
        table.close()
    return count


def _list(client: ECRClient, folder: Path) -> dict[str, list[str]]:
    images = Rows(folder / "images.parquet")
    wanted: dict[str, list[str]] = {}
    config: Any = {"PageSize": 1000}
    for page in client.get_paginator("describe_repositories").paginate(PaginationConfig=config):
        for repository in page["repositories"]:
            name = repository["repositoryName"]
            digests = wanted[name] = []
            for listed in client.get_paginator("describe_images").paginate(
                repositoryName=name, PaginationConfig=config
            ):
                for each in listed["imageDetails"]:
                    digests.append(each["imageDigest"])
                    images.rows.append(_image(name, each))
            if len(images.rows) >= _GROUP:
                images.write()
    images.close()
    return wanted


def _image(name: str, each: Any) -> Row:
    return {
        "repository": name,
        "digest": each["imageDigest"],
        "tags": each.get("imageTags"),
        "media_type": each["imageManifestMediaType"],
        "size": each["imageSizeInBytes"],
        "pushed_at": each["imagePushedAt"],
        "pulled_at": each.get("lastRecordedPullTime"),
        "status": each["imageStatus"],
    }


def _flatten(image: Any, manifests: list[Row], layers: list[Row], entries: list[Row]) -> None:
    raw = image["imageManifest"]
    digest = image["imageId"]["imageDigest"]
    if "sha256:" + hashlib.sha256(raw.encode()).hexdigest() != digest:
        raise SystemExit(f"{digest} is not what came")
    document = json.loads(raw)
    config = document.get("config") or {}
    manifests.append(
        {
            "digest": digest,
            "media_type": document["mediaType"],
            "config_digest": config.get("digest"),
            "config_size": config.get("size"),
            "raw": raw,
        }
    )
    for position, layer in enumerate(document.get("layers", ())):
        layers.append(
            {
                "manifest_digest": digest,
                "position": position,
                "layer_digest": layer["digest"],
                "media_type": layer["mediaType"],
                "size": layer["size"],
            }
        )
    for position, child in enumerate(document.get("manifests", ())):
        entries.append(
            {"index_digest": digest, "position": position, "manifest_digest": child["digest"], **child["platform"]}
        )


if __name__ == "__main__":
    with measured() as found:
        found["manifests"] = run(sys.argv[1], Path(sys.argv[2]))
