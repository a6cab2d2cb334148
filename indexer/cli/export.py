"""`indexer export-views`."""

from __future__ import annotations

from pathlib import Path

from indexer.cli import output
from indexer.cli.places import open_store


def export_views(file: str, config: str | None, store: str | None) -> None:
    """Write the database file, and say what can be done with it."""
    with open_store(config, store) as opened:
        opened.export_views(Path(file))
        views, queries = len(opened.tables()), len(opened.queries())
    output.say(
        f"{file}: {views} views and {queries} queries as table macros, over the files of the store as it is now.\n"
        f'Open it with DuckDB, DBeaver or Harlequin: duckdb {file} -c "from registry_totals()"'
    )
