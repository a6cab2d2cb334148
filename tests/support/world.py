"""A registry, a server, a store and a run, for tests of the whole job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from indexer.config import Config
from indexer.crawl import Progress, Summary, crawl
from indexer.local_ecr import Registry, Server
from indexer.store import Store
from indexer.store.upkeep import verify

START = datetime(2026, 1, 1, 2, 0, tzinfo=UTC)


class World:
    """Registries behind one server, and a store that runs fill night after night."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.at = START

    def config(self, registry: dict[str, Any] | None = None, **sections: Any) -> Config:
        """A configuration of every registry served; `registry` adds keys to each, sections replace their defaults."""
        entries = tuple(
            {"regions": (served.region,), "registry_id": served.registry_id, "endpoint_url": self.server.url}
            | (registry or {})
            for served in self.server.registries
        )
        fetch = {"requests_per_second": 2000, "connections": 4, "max_attempts": 3} | sections.pop("fetch", {})
        return Config.model_validate({"store": str(self.folder), "registries": entries, "fetch": fetch, **sections})

    def run(self, registry: dict[str, Any] | None = None, **sections: Any) -> Summary:
        """One night later: run the job. Whatever went wrong on the way, what it committed is sound."""
        self.at += timedelta(days=1)
        self.server.calls.clear()
        self.server.requested.clear()
        config = self.config(registry, **sections)
        summary = crawl(config, Store.create_or_open(self.folder), progress=Progress(), now=lambda: self.at)
        assert [each for each in verify(Store.open(self.folder).place).findings if each.level == "damage"] == []
        return summary

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, as committed."""
        files = Store.open(self.folder).files().tables[table]
        return [row for path in files for row in pq.read_table(path).to_pylist()]

    def of_run(self, table: str, summary: Summary) -> list[dict[str, Any]]:
        """The rows of one run."""
        return [row for row in self.rows(table) if row["run_id"] == summary.row.run_id]

    def asked(self) -> list[tuple[str, str]]:
        """(repository, digest) for all that BatchGetImage was asked since the last run began."""
        return [
            (each.repository or "", digest)
            for each in self.server.requested
            if each.operation == "BatchGetImage"
            for digest in each.image_ids
        ]


@contextmanager
def world(folder: Path, registries: Sequence[Registry]) -> Iterator[World]:
    """Serve `registries` while the block lasts."""
    with Server(registries) as server:
        yield World(server, folder)
        assert server.problems == []
