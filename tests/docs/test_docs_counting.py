"""docs/counting.md: the registry in its table is made, and each figure is what the query says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.answers import answer
from support.manifests import OCI_CONFIG, OCI_MANIFEST, descriptor, document
from support.pages import Page
from support.world import world

from indexer.local_ecr import Registry

PAGE = Page("docs/counting.md")
PUSHED = datetime(2025, 12, 1, tzinfo=UTC)


class Figures(NamedTuple):
    """A table of the page: the query with its parameters, whose figures they are, and column to figures."""

    query: str
    parameters: dict[str, str]
    of: list[str]
    rows: dict[str, list[str]]


def tables() -> Iterator[list[list[str]]]:
    for match in re.finditer(r"(?:^\|.*\|\n)+", PAGE.text, re.MULTILINE):
        lines = [line for line in match[0].splitlines() if not line.startswith("|---")]
        yield [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def figures() -> list[Figures]:
    found = []
    for head, *rows in tables():
        if head[0].startswith("`indexer query "):
            words = shlex.split(head[0].strip("`"))
            parameters = dict(word.split("=", 1) for word in words[3:] if word != "-p")
            found.append(Figures(words[2], parameters, head[1:], {row[0]: row[1:] for row in rows}))
    return found


def blob(text: str) -> tuple[str, int]:
    name, size = text.split()
    return name, int(size)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (images,) = [rows for head, *rows in tables() if head[0] == "repository"]
    registry = Registry()
    for name in dict.fromkeys(repository for repository, *_ in images):
        registry.create_repository(name, created_at=PUSHED)
    for repository, tag, config, layers in images:
        blobs = [descriptor(*blob(layer)) for layer in layers.split(", ")]
        made = {"config": descriptor(*blob(config), OCI_CONFIG), "layers": blobs}
        raw = document({"schemaVersion": 2, "mediaType": OCI_MANIFEST, **made})
        registry.put_image(repository, raw, tags=[tag] if tag else [], pushed_at=PUSHED)
    folder = tmp_path_factory.mktemp("counting") / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        with world(folder, [registry]) as the_world:
            the_world.run()
    return folder


def is_of(row: dict[str, Any], name: str) -> bool:
    if name == "all":
        return row["registry_id"] is None
    repository, _, tag = name.partition(":")
    return row["repository"] == repository and (not tag or row["tags"] == [tag])


@pytest.mark.parametrize("table", figures(), ids=lambda table: table.query)
def test_figures_are_those_of_the_queries(table: Figures, store: Path) -> None:
    rows = answer(store, table.query, **table.parameters)
    for position, name in enumerate(table.of):
        (row,) = [row for row in rows if is_of(row, name)]
        said = {column: float(cells[position]) for column, cells in table.rows.items()}
        assert said == {column: float(row[column]) for column in said}, name


def test_every_kind_of_figure_is_shown() -> None:
    shown = {column for table in figures() for column in table.rows}
    assert {"logical_bytes", "unique_bytes", "exclusive_bytes", "shared_bytes"} <= shown
    assert {"stored_bytes_low", "stored_bytes_high", "reclaimable_bytes", "reclaimable_bytes_mounted"} <= shown
