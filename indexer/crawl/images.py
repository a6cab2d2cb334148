"""What one repository holds, read page by page while others push to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
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
            for tag in sorted(_moved(found.values(), lambda: ecr.images(repository, tagged=True))):
                _settle(found, tag, ecr.image(repository, tag))
        images = list(found.values())
    return in_order_of_pushes(images)


def in_order_of_pushes(images: list[ListedImage]) -> list[ListedImage]:
    """Return images by the time of their push, and then by digest."""
    pushes = {image.pushed_at for image in images}
    if None in pushes or len(pushes) < len(images):
        return sorted(images, key=lambda image: (image.pushed_at or 0, image.digest))
    # As nearly always: a fifth of the time.
    return sorted(images, key=_PUSHED_AT)


def _moved(images: Collection[ListedImage], again: Callable[[], Iterator[list[ListedImage]]]) -> set[str]:
    """Return the tags that are not on the same single image of `images` and of the pages listed again.

    Those are compared as they come and not kept: a repository may have 100,000 images. A tag may be named that did not
    move (its image was on two of the pages); one that did is named, unless it moved to an earlier page both times and
    was seen neither time. Raises RegistryError.
    """

    def unlike() -> Iterator[list[str]]:
        waiting: dict[str, str] = {}
        for image in images:
            for tag in image.tags:
                if waiting.setdefault(tag, image.digest) != image.digest:
                    yield [tag]
        for page in again():
            yield [tag for image in page for tag in image.tags if waiting.pop(tag, None) != image.digest]
        yield list(waiting)

    return set(listed(unlike))


def _settle(found: dict[str, ListedImage], tag: str, owner: ListedImage | None) -> None:
    """Give a tag to the image that has it now, with all the tags that this one has, or to none."""
    gone = {tag, *(owner.tags if owner is not None else ())}
    for digest, image in found.items():
        if not gone.isdisjoint(image.tags):
            found[digest] = image.with_tags(each for each in image.tags if each not in gone)
    if owner is not None:
        found[owner.digest] = owner
