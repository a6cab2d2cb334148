"""The views that SQL users see.

Base views are the store's files as they are: everything ever stored. The others are SQL files in queries/views, one
view each, that say what the current state is; they run as they are in any DuckDB that has the base views.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pyarrow as pa

from indexer.catalog.headers import Header, read_columns, read_text
from indexer.catalog.statements import quoted, sources
from indexer.errors import QueryError
from indexer.tables import TABLES, Table

BASE_VIEWS: Mapping[str, str] = {
    "manifests": "all_manifests",
    "layers": "all_layers",
    "configs": "all_configs",
    "index_entries": "all_index_entries",
    "repositories": "repository_history",
    "images": "image_history",
    "failures": "failure_history",
    "runs": "runs",
}
"""The view over all committed files of each table."""

_BASE_WORDS = {
    "segment": "Everything ever stored, also what no repository holds any longer. ",
    "run": "Of every committed run. ",
}


@dataclass(frozen=True, slots=True)
class View:
    """A view: its name, what its rows are, descriptions of its columns (and maybe of others), and its SQL."""

    name: str
    description: str
    columns: Mapping[str, str]
    sql: str

    @property
    def statement(self) -> str:
        """The statement that makes the view."""
        return f"create or replace view {self.name} as\n{self.sql}"


def base_view(table: Table, files: Iterable[Path | str]) -> View:
    """Return the view over `files` of `table`; without files, an empty view of the same types."""
    paths = list(files)
    sql = scan(paths) if paths else _empty(table)
    return View(BASE_VIEWS[table.name], _BASE_WORDS[table.per] + table.description, _columns_of(table), sql)


def scan(files: Sequence[Path | str]) -> str:
    """Return the SQL for the rows of some files of one table, of one file at least."""
    paths = [_literal(path) for path in _typical_first(list(files))]
    # union_by_name is left off: it would open every file before the first row.
    return f"select * from read_parquet([{', '.join(paths)}])"  # noqa: S608 - quoted


def _typical_first(files: list[Path | str]) -> list[Path | str]:
    """Return `files` with one of about average size in front.

    DuckDB takes all files for as long as the first one when it decides which side of a join to keep in memory. A run's
    first segments are small: taking one of these for typical made joins several times slower, as the layers were kept.
    """
    sizes = [size for size in map(_size, files) if size is not None]
    if len(sizes) < len(files) or not files:
        return files
    average = sum(sizes) / len(sizes)
    typical = min(range(len(files)), key=lambda at: abs(sizes[at] - average))
    return [files[typical], *files[:typical], *files[typical + 1 :]]


def _size(path: Path | str) -> int | None:
    if "://" in os.fspath(path):
        return None
    try:
        return os.stat(path).st_size  # noqa: PTH116 - called for thousands of files
    except OSError:
        return None  # who reads it says what is wrong with it


def base_views(files: Mapping[str, Sequence[Path | str]]) -> list[View]:
    """Return the base views over `files`, which maps names of tables to their committed files."""
    if unknown := sorted(set(files) - set(TABLES)):
        raise ValueError(f"no such table: {unknown[0]}")
    return [base_view(table, files.get(name, ())) for name, table in TABLES.items()]


def load_views(folder: Path) -> list[View]:
    """Return the views in `folder`, each after those it reads from.

    Raises QueryError for a file that breaks the rules, and for views that read from each other in a circle.
    """
    views = {path.stem: _read_view(path) for path in sorted(folder.glob("*.sql"))}
    order = TopologicalSorter({name: sources(view.sql) & set(views) - {name} for name, view in views.items()})
    try:
        return [views[name] for name in order.static_order()]
    except CycleError as error:
        raise QueryError(f"{folder}: views read from each other in a circle: {' -> '.join(error.args[1])}") from error


def comments(view: View, columns: Iterable[str]) -> list[str]:
    """Return the statements that describe `view` and those of its `columns` that have a description."""
    statements = [f"comment on view {view.name} is {quoted(view.description)}"]
    return statements + [
        f"comment on column {view.name}.{column} is {quoted(view.columns[column])}"
        for column in columns
        if column in view.columns
    ]


def absolute(path: Path | str) -> str:
    """Return `path` as DuckDB needs it to compare it with the folders allowed: whole, or an URL as it is."""
    text = os.fspath(path)
    return text if "://" in text else os.path.abspath(text)  # noqa: PTH100 - resolve() would follow links


def _literal(path: Path | str) -> str:
    return quoted(absolute(path))


def _read_view(path: Path) -> View:
    """Return the view in a file. What its columns mean stands in its header, `-- column: name : description`.

    For those that mean what they mean in a table, `-- like: table` does; a view that is called as a table is like it.
    One name means different things in different tables, so nothing is taken from a table that is not named.
    """
    text = read_text(path)
    header = Header(path, text, ("view", "like", "column"))
    columns = _columns_of(TABLES[path.stem]) if path.stem in TABLES else {}
    for line in header.all("like"):
        if line.value not in TABLES:
            raise header.wrong(line.number, f"no such table: {line.value}; there are {', '.join(TABLES)}")
        columns |= _columns_of(TABLES[line.value])
    return View(path.stem, header.one("view"), columns | read_columns(header), text)


def _columns_of(table: Table) -> dict[str, str]:
    return {column.name: column.description for column in table.columns}


def _empty(table: Table) -> str:
    columns = ", ".join(f"cast(null as {_sql_type(field.type)}) as {field.name}" for field in table.schema)
    return f"select {columns} where false"


def _sql_type(type_: pa.DataType) -> str:
    if pa.types.is_struct(type_):
        return "struct(" + ", ".join(f"{field.name} {_sql_type(field.type)}" for field in type_) + ")"
    if pa.types.is_map(type_):
        return f"map({_sql_type(type_.key_type)}, {_sql_type(type_.item_type)})"
    if pa.types.is_list(type_):
        return _sql_type(type_.value_type) + "[]"
    return _SQL_TYPES[str(type_)]


_SQL_TYPES = {
    "string": "varchar",
    "int32": "integer",
    "int64": "bigint",
    "bool": "boolean",
    "timestamp[us, tz=UTC]": "timestamp with time zone",
}
