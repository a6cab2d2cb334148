"""One open store, as a DuckDB connection that can read it and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb

from indexer.catalog.connections import Connections
from indexer.catalog.current import CURRENT_RUNS, current_images
from indexer.catalog.errors import ENGINE, VERIFY, query_errors
from indexer.catalog.export import Contents, export_views
from indexer.catalog.macros import Macro, load_macros
from indexer.catalog.queries import Query, find_query, load_queries, shipped_queries
from indexer.catalog.statements import check_reading, sources, words
from indexer.catalog.values import rows_of
from indexer.catalog.views import BASE_VIEWS, View, absolute, base_views, comments, load_views
from indexer.errors import StoreDamaged
from indexer.scratch import make_folder, remove_folder

T = TypeVar("T")

_CURRENT = {"manifests": "all_manifests", "layers": "all_layers", "configs": "all_configs"} | {
    "index_entries": "all_index_entries"
}
"""The views that are the same as a base view where everything stored is reachable."""
_UNREACHABLE = "unreachable_manifests"
_LISTINGS = "last_listings"
SETTLED = (_LISTINGS, "index_contents", _UNREACHABLE, "repository_links", "image_parts")
"""Views of few rows that cost something to find and that others stand on; each after those that it needs."""
_KEPT = ("image_stacks", "bytes_by_manifest")
"""Views that are made tables once a statement reads them, and in no export.

