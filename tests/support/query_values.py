"""A value for each parameter that a query demands, for tests that run all of them."""

from __future__ import annotations

from typing import Any

from support.estates import digest

from indexer.catalog import Query


def needed(query: Query, blob: str = "base", glob: str = "*") -> dict[str, Any]:
    """Values for the required parameters of `query`, by their types; a digest is that of `blob`."""
    values = {"digest": digest(blob), "glob": glob, "text": "app", "integer": 1}
    return {each.name: values[each.type] for each in query.parameters if each.required}
