"""What a crawl asks of the committed files, read straight from Parquet."""

from __future__ import annotations

import errno
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.compute import pc
from indexer.errors import StoreDamaged, StoreError
from indexer.store.known import Known

_BATCH: Final = 65_536


class RepositoryKey(NamedTuple):
    """What names a repository anywhere."""

    registry_id: str
    region: str
    repository: str


class Held(NamedTuple):
    """What a store has: the digests of all manifests, and manifest_digest -> problem for those that have one."""

    known: Known
    problems: dict[str, str]


def held(manifests: Iterable[Path]) -> Held:
    """Return what the files of manifests hold, each opened once: that is a third of a millisecond of CPU."""
    problems: dict[str, str] = {}

    def digests() -> Iterator[pa.Array]:
        for path in manifests:
            with _opened(path) as file:
                yield from (batch.column("manifest_digest") for batch in _read(file, ["manifest_digest"]))
                problems.update(_problems(file))

    return Held(Known.as_they_stand(digests()), problems)


def _problems(file: pq.ParquetFile) -> Iterator[tuple[str, str]]:
    groups = range(file.metadata.num_row_groups)
    some = [group for group in groups if not _all_null(file.metadata.row_group(group), "problem")]
    if some:
        for batch in _read(file, ["manifest_digest", "problem"], row_groups=some):
            told = pc.filter(batch, pc.is_valid(batch.column("problem")))
            yield from zip(*(told.column(name).to_pylist() for name in ("manifest_digest", "problem")), strict=True)


def children(index_entries: Iterable[Path], wanted: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield (index_digest, manifest_digest of a child) for the indexes in `wanted`, in the order of their entries."""
    for path in index_entries:
        for batch in _batches(path, ["index_digest", "manifest_digest"]):
            pairs = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            yield from ((index, child) for index, child in pairs if index in wanted)


def last_repositories(repositories: Iterable[Path]) -> dict[RepositoryKey, str]:
    """Return the newest status of every repository ever seen; `repositories` are files in commit order."""
    found: dict[RepositoryKey, str] = {}
    for path in repositories:
        for batch in _batches(path, [*RepositoryKey._fields, "status"]):
            *keys, status = (column.to_pylist() for column in batch.columns)
            found.update(zip(map(RepositoryKey._make, zip(*keys, strict=True)), status, strict=True))
    return found


def _batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    with _opened(path) as file:
        for batch in _read(file, columns):
            yield batch.select(columns)


def _read(file: pq.ParquetFile, columns: list[str], **chosen: Any) -> Iterator[pa.RecordBatch]:
    # A thread for each of a few columns costs more than it gains: a fifth of the CPU for a small file.
    batches: Iterator[pa.RecordBatch] = file.iter_batches(_BATCH, columns=columns, use_threads=False, **chosen)
    return batches


@contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    with _damage(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        yield file


def _all_null(group: Any, column: str) -> bool:
    chunks = (group.column(at) for at in range(group.num_columns))
    statistics = next((chunk.statistics for chunk in chunks if chunk.path_in_schema == column), None)
    return bool(statistics is not None and statistics.has_null_count and statistics.null_count == group.num_rows)


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}. Give this user the right to it") from error
    except (OSError, pa.ArrowInvalid, KeyError) as error:
        if isinstance(error, OSError) and error.errno not in {None, errno.ENOENT}:
            # The device, the network or a limit failed: whether the file is good is not known.
            raise StoreError(f"cannot read {path}: {error.strerror or error}. Try again when it can be read") from error
        # pyarrow tells a file that is cut short or changed by either of these
        advice = "Restore it from a backup, or run indexer verify --repair"
        raise StoreDamaged(f"cannot read {path}: {error}. {advice}") from error