What stands on them is planned with their true sizes, and their joins and the statement's do not share its memory:
outdated-bases took 11 passes without, and spilled. And what is read twice is found once: a tenth of stale-images.
"""
_LISTING = frozenset({"show", "describe", "desc"})
_CATALOGS = ("duckdb_", "information_schema", "pg_", "sqlite_")
"""How names of tables and functions begin that tell which views and columns there are."""


class Catalog:
    """SQL over a store.

    `files` maps names of tables to their committed Parquet files, possibly none. SQL may read the files under `folder`
    (without it, just `files`) and write nothing, unless `unsafe`. `query_folders` are searched for named queries after
    the shipped ones. `settings` are DuckDB's, such as threads and memory_limit. Times are shown in UTC.

    Threads may share it; the rows of a relation are to be asked for in the thread that made it.

    Raises StoreDamaged where a file is missing or is no Parquet, QueryError where a query's file breaks the rules.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[Path | str]],
        *,
        folder: Path | str | None = None,
        query_folders: Sequence[Path] = (),
        unsafe: bool = False,
        settings: Mapping[str, str | int] | None = None,
    ) -> None:
        self._files = files
        self._folder = "" if folder is None else absolute(folder)
        self._query_folders = tuple(query_folders)
        self._queries: Mapping[str, Query] | None = None
        self._created: set[str] = set()
        self._settled: set[str] = set()
        self._described = False
        self._making = threading.RLock()
        """Held while views are made."""
        self._spill = make_folder()
        self._connections = Connections(settings or {}, self._spill)
        try:
            self.views: Mapping[str, View] = {view.name: view for view in [*base_views(files), *_derived_views()]}
            self.macros: Mapping[str, Macro] = load_macros(shipped_queries() / "macros")
            if not unsafe:
                self._connections.confine(files, folder)
            self._create_bases()
        except BaseException:
            self.close()
            raise

    @property
    def queries(self) -> Mapping[str, Query]:
        """The named queries, shipped ones first. Each is read once, when first asked for."""
        if self._queries is None:
            folders = [shipped_queries(), *self._query_folders]
            self._queries = load_queries(folders, self._connections.parse)
        return self._queries

    def query(self, name: str, parameters: Mapping[str, object] | None = None) -> duckdb.DuckDBPyRelation:
        """Return the rows of the named query; values may be text or Python values.

        Raises QueryError for an unknown name, an unknown or missing parameter, or a value of the wrong type.
        """
        query = find_query(self.queries, name)
        return self._relation(query.sql, query.bind(parameters or {}))

    def sql(self, statement: str, parameters: Mapping[str, object] | None = None) -> duckdb.DuckDBPyRelation:
        """Return the rows of one reading statement, with a value for each `$name` in it.

        Raises QueryError for anything but one reading statement, and where DuckDB cannot make sense of it. The rows
        are computed when they are asked for: `fetch` raises QueryError for what goes wrong then.
        """
        return self._relation(statement, parameters or {})

    def reads(self, name: str) -> frozenset[str]:
        """Return the views that the named query reads, directly, through others, or through macros."""
        return frozenset(self._read_through(find_query(self.queries, name).sql))

    def rows(self, statement: str, parameters: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """Return the rows of one reading statement as dicts of Python values (`rows_of`), times in UTC.

        For a few thousand rows at most. A relation's statement is looked through twice, when it is made and when it is
        run; of `find` by a tag that was a fortieth, and Arrow's values as Python's a tenth of `find` by a layer.
        Raises QueryError as `sql` and `fetch` do.
        """
        values = dict(parameters or {})
        with query_errors(sorted(self.views)):
            connection = self._made(statement, lambda connection: connection.execute(statement, values))
            return rows_of(connection)

    def export_views(self, path: Path | str) -> None:
        """Write a DuckDB database file with the views, and a table macro for each named query, for other programs.

        The file refers to the store's files by their absolute paths and shows the store as it is now. Raises
        UsageError where there is a file at `path` that is no such export, or where it cannot be written.
        """
        views, macros, queries = list(self.views.values()), self.macros.values(), self.queries.values()
        export_views(Path(path), Contents(self._folder, views, SETTLED, macros, queries))

    def interrupt(self) -> None:
        """End what DuckDB is computing; from any thread."""
        self._connections.interrupt()

    def close(self) -> None:
        """Close the connection; relations made from it are of no use afterwards."""
        try:
            self._connections.close()
        finally:
            remove_folder(self._spill)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _relation(self, statement: str, parameters: Mapping[str, object]) -> duckdb.DuckDBPyRelation:
        with query_errors(sorted(self.views)):
            return self._made(statement, lambda connection: connection.sql(statement, params=dict(parameters)))

    def _made(self, statement: str, make: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Return what `make` makes of a reading statement, for which all views are there that it names."""
        connection = self._connections.here
        check_reading(statement, self._connections.parse)
        with self._making:
            self._prepare(words(statement), sources(statement))
        # Names may stand where `sources` does not see them, behind a comma, or even `words`: in a function's text.
        more = iter((words(statement), self.views.keys()))
        while True:
            made = len(self._created)  # another thread may make what is missing
            try:
                return make(connection)
            except (duckdb.CatalogException, duckdb.BinderException):
                grown = any(self._create_more(each & self.views.keys()) for each in more)
                if not grown and made == len(self._created):
                    raise

    def _create_more(self, names: Iterable[str]) -> bool:
        """Make views and those that they read; whether any of them was not there."""
        needed = _read_by(names, self.views)
        with self._making:
            is_new = not needed <= self._created
            self._create(needed)
            return is_new

    def _prepare(self, used: frozenset[str], read: frozenset[str]) -> None:
        """Make the views that a statement reads whose words are `used`, `read` after a `from`.

        Making them all takes some tenths of a second, which is paid for statements about the views themselves, such as
        `show tables`, and not for a look-up.
        """
        macros = self._called(used)
        used = used.union(*(words(macro.sql) for macro in macros))
        read = read.union(*(sources(macro.sql) for macro in macros))
        named = used & set(self.views)
        if (not named and used & _LISTING) or any(word.startswith(_CATALOGS) for word in used):
            self._create(set(self.views))
            self._describe()
            return
        needed = _read_by(read & self.views.keys(), self.views)
        self._create(needed)
        for macro in macros:
            self._connections.here.execute(macro.statement)
        self._settle(needed)

    def _called(self, used: frozenset[str]) -> list[Macro]:
        return [macro for name, macro in self.macros.items() if name in used and macro.is_table]

    def _read_through(self, statement: str) -> set[str]:
        read = sources(statement).union(*(sources(macro.sql) for macro in self._called(words(statement))))
        return _read_by(read & self.views.keys(), self.views)

    def _create_bases(self) -> None:
        for macro in self.macros.values():
            if not macro.is_table:
                self._connections.here.execute(macro.statement)
        for name in BASE_VIEWS.values():
            try:
                self._create({name})
            except ENGINE as error:
                raise StoreDamaged(f"{name}: a committed file cannot be read: {error}. {VERIFY}") from error

    def _create(self, names: set[str]) -> None:
        for name, view in self.views.items():
            if name in names and name not in self._created:
                self._connections.here.execute(view.statement)
                self._created.add(name)

    def _describe(self) -> None:
        """Attach the descriptions of views and columns, for duckdb_views() and duckdb_columns()."""
        if self._described:
            return
        found = self._connections.here.execute(
            "select table_name, column_name from duckdb_columns() where not internal"
        ).fetchall()
        for name, view in self.views.items():
            for statement in comments(view, [column for table, column in found if table == name]):
                self._connections.here.execute(statement)
        self._described = True

    def _settle(self, needed: set[str]) -> None:
        """Make tables of those views in `needed` that are small and that others stand on.

        Left to the views, every use of one would ask again; and of a table DuckDB knows how long it is when it plans
        a join. It is not done when the store is opened, as many questions do not need it.
        """
        run = self._connections.here.execute
        for name in [name for name in (*SETTLED, *_KEPT) if name in needed - self._settled]:
            run(f"create table _{name} as from {name}")
            run(f"create or replace view {name} as from _{name}")
            self._settled.add(name)
            self._described = False
            if name == _LISTINGS:
                self._show_files_of_whole_runs()
            if name == _UNREACHABLE:
                self._show_files_where_all_is_reachable()

    def _show_files_of_whole_runs(self) -> None:
        runs = self._connections.here.execute(CURRENT_RUNS).fetchall()
        if shown := current_images(runs, self._files.get("images", ())):
            self._connections.here.execute(f"create or replace view images as {shown}")
            self._created.add("images")

    def _show_files_where_all_is_reachable(self) -> None:
        """Mostly nothing is unreachable; then the views of the current state are the files, and cost nothing."""
        run = self._connections.here.execute
        if not run("select exists(from _unreachable_manifests)").fetchall()[0][0]:
            for name, base in _CURRENT.items():
                run(f"create or replace view {name} as {self.views[base].sql}")
            self._created |= set(_CURRENT)


def _derived_views() -> list[View]:
    return load_views(shipped_queries() / "views")


def _read_by(names: Iterable[str], views: Mapping[str, View]) -> set[str]:
    """Return `names` and the views that they read from, directly or through others."""
    found = set(names)
    while new := {source for name in found for source in sources(views[name].sql)} & set(views) - found:
        found |= new
    return found
