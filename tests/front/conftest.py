"""The store that the tests of the front door ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.shop import Shop, shop

import indexer
from indexer.front import OpenStore

__all__ = ["shop"]


@pytest.fixture
def store(shop: Shop) -> Iterator[OpenStore]:
    with indexer.open(shop.folder) as store:
        yield store
