"""Rows for tests of a store, and what a store must be whoever looks at it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from support.manifests import OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, digest_of

from indexer.store import Files, Store, Writer
from indexer.tables import (
    RUN_TABLES,
    SEGMENT_TABLES,
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

NOON = datetime(2026, 11, 23, 12, 0, 0, 345_678, tzinfo=UTC)
VERSION = "1.2.3"
PLACE = ("123456789012", "eu-west-1")


class Facts(NamedTuple):
    """One manifest's rows, as flattening gives them."""

    manifest: ManifestRow
    layers: Sequence[LayerRow]
    configs: Sequence[ConfigRow]
    index_entries: Sequence[IndexEntryRow]


def facts(name: str, repository: str = "shop/web", *, layers: int = 2, children: Sequence[str] = ()) -> Facts:
    """The rows of an image called `name`, or of an index where it has children."""
    digest, config = digest_of(name), digest_of(f"{name} config")
    rows = [LayerRow(digest, at, digest_of(f"{name} {at}"), OCI_LAYER, 1000 + at, True, None) for at in range(layers)]
    entries = [
        IndexEntryRow(digest, at, digest_of(c), OCI_MANIFEST, None, 700, "linux", "arm64", "v8", None, False, {"n": c})
        for at, c in enumerate(children)
    ]
    manifest = ManifestRow(
        manifest_digest=digest,
        media_type=OCI_INDEX if children else OCI_MANIFEST,
        kind="index" if children else "image",
        schema_version=2,
        artifact_type=None,
        config_digest=None if children else config,
        config_media_type=None if children else OCI_CONFIG,
        config_size=None if children else 100,
        subject_digest=None,
        layer_count=0 if children else layers,
        layer_bytes=0 if children else sum(row.size or 0 for row in rows),
        manifest_bytes=len(name),
        annotations={"name": name},
        raw=name,
        verified=True,
        problem=None,
        registry_id=PLACE[0],
        region=PLACE[1],
        repository=repository,
        fetched_at=NOON,
    )
    if children:
        return Facts(manifest, [], [], entries)
    return Facts(manifest, rows, [ConfigRow(digest, config, OCI_CONFIG, 100)], [])


def broken(name: str, problem: str) -> Facts:
    """The row of a document that could not be flattened."""
    row = facts(name).manifest._replace(kind="unknown", config_digest=None, layer_count=None, problem=problem)
    return Facts(row, [], [], [])


def repository(writer: Writer, name: str, status: str = "listed") -> RepositoryRow:
    return RepositoryRow(writer.run_id, *PLACE, name, None, NOON, "MUTABLE", "AES256", None, status, None)


def image(writer: Writer, name: str, repository: str = "shop/web", pushed_at: datetime | None = NOON) -> ImageRow:
    digest = digest_of(name)
    return ImageRow(writer.run_id, *PLACE, repository, digest, [name], None, None, 5, pushed_at, None, "ACTIVE", None)


def failure(writer: Writer, reason: str, repository: str | None = "shop/web") -> FailureRow:
    return FailureRow(writer.run_id, *PLACE, repository, None, None, "DescribeImages", "ServerException", reason)


def run_row(writer: Writer) -> RunRow:
    end = writer.started_at + timedelta(seconds=1)
    targets = [TargetName(None, PLACE[1]), TargetName(*PLACE)]
    return RunRow(writer.run_id, writer.started_at, end, True, VERSION, targets, 1, 2, 3, 4, 0, 5)


def write_run(store: Store, names: Iterable[str], *, now: datetime = NOON, segment_manifests: int = 2) -> str:
    """Index images of these names in a run; return its id."""
    with store.writer(now=lambda: now, version=VERSION, segment_manifests=segment_manifests) as writer:
        order = -1
        for order, name in enumerate(names):
            writer.add(facts(name), order)
            writer.add_images([image(writer, name)])
        writer.add_repository(repository(writer, "shop/web"))
        writer.commit_run(run_row(writer)._replace(images=order + 1))
        return writer.run_id


def read(files: Files, table: str) -> list[dict[str, Any]]:
    """Return all rows of a table, read with pyarrow."""
    return [row for path in files.tables[table] for row in _table(path).to_pylist(maps_as_pydicts="strict")]


def arrow(files: Files, table: str) -> pa.Table:
    return pa.concat_tables([_table(path) for path in files.tables[table]])


def _table(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read()


def check_whole(files: Files) -> list[str]:
    """Check that a view holds whole commits and nothing twice; return the manifests' names, in the order read.

    The rows of every manifest are compared with what `facts` makes of its name (which is its text).
    """
    stored = read(files, "manifests")
    names = [row["raw"] for row in stored]
    assert len(set(names)) == len(names)
    for table, key in (("layers", "manifest_digest"), ("configs", "manifest_digest")):
        found = defaultdict(list)
        for row in read(files, table):
            found[row[key]].append(row)
        wanted = {digest_of(name): [row._asdict() for row in getattr(facts(name), table)] for name in names}
        assert found == wanted
    runs = {row["run_id"] for row in read(files, "runs")}
    assert runs == set(files.runs)
    for table in ("repositories", "images", "failures"):
        assert {row["run_id"] for row in read(files, table)} <= runs
    # A run is only to be seen with all that it indexed.
    assert {row["manifest_digest"] for row in read(files, "images")} <= {row["manifest_digest"] for row in stored}
    return names


def everything_in(folder: Path) -> set[str]:
    """Return every file under a folder, as paths relative to it."""
    return {os.path.relpath(Path(top) / name, folder) for top, _, names in os.walk(folder) for name in names}


def everything_expected(files: Files) -> set[str]:
    """Return the files that a store has where nothing is left over."""
    segments = {f"{table.name}/{name}.parquet" for table in SEGMENT_TABLES for name in files.segments}
    runs = {f"{table.name}/{name}.parquet" for table in RUN_TABLES for name in files.runs}
    return {"format.json", "lock", *segments, *runs}
