"""A segment's or a run's rows as Arrow tables, in the columns of this version."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.errors import StoreDamaged, StoreError
from indexer.store import layout
from indexer.store.parquet import FLATTENER
from indexer.store.places import Folder
from indexer.store.seal import intact
from indexer.tables import (
    ConfigRow,
    FailureRow,
    ImageRow,
    IndexEntryRow,
    LayerRow,
    ManifestRow,
    RepositoryRow,
    RunRow,
    Table,
)

ROWS: Final[Mapping[str, Any]] = {
    "manifests": ManifestRow,
    "layers": LayerRow,
    "configs": ConfigRow,
    "index_entries": IndexEntryRow,
    "repositories": RepositoryRow,
    "images": ImageRow,
    "failures": FailureRow,
    "runs": RunRow,
}
"""The row of each table: its defaults fill columns that files of older formats lack."""


class Footer(NamedTuple):
    """What the end of a `manifests` file says; `text_bytes` are those of all raw texts."""

    manifests: int
    text_bytes: int
    flattener: int
    """The version of the flattener that made the rows; 0 where the file does not say."""


def footer(path: Path) -> Footer:
    """Read the end of a `manifests` file; StoreDamaged where it cannot be read."""
    with damage(path), pq.ParquetFile(path) as file:
        found = file.metadata
        raw = file.schema_arrow.get_field_index("raw")
        leaves = [name.path for name in map(file.schema.column, range(len(file.schema)))]
        at = leaves.index("raw") if raw >= 0 else -1
        sizes = [found.row_group(group).column(at).total_uncompressed_size for group in range(found.num_row_groups)]
        said = (found.metadata or {}).get(FLATTENER.encode(), b"0")
        return Footer(found.num_rows, sum(sizes), int(said))


def read(folder: Folder, table: Table, name: str) -> pa.Table:
    """Return a file's rows in the table's schema, every page checked.

    A column that an older format did not have is filled with NULL, or with the row's default. StoreDamaged where the
    file cannot be read or has other columns.
    """
    path = folder.path(layout.published_key(table, name))
    with damage(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        found = file.read()
    return conformed(found, table, path)


def is_intact(folder: Folder, table: Table, name: str) -> bool:
    """Whether a file is as it was written, as far as it can tell: files of earlier versions have no seal."""
    path = folder.path(layout.published_key(table, name))
    with damage(path):
        return intact(path) is not False


def conformed(found: pa.Table, table: Table, path: Path) -> pa.Table:
    """Return `found` in the schema of `table`; StoreDamaged where that is no mere addition of columns."""
    schema = table.schema
    unknown = [name for name in found.schema.names if name not in schema.names]
    columns = []
    for field in schema:
        if field.name not in found.schema.names:
            columns.append(_filled(table, field, len(found), path))
            continue
        if found.schema.field(field.name).type != field.type:
            raise StoreDamaged(f"{path}: the column {field.name} is not of type {field.type}. {RESTORE}")
        columns.append(found.column(field.name))
    if unknown:
        raise StoreDamaged(f"{path}: there is no column {unknown[0]} in {table.name}. {RESTORE}")
    return pa.Table.from_arrays(columns, schema=schema)


RESTORE: Final = "Restore it from a backup; indexer verify says what else is wrong, and can repair it"


def _filled(table: Table, field: pa.Field, count: int, path: Path) -> pa.Array:
    defaults: Mapping[str, Any] = ROWS[table.name]._field_defaults
    if not field.nullable and field.name not in defaults:
        raise StoreDamaged(f"{path}: the column {field.name} is missing. {RESTORE}")
    return pa.array([defaults.get(field.name)] * count, field.type)


@contextmanager
def damage(path: Path) -> Iterator[None]:
    """Turn what pyarrow says about a file into StoreDamaged, or StoreError where the file may well be good."""
    try:
        yield
    except PermissionError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}. Give this user the right to it") from error
    except MemoryError:
        raise
    except OSError as error:
        if error.errno is not None and error.errno != errno.ENOENT:
            # The device, the network or a limit failed, and not the file: nothing may be given up for that.
            raise StoreError(f"cannot read {path}: {error.strerror or error}. Try again when it can be read") from error
        raise StoreDamaged(f"cannot read {path}: {_first_line(error)}. {RESTORE}") from error
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise StoreDamaged(f"cannot read {path}: {_first_line(error)}. {RESTORE}") from error


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0]
