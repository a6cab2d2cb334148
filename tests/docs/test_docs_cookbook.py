"""docs/cookbook.md: every block runs over a small store, and those with an answer known by hand give it."""

from __future__ import annotations

from typing import Any

import pytest
from support.answers import answer, rows
from support.pages import Block, Page
from support.shop import MIB, Shop, shop

__all__ = ["shop"]
BLOCKS = list(Page("docs/cookbook.md").blocks("sql"))
CONFIG = 100


def block(heading: str) -> str:
    (found,) = [each.text for each in BLOCKS if each.heading == heading]
    return found


@pytest.mark.parametrize("each", BLOCKS, ids=lambda each: each.heading)
def test_every_block_has_an_answer(each: Block, shop: Shop) -> None:
    found = rows(shop.folder, each.text)
    if each.heading not in {"What was pushed in the last week?", "Which images say where they were built from?"}:
        assert found


def test_every_heading_asks_and_has_one_block() -> None:
    headings = [each.heading for each in BLOCKS]
    assert len(set(headings)) == len(headings) >= 15
    assert all(heading.endswith("?") or "word for word" in heading for heading in headings)


def test_bytes_of_images_together_count_a_layer_once(shop: Shop) -> None:
    # base, deps, app1, app2 and two configs
    expected = [(6, 35 * MIB + 2048 + 4096 + 2 * CONFIG)]
    assert rows(shop.folder, block("How many distinct bytes do some images have together?")) == expected


def test_shared_layers_of_two_images(shop: Shop) -> None:
    found = rows(shop.folder, block("Which layers do two images share?"))
    assert [(position, size) for position, _, size in found] == [(0, 30 * MIB), (1, 5 * MIB)]


def test_platforms(shop: Shop) -> None:
    found = rows(shop.folder, block("Which platforms does an index have, and which of them are not in the registry?"))
    assert [(platform, absent) for *_, platform, absent in found] == [
        ("linux/amd64", False),
        ("linux/arm64", False),
        ("linux/s390x", True),
    ]


def test_empty_repositories(shop: Shop) -> None:
    assert [row[2] for row in rows(shop.folder, block("Which repositories are empty?"))] == ["empty/one"]


def test_what_is_gone(shop: Shop) -> None:
    found = rows(shop.folder, block("Which images were there a run ago, and are gone?"))
    assert {(row[2], tuple(row[4])) for row in found} == {("team/app", ("gone",)), ("team/gone", ("1",))}


def test_media_types_agree_with_the_query(shop: Shop) -> None:
    by_kind: dict[Any, int] = {}
    for kind, _, manifests in rows(shop.folder, block("What is there of each media type?")):
        by_kind[kind] = by_kind.get(kind, 0) + manifests
    assert by_kind == dict(rows(shop.folder, "select kind, count(*) from manifests group by kind"))


def test_blobs_add_up_to_the_totals(shop: Shop) -> None:
    found = rows(shop.folder, block("How many bytes has each blob's kind?"))
    # The two registries share nothing: what both hold is once in blobs, and once in each of their totals.
    both, *_ = answer(shop.folder, "registry-totals")
    assert 0 < sum(row[2] for row in found) < both["unique_bytes"]


def test_images_and_tags(shop: Shop) -> None:
    found = rows(shop.folder, block("How many images does each repository hold, and how many have no tag?"))
    counts = {(registry, repository): tuple(more) for registry, _, repository, *more in found}
    assert counts["123456789012", "team/app"] == (5, 1)
    assert counts["123456789012", "team/multi"] == (3, 2)
    assert counts["123456789012", "empty/one"] == (0, 0)
