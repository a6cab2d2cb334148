"""Writes a DuckDB database file over a store's files, for the DuckDB command line, DBeaver, Harlequin and the like.

It holds no rows of the store but views on its Parquet files, by their absolute paths, and a table macro for each named
query: `from storage_by_repository("limit" := 5)`. It shows the store as it was when the file was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import duckdb

from indexer.catalog.errors import VERIFY
from indexer.catalog.macros import Macro, declared
from indexer.catalog.queries import Query
from indexer.catalog.statements import quoted, replaced
from indexer.catalog.views import View, comments
from indexer.errors import QueryError, StoreDamaged, UsageError

# The table that tells an export from any other database.
_MARK_TABLE = """
create table exported_views as
select
    'manifest-indexer' as program,
    $store as store,
    now() as exported_at,
    (select max(run_id) from runs) as newest_run_id
"""
_MARK_COMMENT = "comment on table exported_views is 'Which store the views of this file are on, and how it was then.'"
_HAS_MARK = "select 1 from duckdb_tables() where table_name = 'exported_views'"
# The oldest version whose programs can open the file; DuckDB's default grows with DuckDB.
_STORAGE_VERSION = "v1.0.0"
_SQL_TYPES = {
    "integer": "bigint",
    "count": "bigint",
    "number": "double",
    "text": "varchar",
    "glob": "varchar",
    "digest": "varchar",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp with time zone",
}
_MARKED = "\0"
_PARAMETER = re.compile(r"[$]([a-z][a-z0-9_]*)")


class Contents(NamedTuple):
    """What an export has.

    `store` names the store, for people. `views` are in the order in which they can be made; of those in `settled`
    tables are made, as their rows cannot change any more.
    """

    store: str
    views: Sequence[View]
    settled: Collection[str]
    macros: Collection[Macro]
    queries: Iterable[Query]


def export_views(path: Path, contents: Contents) -> None:
    """Write the database file at `path`, in one step; an earlier export there is replaced.

    Raises UsageError where `path` is something else than an export, or cannot be written.
    """
    _check_replaceable(path)
    try:
        staging = Path(mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}; name a file in a folder that you may write"
        ) from error
    # A database's name is that of its file, and views would not find each other under another one.
    staged = staging / path.name
    try:
        _write(staged, contents)
        staged.replace(path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; free some room, or name another file") from error
    finally:
        for left in staging.iterdir():
            left.unlink()
        staging.rmdir()


def macro_name(query: str) -> str:
    """Return the name of the table macro of a query."""
    return query.replace("-", "_")


def macros(query: Query) -> list[str]:
    """Return the statements that make the table macro of `query`, with its parameters and their defaults.

    A macro's parameters would hide the columns of the same name, and cannot stand everywhere. So what the macro has is
    the query's text, with the values put into it as literals, which DuckDB's query() runs.
    """
    name = macro_name(query.name)
    types = {parameter.name: _SQL_TYPES[parameter.type] for parameter in query.parameters}

    def literal(match: re.Match[str]) -> str:
        return f"{_MARKED}{match[1]}{_MARKED} as {types[match[1]]})"

    # Every second piece is a parameter's name.
    pieces = replaced(_PARAMETER, literal, query.sql).split(_MARKED)
    text = " || ".join(_as_literal(piece) if at % 2 else quoted(piece) for at, piece in enumerate(pieces))
    # DuckDB wants those without a default first.
    ordered = sorted(query.parameters, key=lambda parameter: not parameter.required)
    return [
        f"create macro {name}({', '.join(map(declared, ordered))}) as table from query({text})",
        f"comment on macro table {name} is {quoted(query.question)}",
    ]


def _write(staged: Path, contents: Contents) -> None:
    with duckdb.connect(":memory:", config={"autoload_known_extensions": False}) as connection:
        run = connection.execute
        run(f"attach {quoted(os.fspath(staged))} as export (storage_version {quoted(_STORAGE_VERSION)})")
        run("use export")
        _write_macros(connection, [macro for macro in contents.macros if not macro.is_table])
        _write_views(connection, contents)
        _write_macros(connection, [macro for macro in contents.macros if macro.is_table])
        for query in contents.queries:
            try:
                for statement in macros(query):
                    run(statement)
            except duckdb.Error as error:
                raise QueryError(f"{query.path}: {error}") from error
        run(_MARK_TABLE, {"store": contents.store})
        run(_MARK_COMMENT)
        run("use memory")
        run("detach export")


def _write_macros(connection: duckdb.DuckDBPyConnection, made: Iterable[Macro]) -> None:
    for macro in made:
        connection.execute(macro.statement)
        connection.execute(macro.comment)


def _write_views(connection: duckdb.DuckDBPyConnection, contents: Contents) -> None:
    run = connection.execute
    try:
        for view in contents.views:
            run(view.statement)
            if view.name in contents.settled:
                run(f"create table _{view.name} as from {view.name}")
                run(f"create or replace view {view.name} as from _{view.name}")
    except duckdb.Error as error:
        raise StoreDamaged(f"a committed file cannot be read: {error}. {VERIFY}") from error
    columns = run("select table_name, column_name from duckdb_columns() where database_name = 'export'").fetchall()
    for view in contents.views:
        for statement in comments(view, [column for table, column in columns if table == view.name]):
            run(statement)


def _check_replaceable(path: Path) -> None:
    if not path.exists():
        return
    refusal = UsageError(f"{path} exists and is no export of views: name another file, or remove it yourself")
    if not path.is_file():
        raise refusal
    try:
        with duckdb.connect(os.fspath(path), read_only=True) as connection:
            if not connection.execute(_HAS_MARK).fetchall():
                raise refusal
    except duckdb.IOException as error:
        if "lock" in str(error):
            raise UsageError(f"{path} is open in another program: close it there, or name another file") from error
        raise refusal from error
    except duckdb.Error as error:
        raise refusal from error


def _as_literal(name: str) -> str:
    """Return SQL for the text of an SQL literal with the value of the parameter `name`; chr(39) is a quote."""
    escaped = f'replace(cast("{name}" as varchar), chr(39), chr(39) || chr(39))'
    return f"'cast(' || coalesce(chr(39) || {escaped} || chr(39), 'null')"
