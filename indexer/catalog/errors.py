"""DuckDB's errors in plain words, with what to do about them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import duckdb

from indexer.errors import QueryError, StoreDamaged, did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

VERIFY: Final = "indexer verify says what is wrong, and with --repair mends what it can"
_KIND = re.compile(r"^[A-Z][A-Za-z -]*(?:Error|Exception): ")
_TABLE = re.compile(r"Table with name (\S+) does not exist")
_COLUMN = re.compile(r'Referenced column "([^"]+)" (?:was )?not found')
_WITHOUT_VALUE = re.compile(r"Values were not provided for the following parameters: (.+)")
_UNUSED = re.compile(r"identifiers of the excess parameters: (.+)|argument count mismatch for prepared statement")
_BEYOND_NUMBER = re.compile(
    r"Type \w+ with value (-?(?:[\d.]+(?:e[+-]?\d+)?|inf|nan)) can't be cast because the value is out of range for the "
    r"destination type (U?)INT(\d+)"
)
_BEYOND_TIME = re.compile(
    r"overflows timestamp range|not in timestamp range|out of range for timestamp|Could not convert \w+ to Microseconds"
)
ENGINE: Final = (duckdb.Error, RuntimeError)
"""What DuckDB raises; RuntimeError is its binding's, for a name in a Parquet file that is no text."""
_NO_TEXT: Final = "conversion error"
_PARQUET = re.compile(r"[.]parquet\b")
_ASKED: Final = ("repositories", "images", "tags", "manifests", "layers", "configs", "index_entries")
_CANDIDATES = re.compile(r'"([^"]+)"')


def fetch(relation: duckdb.DuckDBPyRelation) -> pa.Table:
    """Run `relation` and return its rows as an Arrow table; QueryError or StoreDamaged where it fails on the way.

    A relation runs when its rows are asked for, so a cast that fails on some row shows only here.
    """
    with query_errors(()):
        table: Any = relation.to_arrow_table()
    return table


@contextmanager
def query_errors(views: Sequence[str]) -> Iterator[None]:
    """Turn DuckDB's errors into QueryError, or StoreDamaged for a file that was there when the catalog was opened.

    `views` are the names to suggest where a table is not found.
    """
    try:
        yield
    except ENGINE as error:
        if isinstance(error, RuntimeError) and not isinstance(error, duckdb.Error) and _NO_TEXT not in str(error):
            raise
        if _is_broken_file(error):
            raise StoreDamaged(
                f"a Parquet file cannot be read: {_first(str(error))}. Open the store anew: compact and prune remove "
                "what they replaced a day before. If that does not help, indexer verify says what is wrong"
            ) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise QueryError(
                f"there is not enough memory: {_first(str(error))}. What does not fit goes to files in TMPDIR: name a "
                "folder there that can be written and has room, or ask where there is more memory"
            ) from error
        raise QueryError(plain(str(error), views)) from error


def _is_broken_file(error: Exception) -> bool:
    if isinstance(error, duckdb.IOException | duckdb.InvalidInputException):
        return _PARQUET.search(str(error)) is not None
    # What its reader of Parquet stumbles over has a class of its own, or none; no SQL of a user does that.
    return type(error) is duckdb.Error or isinstance(error, duckdb.InternalException) or _NO_TEXT in str(error)


def plain(message: str, views: Sequence[str]) -> str:
    """Return DuckDB's `message` in plain words."""
    if match := _TABLE.search(message):
        return _no_table(match[1], views)
    if match := _COLUMN.search(message):
        return _no_column(match[1], message[match.end() :])
    if match := _WITHOUT_VALUE.search(message):
        how = "give each as -p NAME=VALUE, or NAME=... to sql()"
        return f"the statement has parameters without a value: {match[1]}; {how}"
    if match := _UNUSED.search(message):
        named = f": {match[1]}" if match[1] else ""
        return f"there are values that the statement does not take{named}; a parameter is $NAME in it"
    if "file system operations are disabled" in message:
        return f"SQL may read the files of the store's folder only, and write none. ({_first(message)})"
    return _beyond(message) or _KIND.sub("", message).strip()


def _beyond(message: str) -> str | None:
    """Return what is wrong with a number or a time that is too large for where it goes; None for another message."""
    if _BEYOND_TIME.search(message):
        return "this comes to a time beyond those that a timestamp can hold, the years from 290,309 BC to 294,247"
    if (match := _BEYOND_NUMBER.search(message)) is None:
        return None
    if math.isnan(float(match[1])):
        return f"{match[1]} is no number"
    bits = int(match[3])
    least, most = (0, 2**bits - 1) if match[2] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return f"{match[1]} is too {'large' if float(match[1]) > 0 else 'small'}: at most {most:,} and at least {least:,}"


def _no_table(name: str, views: Sequence[str]) -> str:
    near = did_you_mean(name.lower(), views, ".")
    mostly = f" Mostly asked are {', '.join(_ASKED)}." if near == "." else ""
    known = f"{mostly} To see all {len(views)}: show tables" if views else ""
    return f"there is no view {name}{near}{known}"


def _no_column(name: str, rest: str) -> str:
    candidates = list(dict.fromkeys(_CANDIDATES.findall(rest.partition("LINE ")[0])))
    known = f"; the nearest {'is' if len(candidates) == 1 else 'are'} {', '.join(candidates)}" if candidates else ""
    return f"there is no column {name}{known}. To see the columns of a view: describe VIEW"


def _first(message: str) -> str:
    return _KIND.sub("", message).strip().splitlines()[0]
