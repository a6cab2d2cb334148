"""Named queries over a store, as lists of dictionaries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from indexer.catalog import Catalog
from indexer.store import Store


def answer(folder: Path, name: str, **parameters: object) -> list[dict[str, Any]]:
    """The rows of a named query."""
    with Catalog(Store.open(folder).files().tables, folder=folder) as catalog:
        relation = catalog.query(name, parameters)
        return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def rows(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of an SQL statement."""
    with Catalog(Store.open(folder).files().tables, folder=folder) as catalog:
        found: list[tuple[Any, ...]] = catalog.sql(statement).fetchall()
        return found
