"""What the shell completes. It runs at every press of Tab, so nothing slow is imported."""

from __future__ import annotations

from pathlib import Path

_QUESTION = "-- question: "


def query_names(incomplete: str) -> list[tuple[str, str]]:
    """Return the shipped queries whose names begin with `incomplete`, each with its question."""
    return [(path.stem, _question(path)) for path in sorted(_folder().glob(f"{incomplete}*.sql"))]


def _folder() -> Path:
    """The folder that indexer.catalog.shipped_queries names; that one takes duckdb to ask."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "queries"
    return inside if inside.is_dir() else package.parent / "queries"


def _question(path: Path) -> str:
    with path.open(encoding="utf-8") as lines:
        return next((line.removeprefix(_QUESTION).strip() for line in lines if line.startswith(_QUESTION)), "")
