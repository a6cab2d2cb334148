"""What one repository holds, read page by page while others push to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import Final, TypeVar

from indexer.ecr import PAGE_EXPIRED, Ecr, ListedImage
from indexer.errors import RegistryUnavailable

T = TypeVar("T")

_RESTARTS: Final = 3
_PUSHED_AT: Final = attrgetter("pushed_at")


def listed(pages: Callable[[], Iterator[list[T]]]) -> list[T]:
    """Return all that a listing's pages have; from the first one again where ECR has forgotten which one is next.

    Raises RegistryError.
    """
    for _ in range(_RESTARTS):
        try:
            return list(chain.from_iterable(pages()))
        except RegistryUnavailable as error:
            if error.code != PAGE_EXPIRED:
                raise
    return list(chain.from_iterable(pages()))


def list_images(ecr: Ecr, repository: str) -> list[ListedImage]:
    """Return a repository's images in the order of pushes: neighbours share layers, which keeps files small.

    Each digest is there once and each tag on one image. A page is of one moment, a listing of several pages is not: an
    image may be on two of them, and a tag that moves from a later page to an earlier one is on none. So the tagged
    images of such a repository are listed once more, and where the two listings differ, ECR is asked whose the tag is.
    Raises RegistryError.
    """
    pages = listed(lambda: ([page] for page in ecr.images(repository)))
    images = list(chain.from_iterable(pages))
    if len({image.digest for image in images}) < len(images) or len(pages) > 1:
        found = {image.digest: image for image in images}
        if len(pages) > 1:
            # Of the second listing no more is kept than tags and digests: a repository may have 100,000 images.
            again = listed(lambda: (tags_of(page) for page in ecr.images(repository, tagged=True)))
            for tag in sorted(_moved(tags_of(found.values()), again)):
                _settle(found, tag, ecr.image(repository, tag))
        images = list(found.values())
    return in_order_of_pushes(images)


def tags_of(images: Iterable[ListedImage]) -> list[tuple[str, str]]:
    """Return each tag with the digest of the image that has it."""
    return [(tag, image.digest) for image in images for tag in image.tags]


def in_order_of_pushes(images: list[ListedImage]) -> list[ListedImage]:
    """Return images by the time of their push, and then by digest."""
    pushes = [image.pushed_at for image in images]
    if None in pushes or len(set(pushes)) < len(pushes):
        return sorted(images, key=lambda image: (image.pushed_at or 0, image.digest))
    # As nearly always: a fifth of the time.
    return sorted(images, key=_PUSHED_AT)


def _moved(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> set[str]:
    """Return the tags that are not on the same single image in both listings."""
    if dict(before) == (of_after := dict(after)) and len(of_after) == len(before) == len(after):
        return set()  # as nearly always: a quarter of the time
    first, second = map(_homes, (before, after))
    return {tag for tag in first.keys() | second.keys() if len(first[tag]) != 1 or first[tag] != second[tag]}


def _homes(tags: Iterable[tuple[str, str]]) -> defaultdict[str, set[str]]:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for tag, digest in tags:
        homes[tag].add(digest)
    return homes


def _settle(found: dict[str, ListedImage], tag: str, owner: ListedImage | None) -> None:
    """Give a tag to the image that has it now, with all the tags that this one has, or to none."""
    gone = {tag, *(owner.tags if owner is not None else ())}
    for digest, image in found.items():
        if not gone.isdisjoint(image.tags):
            found[digest] = image.with_tags(each for each in image.tags if each not in gone)
    if owner is not None:
        found[owner.digest] = owner
