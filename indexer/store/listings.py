"""What repositories held, from the images as they are listed to rows of `images`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from indexer.compute import pc
from indexer.store.parquet import TableFile
from indexer.tables import IMAGES

_PART: Final = 4_000
"""Images that are made Arrow at once: of repositories with 50 images each this takes a third of the time."""
_MOST: Final = 10_000
"""Images that are made Arrow at once at most: 100,000 would take 30 MB."""
_MILLION: Final = 1e6


class _Target(NamedTuple):
    registry_id: str
    region: str


class _Waiting:
    """Repositories of one account and region, in the order of their names."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.counts: list[int] = []
        self.images: list[Any] = []


class Listings:
    """Gathers what repositories held, and hands it on as Arrow. Threads may share it.

    `file` gives the file to hand it to. An image has the members of the columns of `images` from manifest_digest on, as
    `indexer.ecr.ListedImage` names them; its times are seconds since 1970, UTC.
    """

    def __init__(self, run_id: str, file: Callable[[], TableFile]) -> None:
        self._run_id = run_id
        self._file = file
        self._waiting: dict[_Target, _Waiting] = {}
        self._lock = threading.Lock()

    def add(self, registry_id: str, region: str, repository: str, images: Sequence[Any]) -> None:
        """Take a repository's images, which stand in the order of their pushes."""
        target = _Target(registry_id, region)
        with self._lock:
            waiting = self._waiting.setdefault(target, _Waiting())
            if waiting.names and waiting.names[-1] > repository:  # a part is of neighbours
                waiting = self._hand_on(target)
            for start in range(0, len(images), _MOST):
                some = images[start : start + _MOST]
                waiting.names.append(repository)
                waiting.counts.append(len(some))
                waiting.images += some
                if len(waiting.images) >= _PART:
                    waiting = self._hand_on(target)

    def flush(self) -> None:
        """Hand on all that is waiting."""
        with self._lock:
            for target in self._waiting:
                self._hand_on(target)

    def _hand_on(self, target: _Target) -> _Waiting:
        waiting, self._waiting[target] = self._waiting[target], _Waiting()
        if waiting.images:
            columns = [*_constants(self._run_id, *target, of=len(waiting.images)), *_columns(waiting)]
            self._file().add_part((*target, waiting.names[0]), columns)
        return self._waiting[target]


def _constants(*values: str, of: int) -> list[pa.Array]:
    return [pa.repeat(pa.scalar(value), of) for value in values]


def _columns(waiting: _Waiting) -> list[pa.Array]:
    """Return the columns of `images` from `repository` on. A comprehension each is less than a tuple for each image."""
    images = waiting.images
    names = [pa.repeat(pa.scalar(name), count) for name, count in zip(waiting.names, waiting.counts, strict=True)]
    return [
        pa.concat_arrays(names),
        pa.array([each.digest for each in images], pa.string()),
        pa.array([each.tags for each in images], pa.list_(pa.string())),
        _texts([each.media_type for each in images]),
        _texts([each.artifact_type for each in images]),
        pa.array([each.size for each in images], pa.int64()),
        _times([each.pushed_at for each in images]),
        _times([each.last_pulled_at for each in images]),
        _texts([each.status for each in images]),
        _texts([each.subject_digest for each in images]),
    ]


def _texts(given: list[str | None]) -> pa.Array:
    if given[0] == given[-1] and given.count(given[0]) == len(given):  # a third of the time, and nearly always so
        return pa.repeat(pa.scalar(given[0], pa.string()), len(given))
    return pa.array(given, pa.string())


def _times(seconds: list[float | None]) -> pa.Array:
    """Return seconds as timestamps: products rounded half to even, as Python's own round does it."""
    products = pc.multiply(pa.array(seconds, pa.float64()), _MILLION)
    numbers = pc.cast(pc.round(products), options=pc.CastOptions.safe(pa.int64()))
    return numbers.view(IMAGES.schema.field("pushed_at").type)
