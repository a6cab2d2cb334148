"""The page about a repository: its settings, what it holds, and its images."""

from __future__ import annotations

from typing import Any

from indexer.front.asking import Asking, Row


def repository_page(asking: Asking, rows: list[Row]) -> dict[str, Any]:
    """Return `{"repositories": [...]}`: one element per account and region that has, or had, one of the name.

    Each is the repository's newest row, with `totals` and `images` (None and empty where it was never listed whole,
    or is deleted).
    """
    return {"repositories": [_repository(asking, row) for row in rows]}


def _repository(asking: Asking, row: Row) -> dict[str, Any]:
    if row["listed_at"] is None:
        return row | {"totals": None, "images": []}
    key = {name: row[name] for name in ("registry_id", "region", "repository")}
    return row | {
        "totals": asking.rows("repository_totals", **key)[0],
        "images": asking.rows("repository_images", **key),
    }
