"""What a run writes down about itself: repositories, images, failures, and the counts of its row in `runs`."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from indexer.crawl.progress import Progress
from indexer.crawl.targets import Walk
from indexer.ecr import ListedImage, ListedRepository
from indexer.errors import RegistryError
from indexer.store import RepositoryKey
from indexer.tables import FailureRow, RepositoryRow, TargetName


class RunWriter(Protocol):
    """The part of the store's writer that takes a run's rows; it need not be safe for threads."""

    run_id: str

    def add_repository(self, row: RepositoryRow, /) -> None:
        """Add a row of `repositories`."""

    def add_listing(self, registry_id: str, region: str, repository: str, images: Sequence[Any], /) -> None:
        """Add a repository's rows of `images`; each has the members of `ListedImage`."""

    def add_failure(self, row: FailureRow, /) -> None:
        """Add a row of `failures`."""


class Subject(NamedTuple):
    """What failed: a target as a whole, a repository, or an image of it."""

    repository: str | None = None
    digest: str | None = None
    tag: str | None = None


class Cause(NamedTuple):
    """Why: ECR's operation (or Flatten), its code (or one of ours), and what was said."""

    operation: str
    code: str
    reason: str

    @classmethod
    def of(cls, error: RegistryError) -> Cause:
        """Return what an error says."""
        return cls(error.operation, error.code, error.reason)

    @classmethod
    def document(cls, problem: str) -> Cause:
        """Return the cause of a document that is stored as it came and could not be flattened."""
        return cls("Flatten", "InvalidManifest", problem)


class Report:
    """Collects from all threads. Names of accounts become known as the first answers come in."""

    def __init__(self, writer: RunWriter, progress: Progress) -> None:
        self.run_id = writer.run_id
        self.repositories = 0
        self.image_rows = 0
        self.failures = 0
        self.target_errors: dict[int, RegistryError] = {}
        self._writer = writer
        self._progress = progress
        self._heard: set[int] = set()
        self._accounts: dict[int, str] = {}
        self._listed: dict[tuple[str, str], set[str]] = {}
        self._walks: dict[tuple[str, str], Walk] = {}
        self._lock = threading.Lock()

    def target_listed(self, walk: Walk, repositories: Sequence[ListedRepository], account: str | None) -> None:
        """Note every repository of a target, wanted or not: what is not among them is gone.

        `account` is None only where there is no repository and nobody says whose they would be.
        """
        with self._lock:
            self._heard.add(walk.number)
            if account is not None:
                self._accounts.setdefault(walk.number, account)
                self._listed.setdefault((account, walk.target.region), set())
                self._walks.setdefault((account, walk.target.region), walk)
            for repository in repositories:
                self._walks.setdefault((repository.registry_id, walk.target.region), walk)
                self._listed.setdefault((repository.registry_id, walk.target.region), set()).add(repository.name)

    def target_failed(self, walk: Walk, error: RegistryError) -> None:
        """Note that a target could not be listed at all."""
        with self._lock:
            self._heard.add(walk.number)
            self.target_errors[walk.number] = error
        self.fail(walk, Subject(), Cause.of(error))

    def heard(self, walks: Sequence[Walk]) -> bool:
        """Whether of every target it is known which repositories it has, or that it cannot be listed."""
        with self._lock:
            return all(walk.number in self._heard for walk in walks)

    def repository(self, row: RepositoryRow) -> None:
        """Write a repository's row."""
        with self._lock:
            self.repositories += row.status == "listed"
            self._writer.add_repository(row)

    def images(self, walk: Walk, repository: ListedRepository, images: Sequence[ListedImage]) -> None:
        """Write a repository's images, in the order in which they are given."""
        with self._lock:
            self.image_rows += len(images)
            self._writer.add_listing(repository.registry_id, walk.target.region, repository.name, images)

    def fail(self, walk: Walk, subject: Subject, cause: Cause) -> None:
        """Write a row of failures."""
        row = FailureRow(self.run_id, self.account(walk), walk.target.region, *subject, *cause)
        with self._lock:
            self.failures += 1
            self._writer.add_failure(row)
        self._progress.count(failures=1)

    def write_deleted(self, before: Mapping[RepositoryKey, str]) -> None:
        """Write a row for each repository that was there before, is in no listing of its target now, and is gone.

        ECR is asked for each by name: a listing that left something out must not delete it from the figures.
        """
        for (registry_id, region, name), status in before.items():
            listed = self._listed.get((registry_id, region))
            if status != "deleted" and listed is not None and name not in listed:
                self._write_missing(self._walks[registry_id, region], registry_id, name)

    def _write_missing(self, walk: Walk, registry_id: str, name: str) -> None:
        try:
            if not walk.ecr.has_repository(name):
                self.repository(_deleted(self.run_id, registry_id, walk.target.region, name))
                return
            cause = Cause("DescribeRepositories", "MissingFromAnswer", "the listing left out a repository that exists")
        except RegistryError as error:
            cause = Cause.of(error)
        self.fail(walk, Subject(name), cause)

    def targets(self, walks: Sequence[Walk]) -> list[TargetName]:
        """Return the targets' names, with the account where it is known."""
        names = (TargetName(self.account(walk), walk.target.region) for walk in walks)
        return list(dict.fromkeys(names))

    def account(self, walk: Walk) -> str | None:
        """Return the account of a target: what was configured, else what ECR said."""
        return walk.target.registry_id or self._accounts.get(walk.number)


def _deleted(run_id: str, registry_id: str, region: str, repository: str) -> RepositoryRow:
    return RepositoryRow(
        run_id=run_id,
        registry_id=registry_id,
        region=region,
        repository=repository,
        repository_uri=None,
        created_at=None,
        tag_mutability=None,
        encryption_type=None,
        kms_key=None,
        status="deleted",
        error=None,
    )
