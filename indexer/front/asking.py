"""The SQL of `find`: files beside this one, run with bound parameters."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from indexer.catalog import Catalog

Row: TypeAlias = dict[str, Any]

_FOLDER = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class Asking:
    """A catalog to ask; `place` is the store's location, for messages."""

    catalog: Catalog
    place: str

    def rows(self, name: str, **parameters: object) -> list[Row]:
        """Return the rows of the statement named `name` as dicts of Python values."""
        return self.catalog.rows(_statement(name), parameters)


@cache
def _statement(name: str) -> str:
    return (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
