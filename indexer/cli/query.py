"""`indexer query` and `indexer sql`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import NamedTuple

from indexer.catalog import Query, load_queries, shipped_queries
from indexer.catalog.queries import find_query
from indexer.cli import output
from indexer.cli.exact import csv_lines, json_lines
from indexer.cli.options import Format
from indexer.cli.page import Page
from indexer.cli.places import open_store, query_folders
from indexer.cli.remarks import remarks
from indexer.cli.rows import print_rows, say_what_is_missing
from indexer.cli.tables import markdown_lines
from indexer.errors import UsageError
from indexer.front import Rows, ordered


class Asked(NamedTuple):
    """How a command that prints rows was asked to: options as they were given."""

    config: str | None
    store: str | None
    format: Format
    limit: int | None
    sort: Sequence[str] = ()


def run_query(name: str, parameters: Sequence[str], asked: Asked) -> None:
    """Print the rows of a named query."""
    values = parsed(parameters)
    with open_store(asked.config, asked.store) as store:
        relation = store.query(name, **values)
        query = store.catalog.queries[name]
        with closing(Rows(ordered(relation, asked.sort))) as rows:
            printed = print_rows(
                rows,
                asked.format,
                limit=asked.limit,
                empty=lambda: store.why_empty(name, **values),
                totals=query.totals,
            )
        say_what_is_missing(printed, asked.limit)
        if "limit" not in values and printed.total == _default_limit(query):
            sorted_ = ", and these alone were sorted" if asked.sort else ""
            more = f"there may be more rows{sorted_}: -p limit={printed.total * 50}"
            output.note(f"limit={printed.total} by default, {more}")
        if printed.total and (single := store.single_run(name)):
            output.note(single)
        if printed.total or not store.why_empty(name, **values).startswith("No repository matches "):
            for remark in remarks(store):
                output.note(remark)


def run_sql(statement: str, parameters: Sequence[str], asked: Asked) -> None:
    """Print the rows of a statement."""
    values = parsed(parameters)
    with (
        open_store(asked.config, asked.store) as store,
        closing(Rows(ordered(store.sql(statement, **values), asked.sort))) as rows,
    ):
        say_what_is_missing(print_rows(rows, asked.format, limit=asked.limit), asked.limit)


def list_queries(config: str | None, store: str | None, format_: Format) -> None:
    """Print every query with the question that it answers."""
    queries = load_queries([shipped_queries(), *query_folders(config, store)])
    _print_list(("query", "question"), [(query.name, query.question) for query in queries.values()], format_)
    if format_ is Format.TABLE:
        output.say("\nindexer query NAME runs one; with --help it tells more")


def describe_query(name: str, config: str | None, store: str | None, *, sql: bool) -> None:
    """Print what there is to know about a query, or just its SQL."""
    query = find_query(load_queries([shipped_queries(), *query_folders(config, store)]), name)
    if sql:
        output.emit(query.sql.rstrip("\n") + "\n")
        return
    page = Page()
    page.title(query.question)
    page.facts([("", caveat) for caveat in query.caveats])
    if query.single is not None:
        page.facts([("", f"A note below the answer may say: {query.single}")])
    page.table("Parameters", _parameters(query))
    page.title(f"Example: {_example(query)}")


def list_views(asked: Asked) -> None:
    """Print the views, each with its columns."""
    with open_store(asked.config, asked.store) as store:
        if asked.format is not Format.TABLE:
            rows = [
                (view, column["column"], column["type"], column["description"])
                for view in store.tables()
                for column in store.columns(view)
            ]
            _print_list(("view", "column", "type", "description"), rows, asked.format)
            return
        page = Page()
        for view, description in store.tables().items():
            page.title(view)
            page.text(description)
            page.table("", store.columns(view))


def _default_limit(query: Query) -> object:
    return next((each.default for each in query.parameters if each.name == "limit"), None)


def parsed(parameters: Sequence[str]) -> dict[str, object]:
    """Return `key=value` texts as a mapping; UsageError for anything else, and for a key given twice."""
    values: dict[str, object] = {}
    for text in parameters:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"-p {text}: expected KEY=VALUE, such as -p limit=5")
        if key in values:
            raise UsageError(f"-p {key} is given twice; give it once")
        values[key] = value
    return values


def _parameters(query: Query) -> list[dict[str, object]]:
    return [
        {
            "parameter": each.name,
            "type": each.type,
            "default": "required" if each.required else _typed(each.default),
            "meaning": each.description,
        }
        for each in query.parameters
    ]


def _typed(default: object) -> str:
    """Return a default as one gives it with -p."""
    return "null" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _example(query: Query) -> str:
    needed = "".join(f" -p {each.name}=..." for each in query.parameters if each.required)
    return f"indexer query {query.name}{needed}"


def _print_list(names: tuple[str, ...], rows: Iterable[tuple[str, ...]], format_: Format) -> None:
    if format_ is Format.TABLE:
        Page().table("", [dict(zip(names, row, strict=True)) for row in rows])
        return
    lines = {
        Format.JSON: lambda: json_lines(rows, names),
        Format.CSV: lambda: csv_lines(rows, names, safe=output.on_terminal()),
        Format.MARKDOWN: lambda: markdown_lines([(name, False) for name in names], rows),
    }
    for line in lines[format_]():
        output.emit(line)
