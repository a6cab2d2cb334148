"""What one repository holds, read page by page while others push to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeVar

from indexer.ecr import PAGE_EXPIRED, Ecr, ListedImage
from indexer.errors import RegistryUnavailable

T = TypeVar("T")

_RESTARTS: Final = 3


def all_pages(listing: Callable[[], Iterator[list[T]]]) -> list[list[T]]:
    """Return the pages of a listing; from the first one again where ECR has forgotten which one is next.

    Raises RegistryError.
    """
    for _ in range(_RESTARTS):
        try:
            return list(listing())
        except RegistryUnavailable as error:
            if error.code != PAGE_EXPIRED:
                raise
    return list(listing())


def list_images(ecr: Ecr, repository: str) -> list[ListedImage]:
    """Return a repository's images in the order of pushes: neighbours share layers, which keeps files small.

    Each digest is there once and each tag on one image. A page is of one moment, a listing of several pages is not: an
    image may be on two of them, and a tag that moves from a later page to an earlier one is on none. So the tagged
    images of such a repository are listed once more, and where the two listings differ, ECR is asked whose the tag is.
    Raises RegistryError.
    """
    pages = all_pages(lambda: ecr.images(repository))
    found = {image.digest: image for page in pages for image in page}
    if len(pages) > 1:
        again = all_pages(lambda: ecr.images(repository, tagged=True))
        for tag in sorted(_moved(found.values(), (image for page in again for image in page))):
            _settle(found, tag, ecr.image(repository, tag))
    return sorted(found.values(), key=lambda image: (image.pushed_at or 0, image.digest))


def _moved(before: Iterable[ListedImage], after: Iterable[ListedImage]) -> set[str]:
    """Return the tags that are not on the same single image in both listings."""
    first, second = _homes(before), _homes(after)
    return {tag for tag in first.keys() | second.keys() if len(first[tag]) != 1 or first[tag] != second[tag]}


def _homes(images: Iterable[ListedImage]) -> defaultdict[str, set[str]]:
    homes: defaultdict[str, set[str]] = defaultdict(set)
    for image in images:
        for tag in image.tags:
            homes[tag].add(image.digest)
    return homes


def _settle(found: dict[str, ListedImage], tag: str, owner: ListedImage | None) -> None:
    """Give a tag to the image that has it now, with all the tags that this one has, or to none."""
    gone = {tag, *(owner.tags if owner is not None else ())}
    for digest, image in found.items():
        if not gone.isdisjoint(image.tags):
            found[digest] = image._replace(tags=tuple(each for each in image.tags if each not in gone))
    if owner is not None:
        found[owner.digest] = owner
