"""Every table of a store: its columns, what each means, and the rows that the code passes around.

One source for the Arrow schemas (descriptions stand in the Parquet metadata), for docs/tables.md and for what the
command shows. The names are a contract: users' SQL stands on them.
"""

from __future__ import annotations

from collections.abc import Mapping

from indexer.tables.rows import (
    ConfigRow,
    FailureRow,
    ImageRow,
    IndexEntryRow,
    LayerRow,
    ManifestRow,
    RepositoryRow,
    RunRow,
    TargetName,
)
from indexer.tables.runs import FAILURES, IMAGES, REPOSITORIES, RUNS
from indexer.tables.segments import CONFIGS, INDEX_ENTRIES, LAYERS, MANIFESTS
from indexer.tables.table import Column, Table, to_arrow

TABLES: Mapping[str, Table] = {
    table.name: table for table in (MANIFESTS, LAYERS, CONFIGS, INDEX_ENTRIES, REPOSITORIES, IMAGES, FAILURES, RUNS)
}
SEGMENT_TABLES = tuple(table for table in TABLES.values() if table.per == "segment")
RUN_TABLES = tuple(table for table in TABLES.values() if table.per == "run")

__all__ = [
    "CONFIGS",
    "FAILURES",
    "IMAGES",
    "INDEX_ENTRIES",
    "LAYERS",
    "MANIFESTS",
    "REPOSITORIES",
    "RUNS",
    "RUN_TABLES",
    "SEGMENT_TABLES",
    "TABLES",
    "Column",
    "ConfigRow",
    "FailureRow",
    "ImageRow",
    "IndexEntryRow",
    "LayerRow",
    "ManifestRow",
    "RepositoryRow",
    "RunRow",
    "Table",
    "TargetName",
    "to_arrow",
]
