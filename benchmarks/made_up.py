"""A made-up registry of any size, with the sharing of CI pushes: what the benchmarks are run over.

Deterministic. Each repository stands on one of 50 chains of base layers and has dependencies that change now and then;
a push changes the config, the last layer and sometimes the one before. Of twenty pushes one is an index over the two
before it. Documents are written as the tools write them: Docker's with an indent of three, others without.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import orjson

_BASES = 50
_DOCKER = "application/vnd.docker."
_OCI = "application/vnd.oci.image."
_PUSHES_PER_INDEX = 20
_FIRST_PUSH = 1_700_000_000.0


class Pushed(NamedTuple):
    """An image as it is pushed: its digest, its document, and the details that DescribeImages gives."""

    digest: str
    raw: bytes
    media_type: str
    tags: list[str]
    pushed_at: float
    size: int


def sizes(images: int) -> list[int]:
    """Return how many images each repository has: some 330 each, and a tenth of all in the first."""
    if images < 1000:  # noqa: PLR2004 - too few to share out
        return [images]
    first, count = images // 10, max(10, images // 333)
    rest, more = divmod(images - first, count)
    return [first, *(rest + (number < more) for number in range(count))]


def pushes(repository: int, count: int) -> Iterator[Pushed]:
    """Yield the images of a repository in the order of their pushes."""
    before: list[tuple[str, int, str]] = []
    for number in range(count):
        if number % _PUSHES_PER_INDEX == _PUSHES_PER_INDEX - 1:
            raw, media_type = _index(before[-2:]), f"{_OCI}index.v1+json"
        else:
            raw, media_type = _image(repository, number)
        digest = _sha256(raw)
        before = [*before[-1:], (digest, len(raw), media_type)]
        tags = [f"build-{number}"] if number % 3 else []
        pushed_at = _FIRST_PUSH + repository * 7 + number * 611.125
        yield Pushed(digest, raw, media_type, tags, pushed_at, 30_000_000 + number)


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _layer(name: str, media_type: str) -> dict[str, object]:
    digest = _sha256(name.encode())
    return {"mediaType": media_type, "size": int(digest[7:14], 16), "digest": digest}


def _image(repository: int, number: int) -> tuple[bytes, str]:
    docker = repository % 5 < 2  # noqa: PLR2004 - two of five
    kind = f"{_DOCKER}image.rootfs.diff.tar.gzip" if docker else f"{_OCI}layer.v1.tar+gzip"
    media_type = f"{_DOCKER}distribution.manifest.v2+json" if docker else f"{_OCI}manifest.v1+json"
    base = repository % _BASES
    names = [f"base {base}/{step}" for step in range(4 + base % 3)]
    names += [f"{repository} dependencies {step} {number // 25}" for step in range(2)]
    names += [f"{repository} settings {number // 3}", f"{repository} code {number}"]
    config_type = f"{_DOCKER}container.image.v1+json" if docker else f"{_OCI}config.v1+json"
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _layer(f"{repository} config {number}", config_type),
        "layers": [_layer(name, kind) for name in names],
    }
    if repository % 10 == 9:  # noqa: PLR2004 - one of ten
        document["annotations"] = {"org.opencontainers.image.revision": hashlib.sha1(b"%d" % number).hexdigest()}  # noqa: S324 - as git writes it
    raw = orjson.dumps(document, option=orjson.OPT_INDENT_2) if docker else orjson.dumps(document)
    return raw.replace(b"\n  ", b"\n   ") if docker else raw, media_type


def _index(children: list[tuple[str, int, str]]) -> bytes:
    platforms = ("amd64", "arm64")
    manifests = [
        {"mediaType": kind, "digest": digest, "size": size, "platform": {"architecture": architecture, "os": "linux"}}
        for (digest, size, kind), architecture in zip(children, platforms, strict=True)
    ]
    return orjson.dumps({"schemaVersion": 2, "mediaType": f"{_OCI}index.v1+json", "manifests": manifests})
