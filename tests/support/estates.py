"""Builds small stores by hand: names in place of digests, one call a manifest, a run, a repository.

    estate = Estate()
    estate.image("app", layers=[("base", 100), ("top", 10)], config=("app-config", 1))
    run = estate.run()
    run.repository("team/app", {"app": ["latest"]})
    with estate.catalog(tmp_path) as catalog: ...

Rows are written as Parquet through the project's own schemas. What a manifest is made of stays here as plain Python
values, so that a test can work out its expected answer from them, or by hand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from indexer import tables
from indexer.catalog import Catalog, fetch

ACCOUNT = "111111111111"
OTHER_ACCOUNT = "222222222222"
REGION = "eu-west-1"
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
IMAGE_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"

Blob = tuple[str, int | None]


def digest(name: str) -> str:
    """The digest that stands for `name` everywhere."""
    return "sha256:" + hashlib.sha256(name.encode()).hexdigest()


class Run:
    """One committed run; `place` is an account and region."""

    def __init__(self, number: int, targets: Sequence[tuple[str | None, str]]) -> None:
        self.run_id = f"run-{number:03}"
        self.started_at = DAY_ONE + timedelta(days=number)
        self.targets = [tables.TargetName(*target) for target in targets]
        self.repositories: list[tables.RepositoryRow] = []
        self.images: list[tables.ImageRow] = []
        self.failures: list[tables.FailureRow] = []

    def repository(  # noqa: PLR0913 - one argument a column that tests care for
        self,
        name: str,
        images: Mapping[str, Sequence[str]] | None = None,
        *,
        place: tuple[str, str] = (ACCOUNT, REGION),
        status: str = "listed",
        kms_key: str | None = None,
        archived: Iterable[str] = (),
    ) -> None:
        """A repository as the run found it; `images` maps names of manifests to their tags."""
        encryption = "AES256" if kms_key is None else "KMS"
        error = "AccessDeniedException" if status == "failed" else None
        self.repositories.append(
            tables.RepositoryRow(self.run_id, *place, name, None, None, None, encryption, kms_key, status, error)
        )
        hidden = set(archived)
        for image, tags in (images or {}).items():
            state = "ARCHIVED" if image in hidden else "ACTIVE"
            self.images.append(
                tables.ImageRow(
                    self.run_id, *place, name, digest(image), tags, IMAGE_TYPE, None, 7, DAY_ONE, None, state, None
                )
            )

    def failure(  # noqa: PLR0913 - one argument a column that tests care for
        self,
        repository: str | None = None,
        image: str | None = None,
        *,
        place: tuple[str | None, str] = (ACCOUNT, REGION),
        operation: str = "BatchGetImage",
        code: str = "ImageNotFound",
        reason: str = "it is gone",
    ) -> None:
        found = None if image is None else digest(image)
        self.failures.append(tables.FailureRow(self.run_id, *place, repository, found, None, operation, code, reason))

    def row(self) -> tables.RunRow:
        counts = (len(self.repositories), len(self.images), 1, 0, len(self.failures), 0)
        finished = self.started_at + timedelta(hours=1)
        return tables.RunRow(self.run_id, self.started_at, finished, not self.failures, "0.1.0", self.targets, *counts)


class Estate:
    """A store in the making."""

    def __init__(self) -> None:
        self.manifests: list[tables.ManifestRow] = []
        self.layers: list[tables.LayerRow] = []
        self.configs: list[tables.ConfigRow] = []
        self.entries: list[tables.IndexEntryRow] = []
        self.runs: list[Run] = []

    def image(  # noqa: PLR0913 - one argument a thing that tests care for
        self,
        name: str,
        layers: Sequence[Blob] = (),
        config: Blob | None = None,
        *,
        kind: str = "image",
        foreign: Iterable[str] = (),
        layer_type: str = LAYER_TYPE,
    ) -> None:
        """A manifest with layers (base first) and a config, as pairs of name and size."""
        not_stored = set(foreign)
        sizes = [size for _, size in layers if size is not None]
        names = [layer for layer, _ in layers]
        for at, (layer, size) in enumerate(layers):
            again = layer in names[:at]
            stored = layer not in not_stored
            row = tables.LayerRow(digest(name), at, digest(layer), layer_type, size, stored, None, again)
            self.layers.append(row)
        if config is not None:
            blob, size = config
            row_of = tables.ConfigRow(digest(name), digest(blob), "application/config", size, blob in names)
            self.configs.append(row_of)
        total = sum(sizes) if len(sizes) == len(layers) else None
        self._manifest(name, kind=kind, layer_count=len(layers), layer_bytes=total)

    def index(self, name: str, children: Sequence[str]) -> None:
        """An index; children need not exist."""
        self.entries += [
            tables.IndexEntryRow(
                digest(name), at, digest(child), IMAGE_TYPE, None, 9, "linux", "amd64", None, None, False, None
            )
            for at, child in enumerate(children)
        ]
        self._manifest(name, kind="index", layer_count=0, layer_bytes=0)

    def unreadable(self, name: str, problem: str = "layers: not a list") -> None:
        """A document that was fetched, but could not be flattened."""
        self._manifest(name, kind="unknown", layer_count=None, layer_bytes=None, problem=problem)

    def run(self, *targets: tuple[str | None, str]) -> Run:
        run = Run(len(self.runs) + 1, targets or [(ACCOUNT, REGION)])
        self.runs.append(run)
        return run

    def write(self, folder: Path) -> dict[str, list[Path]]:
        """Write the store's files, facts in two segments, and return them by table."""
        files: dict[str, list[Path]] = {}
        middle = len(self.manifests) // 2
        first = {row.manifest_digest for row in self.manifests[:middle]}
        for table, rows in (
            (tables.MANIFESTS, self.manifests),
            (tables.LAYERS, self.layers),
            (tables.CONFIGS, self.configs),
            (tables.INDEX_ENTRIES, self.entries),
        ):
            parts = ([row for row in rows if row[0] in first], [row for row in rows if row[0] not in first])
            for number, part in enumerate(parts):
                _write(folder, table, f"segment-{number}", part, files)
        for run in self.runs:
            _write(folder, tables.REPOSITORIES, run.run_id, run.repositories, files)
            _write(folder, tables.IMAGES, run.run_id, run.images, files)
            _write(folder, tables.FAILURES, run.run_id, run.failures, files)
            _write(folder, tables.RUNS, run.run_id, [run.row()], files)
        return files

    def catalog(self, folder: Path) -> Catalog:
        return Catalog(self.write(folder), folder=folder)

    def _manifest(
        self, name: str, *, kind: str, layer_count: int | None, layer_bytes: int | None, problem: str | None = None
    ) -> None:
        media_type = {"index": INDEX_TYPE, "unknown": None}.get(kind, IMAGE_TYPE)
        what = (media_type, kind, 2, None, None, None, None, None, layer_count, layer_bytes, 50, None)
        place = (ACCOUNT, REGION, "first/seen", DAY_ONE)
        self.manifests.append(tables.ManifestRow(digest(name), *what, f"raw {name}", True, problem, *place))


def rows(catalog: Catalog, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
    """The rows of an SQL statement as tuples."""
    return _tuples(fetch(catalog.sql(statement, parameters)))


def answer(catalog: Catalog, query: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of a named query as dictionaries."""
    found: list[dict[str, Any]] = fetch(catalog.query(query, parameters)).to_pylist()
    return found


def picked(found: Iterable[Mapping[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of an answer, as tuples."""
    return [tuple(row[column] for column in columns) for row in found]


def _tuples(table: Any) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def _write(
    folder: Path, table: tables.Table, name: str, content: Sequence[tuple[Any, ...]], files: dict[str, list[Path]]
) -> None:
    path = folder / table.name / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(tables.to_arrow(table, content), path)
    files.setdefault(table.name, []).append(path)
