"""A registry with one repository, and the world around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.world import World, world

from indexer.local_ecr import Registry


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.create_repository("team/app")
    return registry


@pytest.fixture
def the_world(registry: Registry, tmp_path: Path) -> Iterator[World]:
    with world(tmp_path / "store", [registry]) as the_world:
        yield the_world
