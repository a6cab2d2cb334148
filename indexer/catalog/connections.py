"""DuckDB as a catalog uses it: confined to the store, and with a connection for each thread that asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final
from weakref import WeakSet

import duckdb

from indexer.aside import Answer
from indexer.catalog.statements import Statement, quoted
from indexer.catalog.views import BASE_VIEWS, absolute

_OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,  # a table name must never mean a variable of the calling program
}
_TRIES: Final = 1_000
_PAUSE: Final = 0.01
"""Seconds between the attempts to close what another thread uses: an interrupt takes a moment."""
_OPEN: Final[WeakSet[Connections]] = WeakSet()


class Connections:
    """One DuckDB in memory. A connection does one thing at a time, so each thread has its own; all see the same views.

    What does not fit in memory goes to the folder `spill`; without one there is the memory and no more.
    """

    def __init__(self, settings: Mapping[str, str | int], spill: Path | None) -> None:
        # Meanwhile whoever makes a catalog reads its views: DuckDB takes 40 ms, and lets Python work.
        self._opening = Answer(partial(_opened, settings, spill))
        self._thread = threading.get_ident()
        self._others: WeakSet[duckdb.DuckDBPyConnection] = WeakSet()
        self._local = threading.local()
        self._lock = threading.RLock()  # a signal's handler may ask while its own thread has it
        _OPEN.add(self)

    @property
    def _first(self) -> duckdb.DuckDBPyConnection:
        return self._opening.result()

    @property
    def here(self) -> duckdb.DuckDBPyConnection:
        """The connection of this thread."""
        if threading.get_ident() == self._thread:
            return self._first
        own: duckdb.DuckDBPyConnection | None = getattr(self._local, "connection", None)
        if own is None:
            own = self._local.connection = self._first.cursor()
            with self._lock:
                self._others.add(own)
        return own

    def parse(self, text: str) -> Sequence[Statement]:
        """Return the statements in `text`; duckdb.Error where it is no SQL. Goes on after `close`, for queries."""
        try:
            return self.here.extract_statements(text)
        except duckdb.ConnectionException:
            return duckdb.extract_statements(text)

    def confine(self, files: Mapping[str, Sequence[Path | str]], folder: Path | str | None) -> None:
        """Let SQL read the store and nothing else, for good."""
        if folder is not None:
            self._first.execute(f"set allowed_directories = [{quoted(absolute(folder))}]")
        else:
            paths = [quoted(absolute(path)) for name in BASE_VIEWS for path in files.get(name, ())]
            self._first.execute(f"set allowed_paths = [{', '.join(paths)}]")
        # The order matters: after the second of these, no setting can be changed any more.
        self._first.execute("set enable_external_access = false")
        self._first.execute("set lock_configuration = true")

    def interrupt(self) -> None:
        """End what is being computed, in every thread; from any thread."""
        for connection in self._all():
            with suppress(duckdb.Error):  # it is closed by now
                connection.interrupt()

    def close(self) -> None:
        """Close the connections of all threads; what they still compute is ended."""
        self._opening.wait()
        for connection in self._all():
            self._close(connection)

    def _close(self, connection: duckdb.DuckDBPyConnection) -> None:
        for _ in range(_TRIES):
            try:
                return connection.close()
            except duckdb.ResourceInUseException:
                self.interrupt()
                time.sleep(_PAUSE)
        return connection.close()

    def _all(self) -> list[duckdb.DuckDBPyConnection]:
        with self._lock:
            return [*self._opening.known(), *self._others]


def _opened(settings: Mapping[str, str | int], spill: Path | None) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={**_OPTIONS, **settings})
    connection.execute("set global TimeZone = 'UTC'")
    # Files never change: their footers are read once, and not by every statement (7 of 22 ms, of 64 files).
    connection.execute("set global parquet_metadata_cache = true")
    # DuckDB's own choice is the working directory, which may be anyone's.
    connection.execute(f"set temp_directory = {quoted('' if spill is None else str(spill))}")
    return connection


def interrupt() -> None:
    """End what DuckDB is computing for any catalog of this process; from any thread.

    DuckDB looks for signals now and then only, and in some statements never: Python's own handlers, which run when it
    comes back, would be late.
    """
    with suppress(RuntimeError):  # one is opened at this very moment: whoever opens it sees the signal itself
        for connections in list(_OPEN):
            connections.interrupt()
