"""What SQL a catalog runs: one statement, and one that only reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol, TypeAlias

import duckdb

from indexer.errors import QueryError

_READING = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""DuckDB's names: SELECT covers with, from, values, describe, show, summarize, unpivot; MULTI is pivot."""
_NOT_SQL = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_WORD = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)
_SOURCE = re.compile(r"\b(?:from|join)\s+([a-z_][a-z0-9_]*)", re.IGNORECASE)


class Statement(Protocol):
    """The part of duckdb.Statement that is used here."""

    @property
    def type(self) -> duckdb.StatementType: ...
    @property
    def named_parameters(self) -> set[str]: ...


Parse: TypeAlias = Callable[[str], Sequence[Statement]]
"""DuckDB's parser: `extract_statements` of a connection. That of the module opens a database for it, in 25 ms."""


def single_statement(text: str, parse: Parse = duckdb.extract_statements) -> Statement:
    """Return the one statement in `text`; QueryError where there is none or more than one.

    Raises duckdb.Error for text that is no SQL.
    """
    statements = parse(text)
    if not statements:
        raise QueryError("there is no SQL statement; give one, such as: select count(*) as images from images")
    if len(statements) > 1:
        raise QueryError(f"there are {len(statements)} SQL statements; give one at a time")
    return statements[0]


def check_reading(text: str, parse: Parse = duckdb.extract_statements) -> None:
    """Raise QueryError unless `text` is one statement that only reads; duckdb.Error where it is no SQL.

    DuckDB's own guard (no access outside of the store's folder) would let `copy ... to` write into the store.
    """
    kind = single_statement(text, parse).type.name
    if kind not in _READING:
        raise QueryError(
            f"{_verb(text)} is not allowed: the store is only read. "
            "Statements are select, with, from, pivot, describe, show, summarize or explain"
        )
    if kind == "EXPLAIN" and "analyze" in text.lower():
        # It runs what it explains. Which statement that is only DuckDB's own parser knows: comments may nest.
        raise QueryError("explain analyze is not allowed: the store is only read. Take explain without analyze")


def plain_sql(text: str, *, keep_strings: bool = False) -> str:
    """Return `text` without comments, and without what stands in quotes unless `keep_strings`."""

    def replace(match: re.Match[str]) -> str:
        return match[0] if keep_strings and match[0].startswith("'") else " "

    return _NOT_SQL.sub(replace, text)


def replaced(pattern: re.Pattern[str], replace: Callable[[re.Match[str]], str], text: str) -> str:
    """Return `text` with `replace` of every match of `pattern` that stands neither in quotes nor in a comment."""
    found, at = [], 0
    for left_alone in _NOT_SQL.finditer(text):
        found += [pattern.sub(replace, text[at : left_alone.start()]), left_alone[0]]
        at = left_alone.end()
    return "".join(found) + pattern.sub(replace, text[at:])


def quoted(text: str) -> str:
    """Return `text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


@lru_cache(maxsize=256)  # of a catalog's views these are asked with every statement
def words(text: str) -> frozenset[str]:
    """The words of an SQL statement in lower case: names of tables are among them."""
    return frozenset(word.lower() for word in _WORD.findall(plain_sql(text)))


@lru_cache(maxsize=256)
def sources(text: str) -> frozenset[str]:
    """The names that follow `from` or `join` in an SQL statement: tables, views and its own CTEs."""
    return frozenset(name.lower() for name in _SOURCE.findall(plain_sql(text)))


def _verb(text: str) -> str:
    match = _WORD.search(plain_sql(text))
    return match[0].lower() if match else "this"
