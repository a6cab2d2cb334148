"""A registry of some thousand manifests of every sort, and what happens to it from night to night."""

from __future__ import annotations

from random import Random

from support.manifests import document, image, index

from indexer.local_ecr import Registry
from indexer.model import OCI_MANIFEST

ACCOUNTS = (("123456789012", "eu-west-1"), ("210987654321", "us-east-1"))
DENIED = "denied"


class Churn:
    """Two registries that grow to about `size` manifests and then change; the same seed does the same."""

    def __init__(self, seed: int, size: int) -> None:
        self.random = Random(f"churn {seed}")  # noqa: S311 - repeatable
        self.size = size
        self.registries = [Registry(*account) for account in ACCOUNTS]
        self._made = 0
        for registry in self.registries:
            for name in (DENIED, *(f"team/app-{number}" for number in range(8))):
                registry.create_repository(name)
            registry.deny("DescribeImages", DENIED)
            registry.page_limit = 100
            registry.short_pages = True
        self._push(size)

    @property
    def denied(self) -> list[tuple[str, str, str]]:
        """The repositories that cannot be listed."""
        return [(*account, DENIED) for account in ACCOUNTS]

    def night(self) -> None:
        """Pushes, deletions, tags that move, archived images, repositories that come and go."""
        self._push(self.size // 10)
        for _ in range(self.size // 20):
            registry, name = self._home()
            images = list(registry.repositories[name].images)
            if not images:
                continue
            digest = self.random.choice(images)
            what = self.random.random()
            if what < 0.5:
                registry.delete_image(name, digest)
            elif what < 0.9:
                registry.tag_image(name, digest, self.random.choice(["latest", "stable", "next"]))
            else:
                registry.set_status(name, digest, self.random.choice(["ARCHIVED", "ACTIVE"]))
        registry = self.random.choice(self.registries)
        registry.create_repository(f"team/new-{self._made}")
        gone = sorted(name for name in registry.repositories if name != DENIED)
        registry.delete_repository(self.random.choice(gone))

    def _home(self) -> tuple[Registry, str]:
        registry = self.random.choice(self.registries)
        return registry, self.random.choice(sorted(name for name in registry.repositories if name != DENIED))

    def _push(self, count: int) -> None:
        for _ in range(count):
            registry, name = self._home()
            self._push_one(registry, name, self.random.random())

    def _push_one(self, registry: Registry, name: str, what: float) -> None:
        self._made += 1
        made = self._image()
        tags = [f"v{self._made}"] if self.random.random() < 0.7 else []
        if what < 0.1:
            registry.put_image(name, made)
            registry.put_image(name, index(made, self._image(), platforms=[("linux", "arm64")]), tags=tags)
        elif what < 0.12:
            registry.put_image(
                name, document({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": self._made}), tags=tags
            )
        elif what < 0.14:
            digest = registry.put_image(name, made, tags=tags)
            registry.fail_image(name, digest, "KmsError", "the key is disabled")
        elif what < 0.2:
            for other in self.registries:
                if name in other.repositories:
                    other.put_image(name, made, tags=tags)
        else:
            registry.put_image(name, made, tags=tags)

    def _image(self) -> bytes:
        self._made += 1
        shared = [(f"base {n}", 1000 + n) for n in range(self.random.randrange(5))]
        own = [(f"layer {self._made}-{n}", self.random.randrange(1, 10**6)) for n in range(self.random.randrange(1, 4))]
        return image(f"config {self._made}", [*shared, *own])
