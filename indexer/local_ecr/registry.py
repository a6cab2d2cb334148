"""One account's registry in one region: what it holds, the door for filling it by hand, and its switches.

The methods here are for tests and for the demo; they check nothing about a manifest's content. What comes in over HTTP
goes through `operations`, which applies ECR's rules first.
"""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from indexer.local_ecr.documents import digest_of, read
from indexer.local_ecr.images import FAILURE_REASONS, STATUSES, Image, Repository
from indexer.local_ecr.protocol import ApiError, access_denied, repository_arn, repository_not_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MUTABILITIES = ("IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE", "MUTABLE_WITH_EXCLUSION")
ENCRYPTION_TYPES = ("AES256", "KMS", "KMS_DSSE")


class Registry:
    """A registry (one account in one region). All methods may be called while a server serves it.

    Switches, to be set at any time:

    * `page_limit`: the most rows that a page holds, whatever the caller asked for;
    * `short_pages`: every second page, the first included, is empty or half of what was asked, and carries a token;
    * `omit_media_type`: BatchGetImage leaves out imageManifestMediaType, as old answers do;
    * `row_per_tag`: an image asked by digest is answered once for each of its tags, as has been seen of Amazon;
    * `strict_media_types`: an image whose manifest type is known but not among acceptedMediaTypes is a failure. Amazon
      has been seen to give it all the same; the strict rule shows clients that forget a type. False turns it off;
    * `access_key`: requests signed with this key are for this registry;
    * `caller`: the ARN that STS names as the caller's (default: a user of the account);
    * `settings`: what GetAccountSetting answers;
    * `pull_time_exclusions`: ARNs of roles and users whose pulls leave the pull time as it is.
    """

    def __init__(
        self,
        registry_id: str = "123456789012",
        region: str = "eu-west-1",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        access_key: str | None = None,
    ) -> None:
        self.registry_id = registry_id
        self.region = region
        self.clock = clock
        self.access_key = access_key
        self.caller = f"arn:aws:iam::{registry_id}:user/local"
        self.settings = {"BASIC_SCAN_TYPE_VERSION": "AWS_NATIVE", "BLOB_MOUNTING": "DISABLED"}
        self.pull_time_exclusions: set[str] = set()
        self.page_limit: int | None = None
        self.short_pages = False
        self.omit_media_type = False
        self.row_per_tag = False
        self.strict_media_types = True
        self.lock = threading.RLock()
        self.denied: set[tuple[str, str | None]] = set()
        self.token_key = secrets.token_bytes(16)
        self._repositories: dict[str, Repository] = {}
        self._sequence = 0

    def __repr__(self) -> str:
        return f"Registry({self.registry_id!r}, {self.region!r}, repositories={len(self._repositories)})"

    @property
    def repositories(self) -> Mapping[str, Repository]:
        """Name -> repository; a live, read-only view."""
        return MappingProxyType(self._repositories)

    def repository(self, name: str) -> Repository:
        """The repository of that name; ApiError RepositoryNotFoundException if there is none."""
        try:
            return self._repositories[name]
        except KeyError:
            raise repository_not_found(name, self.registry_id) from None

    def image(self, repository: str, digest: str) -> Image:
        """The image of that digest; ApiError (RepositoryNotFoundException, ImageNotFoundException) if there is none."""
        try:
            return self.repository(repository).images[digest]
        except KeyError:
            raise self.image_not_found(repository, digest=digest) from None

    def image_not_found(self, repository: str, *, digest: str | None = None, tag: str | None = None) -> ApiError:
        """ImageNotFoundException in ECR's words."""
        return ApiError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist "
            f"within the repository with name '{repository}' in the registry with id '{self.registry_id}'",
        )

    def create_repository(  # noqa: PLR0913 - the settings of a repository, by name
        self,
        name: str,
        *,
        tag_mutability: str = "MUTABLE",
        encryption_type: str = "AES256",
        kms_key: str | None = None,
        created_at: datetime | None = None,
        mutability_filters: Iterable[str] = (),
    ) -> Repository:
        """Add an empty repository; ApiError RepositoryAlreadyExistsException if there is one of that name."""
        _one_of("tag_mutability", tag_mutability, MUTABILITIES)
        _one_of("encryption_type", encryption_type, ENCRYPTION_TYPES)
        created = _aware("created_at", created_at or self.clock())
        filters = tuple(mutability_filters)
        with self.lock:
            if name in self._repositories:
                text = f"The repository with name '{name}' already exists in the registry with id '{self.registry_id}'"
                raise ApiError("RepositoryAlreadyExistsException", text)
            repository = Repository(self.registry_id, name, created, tag_mutability, filters, encryption_type, kms_key)
            self._repositories[name] = repository
            return repository

    def delete_repository(self, name: str) -> Repository:
        """Remove a repository with all that is in it."""
        with self.lock:
            repository = self.repository(name)
            del self._repositories[name]
            return repository

    def put_image(  # noqa: PLR0913 - what is known of an image, by name
        self,
        repository: str,
        manifest: bytes | str,
        *,
        tags: Iterable[str] = (),
        media_type: str | None = None,
        digest: str | None = None,
        pushed_at: datetime | None = None,
        pulled_at: datetime | None = None,
        status: str = "ACTIVE",
    ) -> str:
        """Put a manifest, whatever it holds, and give its digest.

        `digest` and `media_type` stand in for the computed ones. Of a digest that is there already only tags are added
        or moved: its times, status and bytes stay. A str is taken as UTF-8.
        """
        raw = manifest.encode("utf-8", "surrogatepass") if isinstance(manifest, str) else bytes(manifest)
        known_as = digest or digest_of(raw)
        facts = read(raw)
        _one_of("status", status, STATUSES)
        pushed = _aware("pushed_at", pushed_at or self.clock())
        pulled = pulled_at and _aware("pulled_at", pulled_at)
        with self.lock:
            home = self.repository(repository)
            if known_as not in home.images:
                self._sequence += 1
                kind = media_type or facts.media_type
                home.add(Image(home, known_as, raw, kind, facts, self._sequence, pushed, pulled, status))
            for tag in tags:
                home.point(tag, known_as)
        return known_as

    def tag_image(self, repository: str, digest: str, tag: str) -> None:
        """Give an image a tag; an image that had it loses it and may be left untagged."""
        with self.lock:
            self.image(repository, digest)
            self.repository(repository).point(tag, digest)

    def untag(self, repository: str, tag: str) -> None:
        """Take a tag away; its image stays."""
        with self.lock:
            home = self.repository(repository)
            if tag not in home.tags:
                raise self.image_not_found(repository, tag=tag)
            home.unpoint(tag)

    def delete_image(self, repository: str, digest: str) -> None:
        """Remove an image with all its tags, even where an index lists it."""
        with self.lock:
            self.image(repository, digest)
            self.repository(repository).remove(digest)

    def pull_image(self, repository: str, digest: str, at: datetime | None = None) -> None:
        """Set an image's pull time, as a pull at that time would (default: the registry's clock)."""
        pulled = _aware("at", at or self.clock())
        with self.lock:
            self.image(repository, digest).pulled_at = pulled

    def set_status(self, repository: str, digest: str, status: str) -> None:
        """Archive or restore an image: ACTIVE, ARCHIVED or ACTIVATING."""
        _one_of("status", status, STATUSES)
        with self.lock:
            self.image(repository, digest).status = status

    def fail_image(
        self, repository: str, digest: str, code: str = "ImageInaccessible", reason: str | None = None
    ) -> None:
        """From now on BatchGetImage answers for this image with this failure; `reason` defaults to the code's text."""
        _one_of("code", code, tuple(FAILURE_REASONS))
        with self.lock:
            self.image(repository, digest).failure = (code, reason or FAILURE_REASONS[code])

    def deny(self, operation: str, repository: str | None = None) -> None:
        """AccessDeniedException for that operation, on that repository or everywhere; undo through `denied`."""
        self.denied.add((operation, repository))

    def check_access(self, operation: str, repositories: Iterable[str]) -> None:
        """Raise AccessDeniedException if `deny` was called for this operation or one of these repositories."""
        for name in ("*", *repositories):
            if (operation, None if name == "*" else name) in self.denied:
                raise access_denied(operation, repository_arn(self.region, self.registry_id, name))


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(allowed)}")


def _aware(name: str, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{name} {value} has no time zone; give one, such as datetime.UTC")
    return value
