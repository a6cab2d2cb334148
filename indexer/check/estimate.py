"""How much a first run has to do, from a look at some of the repositories."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from indexer.config import FetchConfig
from indexer.ecr import PAGE_SIZE, ListedImage, ListedRepository

_SAMPLES = 20
_PAGES = 5
_WORTH_MINUTES = 120


class Sample(NamedTuple):
    """What one repository holds: images, those that can be fetched, and how long a call about it took, in seconds.

    `whole` is False where there are more than were looked at.
    """

    images: int
    active: int
    seconds: float
    whole: bool

    @classmethod
    def of(cls, pages: Iterator[list[ListedImage]]) -> Sample:
        """Look at a repository's first pages. Raises RegistryError."""
        began, images, active, calls = time.monotonic(), 0, 0, 0
        for page in islice(pages, _PAGES):
            calls += 1
            images += len(page)
            active += sum(image.status not in {"ARCHIVED", "ACTIVATING"} for image in page)
        seconds = (time.monotonic() - began) / max(1, calls)
        return cls(images, active, seconds, calls < _PAGES)


def sampled(repositories: Sequence[ListedRepository]) -> list[ListedRepository]:
    """Return some of the repositories, evenly spread; all of them where there are few."""
    step = max(1.0, len(repositories) / _SAMPLES)
    return [repositories[int(at * step)] for at in range(min(_SAMPLES, len(repositories)))]


def estimate(samples: Sequence[Sample], listed: int, wanted: int, fetch: FetchConfig) -> str:
    """Return what a run has to do that knows nothing yet, where so many repositories are listed and wanted."""
    share = wanted / len(samples)
    images = round(share * sum(sample.images for sample in samples))
    pages = sum(max(1, -(-sample.images // PAGE_SIZE)) for sample in samples)
    chunks = sum(-(-sample.active // fetch.chunk_size) for sample in samples)
    calls = max(1, -(-listed // PAGE_SIZE)) + round(share * (pages + chunks))
    slowest = max(1 / fetch.requests_per_second, _mean(samples) / fetch.connections)
    took = f"{_duration(calls * slowest)} at {fetch.requests_per_second:g} requests a second"
    if len(samples) == wanted and all(sample.whole for sample in samples):
        return (
            f"{images:,} image{'' if images == 1 else 's'}; at most {calls:,} call{'' if calls == 1 else 's'}, {took}"
        )
    about = "about" if all(sample.whole for sample in samples) else "at least"
    looked = f"by what {len(samples):,} of {wanted:,} repositories hold"
    return f"{about} {_rounded(images):,} images and {_rounded(calls):,} calls, {looked}; {took}"


def _rounded(count: int) -> int:
    """Return two digits of a number that is an estimate: more would pass for knowledge."""
    return round(count, 2 - len(str(count)))


def _mean(samples: Sequence[Sample]) -> float:
    return sum(sample.seconds for sample in samples) / len(samples)


def _duration(seconds: float) -> str:
    if round(seconds) <= 1:
        return "about a second"
    if seconds < _WORTH_MINUTES:
        return f"about {seconds:.0f} seconds"
    return f"about {seconds / 60:,.0f} minutes"
