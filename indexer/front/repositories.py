"""The page about a repository: its settings, what it holds, and its images."""

from __future__ import annotations

from typing import Any

from indexer.front.asking import Asking, Row


def repository_page(asking: Asking, rows: list[Row]) -> dict[str, Any]:
    """Return `{"repositories": [...]}`: one element per account and region that has, or had, one of the name.

    Each is the repository's newest row, with `totals` and `images` (None and empty where it was never listed whole,
    or is deleted), and `stale`: `cause` and `reason` where the newest run did not list it (view stale_causes), or None.
    """
    return {"repositories": [_repository(asking, row) for row in rows]}


def _repository(asking: Asking, row: Row) -> dict[str, Any]:
    key = {name: row[name] for name in ("registry_id", "region", "repository")}
    row = row | {"stale": next(iter(asking.rows("stale_cause", **key)), None)}
    if row["listed_at"] is None:
        return row | {"totals": None, "images": []}
    return row | {
        "totals": asking.rows("repository_totals", **key)[0],
        "images": asking.rows("repository_images", **key),
    }
