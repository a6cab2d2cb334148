"""Columns: which go first where there is no room for all, how they are made narrow, and how they share what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.cli.columns import Column, Rank, most_telling, taken, text_width, widths, wrapped

TIMES = ["2026-01-12 02:00:01", "2026-01-13 02:00:02"]
DIGESTS = ["sha256:0bb3156da754", "sha256:e392620030fc"]


@pytest.mark.parametrize(
    ("name", "cells", "rank"),
    [
        ("repository", ["a", "b"], Rank.ANSWER),
        ("unique_bytes", ["1.00 GiB", "2 B"], Rank.ANSWER),
        ("dedup_ratio", ["1.10", "2.00"], Rank.ANSWER),
        ("unused_days", ["10", "20"], Rank.ANSWER),
        ("images", ["1,000", "2"], Rank.COUNT),
        ("base_digests", DIGESTS, Rank.DIGEST),
        ("was_digest", ["sha256:0bb3156da754, sha256:e392620030fc", ""], Rank.DIGEST),
        ("is_stale", ["yes", "no"], Rank.DETAIL),
        ("kind", ["image", "index"], Rank.DETAIL),
        ("repository_change", ["–", "–", "gone"], Rank.DETAIL),  # noqa: RUF001 - the dash of the tables
        ("unknown_elsewhere", ["1", "2"], Rank.CAVEAT),
        ("blobs_unknown_size", ["1", "2"], Rank.CAVEAT),
        ("pushed_at", TIMES, Rank.TIME),
        ("last_pulled_at", [TIMES[0], "–"], Rank.TIME),  # noqa: RUF001 - as above
        ("earlier_run_id", ["20260116T020000.686Z-8d9673", "20260116T020000.686Z-8d9674"], Rank.ID),
        ("registry_id", ["123456789012", "210987654321"], Rank.COUNT),
    ],
)
def test_how_soon_a_column_is_left_out(name: str, cells: list[str], rank: Rank) -> None:
    assert Column(name, cells).rank(first_digest=False) is rank


def test_the_first_digest_says_what_a_row_is_about() -> None:
    assert Column("manifest_digest", DIGESTS).rank(first_digest=True) is Rank.ANSWER


def test_the_first_column_always_stays_and_others_come_by_rank_in_their_order() -> None:
    columns = [
        Column("pushed_at", TIMES),
        Column("images", ["100", "200"], right=True),
        Column("pulled_at", TIMES),
        Column("unique_bytes", ["100 GiB", "200 GiB"], right=True),
    ]
    assert [column.name for column in most_telling(columns, 10)] == ["pushed_at"]
    assert [column.name for column in most_telling(columns, 26)] == ["pushed_at", "unique_bytes"]
    assert [column.name for column in most_telling(columns, 40)] == ["pushed_at", "images", "unique_bytes"]
    assert len(most_telling(columns, 60)) == 4


def test_what_is_too_wide_makes_no_room_for_less_than_fits() -> None:
    columns = [Column("id", ["1"]), Column("media_type", ["x" * 60]), Column("images", ["2"])]
    assert [column.name for column in most_telling(columns, 20)] == ["id", "images"]


def test_tight_columns_lose_seconds_and_algorithms_and_nothing_else() -> None:
    assert list(Column("pushed_at", [TIMES[0], "–"]).tight().cells) == ["2026-01-12 02:00", "–"]  # noqa: RUF001 - as above
    assert list(Column("digest", DIGESTS).tight().cells) == ["0bb3156da754", "e392620030fc"]
    for cells in (["sha256:0bb3156da754", "sha512:0bb3156da754"], ["2026-01-12 02:00:01", "yesterday"], ["2026-01-12"]):
        assert list(Column("text", cells).tight().cells) == cells


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("1, 1.2, latest", 20, ["1, 1.2, latest"]),
        ("1, 1.2, latest, main", 10, ["1, 1.2,", "latest,", "main"]),
        ("platform/base/static", 16, ["platform/base/", "static"]),
        ("app:1, platform/base/java:21", 16, ["app:1, platform/", "base/java:21"]),
        ("platform/base:1, platform/base:2", 16, ["platform/base:1,", "platform/base:2"]),
        ("a" * 30, 16, ["a" * 30]),
    ],
)
def test_texts_are_broken_between_items_and_then_between_parts(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width).split("\n") == lines


@given(st.text(st.sampled_from("ab/:, ")), st.integers(1, 30))
def test_breaking_loses_nothing_but_spaces(text: str, width: int) -> None:
    assert wrapped(text, width).replace("\n", "").replace(" ", "") == text.replace(" ", "")


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(40, 300))
def test_widths_fill_no_more_than_there_is(cells: list[int], width: int) -> None:
    columns = [Column(f"a_column_{place}", ["x" * cell], squeezes=True) for place, cell in enumerate(cells)]
    found = widths(columns, width)
    least = taken([column.least for column in columns])
    assert taken(found) <= max(width, least)
    assert (
        all(column.least <= each <= column.whole for column, each in zip(columns, found, strict=True)) or least > width
    )
    if taken([column.whole for column in columns]) <= width:
        assert found == [column.whole for column in columns]


def test_wide_characters_take_two_columns() -> None:
    assert text_width("層") == 2
    assert Column("tag", ["層層"]).widest == 4
