"""The first half of a run: list every repository, write what is there, plan what to fetch.

All of a repository is listed before any of it is fetched, so the pull times that are written are not our own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING

from indexer.crawl.images import list_images, listed
from indexer.crawl.queue import Place
from indexer.crawl.report import Cause, Subject
from indexer.crawl.shared import Shared
from indexer.crawl.stop import windowed
from indexer.crawl.targets import Walk
from indexer.digests import keys_of
from indexer.ecr import ListedImage, ListedRepository
from indexer.errors import RegistryError
from indexer.model import Digest
from indexer.tables import RepositoryRow

if TYPE_CHECKING:
    from indexer.config import ImagesConfig  # pydantic: a worker does without

_NOT_GIVEN = frozenset({"ARCHIVED", "ACTIVATING"})


class Listing:
    """Lists targets into a report and a plan. `list_target` may run for several targets at a time.

    `planned` is told how many digests are to be fetched, as far as is known.
    """

    def __init__(
        self,
        images: ImagesConfig,
        problems: Mapping[str, str],
        shared: Shared,
        planned: Callable[[int], object],
    ) -> None:
        self._config = images
        self._problems = problems
        self._plan = shared.plan
        self._report = shared.report
        self._globs = shared.globs
        self._progress = shared.progress
        self._stop = shared.stop
        self._crowd = shared.crowd
        self._planned = planned
        self._seen: set[tuple[str, str, str]] = set()
        self._hidden_problems: dict[str, tuple[Walk, Subject]] = {}
        self._lock = threading.Lock()

    def list_target(self, walk: Walk, connections: int) -> None:
        """List all that the configuration wants of a target; a target that fails as a whole is one row in failures."""
        try:
            repositories = self._repositories(walk)
        except RegistryError as error:
            self._report.target_failed(walk, error)
            return
        account = _account(walk, repositories)
        self._report.target_listed(walk, repositories, account)
        self._globs.take(walk, account, [repository.name for repository in repositories])
        wanted = [repository for repository in repositories if self._claim(walk, repository)]
        self._progress.count(repositories_found=len(wanted))
        with self._stop.threads(connections, "list") as pool:
            # Where one thread keeps the process busy it is this one: what another has listed would have to come from
            # its processor's cache, and a night without news took a tenth more CPU.
            ahead = lambda: 0 if self._crowd.one_is_enough else 2 * connections  # noqa: E731 - for the line below
            listings = windowed(pool, partial(self._list_images, walk), wanted, ahead=ahead)
            for repository, listed in zip(wanted, listings, strict=True):
                with self._crowd.computing.measured():
                    self._take(walk, repository, listed)

    def _repositories(self, walk: Walk) -> list[ListedRepository]:
        found = {repository.name: repository for repository in listed(walk.ecr.repositories)}
        return [found[name] for name in sorted(found)]

    def _claim(self, walk: Walk, repository: ListedRepository) -> bool:
        """Whether the configuration wants the repository and no other entry of it has listed the same one."""
        if not walk.registry.wants(repository.name):
            return False
        key = (repository.registry_id, walk.target.region, repository.name)
        with self._lock:
            if key in self._seen:
                return False
            self._seen.add(key)
        return True

    def _list_images(self, walk: Walk, repository: ListedRepository) -> list[ListedImage] | RegistryError:
        try:
            with self._crowd.turn():
                return list_images(walk.ecr, repository.name)
        except RegistryError as error:
            return error

    def _take(self, walk: Walk, repository: ListedRepository, listed: list[ListedImage] | RegistryError) -> None:
        if isinstance(listed, RegistryError):
            if self._stop.asked:
                return  # it was not sent any more, and this run is not committed
            self._report.repository(_row(walk, self._report.run_id, repository, "failed", str(listed)))
            self._report.fail(walk, Subject(repository.name), Cause.of(listed))
            return
        missing = self._plan.missing([image.digest for image in listed])
        # What is stored is a digest. One look at all others is a third of the time of one question each.
        good = keys_of([image.digest for image in compress(listed, missing)]) is not None
        images = listed if good else [image for image in listed if self._good(walk, repository, image)]
        shown = [image for image in images if self._shows(image)] if self._config.hides else images
        self._report.repository(_row(walk, self._report.run_id, repository, "listed", None))
        self._report.images(walk, repository, shown)
        place = Place(walk.number, repository.name)
        fetched = _to_fetch(shown)
        wanted = self._plan.want(place, fetched, missing if len(fetched) == len(listed) else None)
        self._planned(self._plan.planned)
        if len(shown) < len(images):
            hidden = [image for image in images if not self._shows(image)]
            self._plan.hide(place, _to_fetch(hidden))
            bad = (image for image in hidden if image.digest in self._problems)
            self._hidden_problems.update((image.digest, (walk, _subject(repository, image))) for image in bad)
        self._repeat_problems(walk, repository, shown)
        self._progress.count(repositories_listed=1, images=len(shown), wanted=wanted)

    def _good(self, walk: Walk, repository: ListedRepository, image: ListedImage) -> bool:
        """Whether the digest is one; what ECR lists under something else can be neither asked for nor stored."""
        try:
            Digest.parse(image.digest)
        except ValueError as error:
            cause = Cause("DescribeImages", "InvalidImageDigest", str(error))
            self._report.fail(walk, _subject(repository, image), cause)
            return False
        return True

    def _repeat_problems(self, walk: Walk, repository: ListedRepository, images: Iterable[ListedImage]) -> None:
        """Say again, every run, which images stand in the store as documents that could not be flattened."""
        for image in images if self._problems else ():
            problem = self._problems.get(image.digest)
            if problem is not None:
                self._report.fail(walk, _subject(repository, image), Cause.document(problem))

    @property
    def hides_problems(self) -> bool:
        """Whether a filter hides an image whose document could not be flattened."""
        return bool(self._hidden_problems)

    def repeat_hidden_problems(self, children: Iterable[str]) -> None:
        """Say again of those children of indexes that a filter hides that they could not be flattened."""
        for child in children:
            if child in self._hidden_problems:
                self._report.fail(*self._hidden_problems.pop(child), Cause.document(self._problems[child]))

    def _shows(self, image: ListedImage) -> bool:
        """Whether the filters of config.yaml let the image through.

        They are applied here and not by ECR, because an index that is let through may list children that are not:
        what the registry holds must be known to tell a hidden child from one that does not exist.
        """
        tagged = {"any": True, "tagged": bool(image.tags), "untagged": not image.tags}
        archived = image.status == "ARCHIVED"
        status = {"any": True, "active": not archived, "archived": archived}
        return tagged[self._config.tag_status] and status[self._config.image_status]


def _account(walk: Walk, repositories: list[ListedRepository]) -> str | None:
    """Return the account of a target. Where nothing there can tell, ECR is asked: what was there is gone now."""
    known = walk.target.registry_id or next((repository.registry_id for repository in repositories), None)
    if known is not None:
        return known
    try:
        return walk.ecr.account()
    except RegistryError:
        return None  # a right that the job can do without: an empty account stays unknown then


def _subject(repository: ListedRepository, image: ListedImage) -> Subject:
    return Subject(repository.name, image.digest, image.tags[0] if image.tags else None)


def _to_fetch(images: list[ListedImage]) -> list[ListedImage]:
    """ECR does not give archived images, nor those on their way back: they are listed and not asked for."""
    if _NOT_GIVEN.isdisjoint({image.status for image in images}):
        return images
    return [image for image in images if image.status not in _NOT_GIVEN]


def _row(walk: Walk, run_id: str, repository: ListedRepository, status: str, error: str | None) -> RepositoryRow:
    return RepositoryRow(
        run_id=run_id,
        registry_id=repository.registry_id,
        region=walk.target.region,
        repository=repository.name,
        repository_uri=repository.uri,
        created_at=repository.created_at,
        tag_mutability=repository.tag_mutability,
        encryption_type=repository.encryption_type,
        kms_key=repository.kms_key,
        status=status,
        error=error,
    )
