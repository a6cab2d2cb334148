"""Repositories with something special in them: charts, WebAssembly, Windows, bundles of indexes, a schema 1 relic."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from indexer.local_ecr.estate import artifacts, manifests
from indexer.local_ecr.estate.builds import Push, config_blob
from indexer.local_ecr.estate.dice import Dice, content_digest, share_of
from indexer.local_ecr.estate.hours import Period, history, moment, working_time
from indexer.local_ecr.estate.manifests import EMPTY_SCHEMA1_LAYER, Blob, Entry, Platform
from indexer.local_ecr.estate.world import Settings, World

_EVENING = 23 * 3600
_WINDOWS_BUILDS_PER_BASE = 4
_RELIC_PUSHED = datetime(2016, 3, 18, 18, 30, tzinfo=UTC)

Make = Callable[[World, str, int, datetime], None]


@dataclass
class Feed:
    """A repository that `make` adds to: `builds` times in the last `span` days of the history, `daily` afterwards.

    `pulled` is the tag that production pulls every evening, if any.
    """

    world: World
    repository: str
    make: Make
    builds: int
    span: int = 200
    daily: float = 0.0
    pulled: str = ""
    number: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.dice = Dice(self.world.seed, "feed", self.repository, self.make.__name__)

    def plan(self, period: Period) -> Sequence[datetime]:
        """When something is added in `period`."""
        if period.is_history:
            return history(self.dice, self.builds, self.span, period.day)
        return [working_time(self.dice, period.day) for _ in range(self.dice.about(self.daily * period.activity))]

    def act(self, at: datetime) -> None:
        """Add the next one."""
        self.number += 1
        self.make(self.world, self.repository, self.number, at)

    def tidy(self, period: Period) -> None:
        """Pull what runs in production."""
        if self.pulled:
            digests = self.world.tagged(self.repository, self.pulled)
            self.world.pull(self.repository, digests, moment(period.day, _EVENING))


def chart(world: World, repository: str, number: int, at: datetime) -> None:
    """One more version of a Helm chart."""
    version = f"0.{number}.0"
    document = artifacts.helm_chart(world.seed, repository.rpartition("/")[2], version, at)
    world.push(repository, Push(document), (version,), at)


def component(world: World, repository: str, number: int, at: datetime) -> None:
    """One more WebAssembly component."""
    document = artifacts.wasm_component(world.seed, repository, number)
    world.push(repository, Push(document), (f"v{number}", "latest"), at)


def windows_image(world: World, repository: str, number: int, at: datetime) -> None:
    """A Windows image in a manifest list: its base layers are foreign, so the registry does not store them."""
    base = number // _WINDOWS_BUILDS_PER_BASE
    platform = Platform("windows", "amd64", os_version=f"10.0.17763.{4_000 + 131 * base}")
    layers = [
        _foreign(1_534_685_324, world.seed, "servercore", base),
        _foreign(640_000_000, world.seed, "servercore-update", base),
        _own(38_000_000, world.seed, repository, "dotnet", base),
        _own(2_100_000, world.seed, repository, "agent", number),
        _own(1_400, world.seed, repository, "entrypoint", number),
    ]
    image = manifests.docker_manifest(config_blob(len(layers), world.seed, repository, number), layers)
    index = manifests.docker_list([Entry(image, platform)])
    world.push(repository, Push(index, (image,)), (f"1809-{number}", "1809"), at)


def bundle(world: World, repository: str, number: int, at: datetime) -> None:
    """An index of indexes: the two newest multi-platform builds, side by side under one tag."""
    entries = [
        Entry(index, None, {"org.opencontainers.image.ref.name": name})
        for index, name in zip(world.recent[repository], ("stable", "canary"), strict=True)
    ]
    world.push(repository, Push(manifests.oci_index(entries)), (f"bundle-{at:%Y.%m}-{number}",), at)


def relic(world: World, repository: str, number: int, at: datetime) -> None:
    """A signed schema 1 image of 2016 that nobody dared to touch, then two schema 2 images that meant to replace it."""
    if number == 1:
        world.push(repository, Push(_schema1(world, repository)), ("stable",), _RELIC_PUSHED)
        return
    layers = [_own(31_000_000, world.seed, repository, "base"), _own(9_000_000, world.seed, repository, number)]
    image = manifests.docker_manifest(config_blob(len(layers), world.seed, repository, number), layers)
    world.push(repository, Push(image), (f"try-{number - 1}",), at)


def found_only(world: World, repository: str, number: int, at: datetime) -> None:  # noqa: ARG001 - a Make takes all four
    """A repository that was created and never pushed to."""
    world.found(repository, at, Settings())


def _schema1(world: World, repository: str) -> manifests.Document:
    layers = [content_digest(world.seed, repository, "relic", index) for index in range(4)]
    newest_first = [EMPTY_SCHEMA1_LAYER, layers[0], EMPTY_SCHEMA1_LAYER, *layers[1:]]
    coordinates = [_key_part(world.seed, repository, part) for part in ("x", "y")]
    key = {"crv": "P-256", "kid": "4G6O:IAUO:54KB:2XRR", "kty": "EC", "x": coordinates[0], "y": coordinates[1]}
    signature = {
        "header": {"jwk": key, "alg": "ES256"},
        "signature": _key_part(world.seed, repository, "signature") + _key_part(world.seed, repository, "more"),
    }
    return manifests.signed_schema1(repository, "stable", newest_first, signature, _RELIC_PUSHED)


def _key_part(*path: object) -> str:
    content = bytes.fromhex(content_digest(*path).removeprefix("sha256:"))
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _own(size: int, *path: object) -> Blob:
    digest = content_digest(*path)
    return Blob(digest, int(size * (0.9 + 0.2 * share_of(digest))))


def _foreign(size: int, *path: object) -> Blob:
    blob = _own(size, *path)
    return blob._replace(urls=(f"https://mcr.microsoft.com/v2/windows/servercore/blobs/{blob.digest}",))
