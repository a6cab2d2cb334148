"""An open store, as notebooks and the command line see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from indexer.catalog import Catalog, fetch, python_rows
from indexer.catalog.queries import find_query
from indexer.front.asking import Asking
from indexer.front.beginnings import with_whole_digests
from indexer.front.emptiness import single_run, why_empty
from indexer.front.find import find
from indexer.store import Store

Relation: TypeAlias = Any
"""A duckdb.DuckDBPyRelation: `.df()`, `.arrow()`, `.pl()`, `.fetchall()`, `.show()`. Its rows come when asked for."""


class OpenStore:
    """A store at one moment: runs that are committed later do not show until `refresh`.

        store = indexer.open("./store")
        store.queries()                                   # name -> the question it answers
        store.query("most-shared-layers", limit=5).df()
        store.sql("from images where repository = $name", name="team/app").df()

    Raises StoreMissing where there is no store, StoreFormatError where a newer version wrote it, StoreDamaged where
    a committed file is gone. Close it, or use it in a `with` statement; relations are of no use afterwards.
    """

    def __init__(self, location: str | Path, *, query_folders: Sequence[Path] = (), cache: Path | None = None) -> None:
        self._location = location
        self._cache = cache
        self._query_folders = tuple(query_folders)
        self._catalog = self._open()
        self._closed = False

    @property
    def location(self) -> str:
        """Where the store is, as it was given."""
        return str(self._location)

    @property
    def catalog(self) -> Catalog:
        """What runs the SQL; for what has no method here."""
        return self._catalog

    def query(self, name: str, /, **parameters: object) -> Relation:
        """Return the rows of the named query; `queries` lists them. A digest may be given by its beginning.

        Raises QueryError for an unknown query or parameter (with the nearest one), or a value of the wrong type;
        NotFound or Ambiguous where no digest, or more than one, begins so.
        """
        query = find_query(self._catalog.queries, name)
        return self._catalog.query(name, with_whole_digests(self._asking(), query, parameters))

    def why_empty(self, name: str, /, **parameters: object) -> str:
        """Return a sentence for people where the named query, so asked, has no rows."""
        return why_empty(self._asking(), find_query(self._catalog.queries, name), parameters)

    def single_run(self, name: str, /) -> str | None:
        """Return what to say about the named query's answer where the store has a single run, None if nothing."""
        return single_run(self._asking(), find_query(self._catalog.queries, name))

    def sql(self, statement: str, /, **parameters: object) -> Relation:
        """Return the rows of one reading SQL statement over the views, with a value for each `$name` in it.

        Raises QueryError where the statement is wrong, or would change anything.
        """
        return self._catalog.sql(statement, parameters)

    def queries(self) -> dict[str, str]:
        """Return name -> question of every named query."""
        return {name: query.question for name, query in self._catalog.queries.items()}

    def tables(self) -> dict[str, str]:
        """Return name -> description of every view that SQL can name."""
        return {name: view.description for name, view in sorted(self._catalog.views.items())}

    def columns(self, table: str) -> list[dict[str, Any]]:
        """Return the columns of a view: `column`, `type` and `description` of each. Empty for an unknown view."""
        statement = (
            "select column_name as column, lower(data_type) as type, comment as description from duckdb_columns() "
            "where schema_name = 'main' and table_name = $table order by column_index"
        )
        return python_rows(fetch(self.sql(statement, table=table)))

    def runs(self) -> Relation:
        """Return the committed runs, the newest first."""
        return self.sql("from runs order by run_id desc")

    def find(self, text: str) -> Mapping[str, Any]:
        """Return everything known about a digest (or its beginning), a repository, or REPOSITORY:TAG.

        Raises NotFound, or Ambiguous where several things fit.
        """
        return find(self._asking(), text)

    def export_views(self, path: str | Path) -> None:
        """Write a DuckDB file with the views, and a table macro for each query, for other programs to open.

        It shows the store as it is now; written again, it is replaced. Raises UsageError where something else is at
        `path`, or where it cannot be written.
        """
        self._catalog.export_views(path)

    def refresh(self) -> None:
        """Show what is committed now. Relations made before are of no use afterwards."""
        former, self._catalog = self._catalog, self._open()
        former.close()

    def close(self) -> None:
        """Let go of the store's files."""
        self._closed = True
        self._catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._closed:
            return f"<indexer.OpenStore {self.location!r}: closed>"
        runs = python_rows(fetch(self.runs()))
        if not runs:
            return f"<indexer.OpenStore {self.location!r}: no run is committed yet>"
        newest = runs[0]
        failures, images = (
            f"{newest[name]:,} {name[:-1]}{'s' * (newest[name] != 1)}" for name in ("failures", "images")
        )
        state = "complete" if newest["complete"] else failures
        return (
            f"<indexer.OpenStore {self.location!r}: {len(runs):,} run{'s' * (len(runs) > 1)}, "
            f"the newest of {newest['started_at']:%Y-%m-%d %H:%M} UTC ({images}, {state})>"
        )

    def _asking(self) -> Asking:
        return Asking(self._catalog, self.location)

    def _open(self) -> Catalog:
        store = Store.open(self._location, cache=self._cache)
        return Catalog(store.files().tables, folder=store.folder, query_folders=self._query_folders)
