"""A small store that has one of everything that the command and the front door show, written by two real runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from support.manifests import OCI_CONFIG, OCI_MANIFEST, descriptor, digest_of, document, image, index
from support.world import World, world

from indexer.local_ecr import Registry

MAIN, OTHER = "123456789012", "210987654321"
MIB = 1 << 20
PUSHED = datetime(2025, 12, 1, 12, 0, tzinfo=UTC)
BASE, DEPS = digest_of("base"), digest_of("deps")
TWINS = ("sha256:" + "abcabc" + "1" * 58, "sha256:" + "abcabc" + "2" * 58)
NASTY = ("[red]stop[/red]", "\x1b[31mred\x1b[0m", "pipe|tag", 'a,b"c')

_ONE = image("config1", [("base", 30 * MIB), ("deps", 5 * MIB), ("app1", 2048)], annotations={"made.by": "\x1b[2J[b]x"})
_TWO = image("config2", [("base", 30 * MIB), ("deps", 5 * MIB), ("app2", 4096)])
_OLD = image("config0", [("base", 30 * MIB), ("app0", 1024)])
_GONE = image("config9", [("gone", 777)])
_BASE = image("config-base", [("base", 30 * MIB)])
_AMD = image("config-amd", [("base", 30 * MIB), ("amd", 100)])
_ARM = image("config-arm", [("arm", 200)])
_ABSENT = image("config-absent", [("absent", 1)])
_INDEX = index(_AMD, _ARM, _ABSENT, platforms=[("linux", "amd64"), ("linux", "arm64"), ("linux", "s390x")])
_COLD = image("config-cold", [("cold", 1)])
_BROKEN = document({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor("c", 1), "layers": "none"})
_TWINS = document(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor("twins", 100, OCI_CONFIG),
        "layers": [descriptor("x", 1, digest=digest) for digest in TWINS],
    }
)
_SIGNATURE = document(
    {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": "application/vnd.example.signature",
        "config": descriptor("{}", 2, "application/vnd.oci.empty.v1+json"),
        "layers": [descriptor("signature", 99, "application/vnd.example.signature")],
        "subject": {"mediaType": OCI_MANIFEST, "digest": digest_of(_ONE), "size": len(_ONE)},
    }
)


class Shop(NamedTuple):
    """The store's folder, and the digests of what it holds."""

    folder: Path
    one: str = digest_of(_ONE)
    two: str = digest_of(_TWO)
    old: str = digest_of(_OLD)
    gone: str = digest_of(_GONE)
    amd: str = digest_of(_AMD)
    arm: str = digest_of(_ARM)
    absent: str = digest_of(_ABSENT)
    top: str = digest_of(_INDEX)
    cold: str = digest_of(_COLD)
    broken: str = digest_of(_BROKEN)
    signature: str = digest_of(_SIGNATURE)


def registries() -> list[Registry]:
    """The registries on the first night."""
    main, other = Registry(MAIN, "eu-west-1"), Registry(OTHER, "us-east-1")
    for name in ("team/app", "team/base", "team/multi", "team/gone", "odd/names", "cold/store", "empty/one"):
        main.create_repository(name, created_at=PUSHED)
    other.create_repository("team/app", created_at=PUSHED)
    other.create_repository("team/base", created_at=PUSHED)
    main.put_image("team/app", _OLD, tags=["0.9"], pushed_at=PUSHED)
    main.put_image("team/app", _ONE, tags=["1.0", "latest"], pushed_at=PUSHED.replace(day=2), pulled_at=PUSHED)
    main.put_image("team/app", _GONE, tags=["gone"], pushed_at=PUSHED)
    main.put_image("team/app", _SIGNATURE, pushed_at=PUSHED)
    main.put_image("team/app", _COLD, tags=[f"sha256-{digest_of(_ONE)[7:]}.sig"], pushed_at=PUSHED, status="ARCHIVED")
    main.put_image("team/base", _BASE, tags=["1"], pushed_at=PUSHED)
    for child in (_AMD, _ARM):
        main.put_image("team/multi", child, pushed_at=PUSHED)
    main.put_image("team/multi", _INDEX, tags=["3.0"], pushed_at=PUSHED)
    main.put_image("team/gone", _BASE, tags=["1"], pushed_at=PUSHED)
    main.put_image("odd/names", _TWINS, tags=NASTY, pushed_at=PUSHED)
    main.put_image("odd/names", _BROKEN, tags=["broken"], pushed_at=PUSHED)
    main.put_image("cold/store", _COLD, tags=["old"], pushed_at=PUSHED, status="ARCHIVED")
    other.put_image("team/app", _TWO, tags=["latest"], pushed_at=PUSHED)
    other.put_image("team/base", _BASE, tags=["1"], pushed_at=PUSHED)
    return [main, other]


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """The world after two nights, still served: the last night pushed 2.0, deleted `gone` and `team/gone`."""
    with world(folder, registries()) as the_world:
        the_world.run()
        main = the_world.server.registries[0]
        main.put_image("team/app", _TWO, tags=["2.0"], pushed_at=PUSHED.replace(day=3))
        main.delete_image("team/app", digest_of(_GONE))
        main.delete_repository("team/gone")
        the_world.run()
        yield the_world


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The shop's store; not to be changed."""
    folder = tmp_path_factory.mktemp("shop") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        patch.setenv("NO_PROXY", "127.0.0.1")
        with opened(folder):
            pass
    return Shop(folder)
