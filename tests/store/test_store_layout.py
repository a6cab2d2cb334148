"""Names in a store: they sort by time, whatever the clock does, and only our own are taken for ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.store_rows import NOON

from indexer.errors import StoreDamaged, StoreError
from indexer.store import layout
from indexer.tables import IMAGES, LAYERS, MANIFESTS, RUN_TABLES, RUNS, SEGMENT_TABLES, TABLES, Table

RUN = "20261123T180712.345Z-3f9a2c"
MOMENTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis takes bounds without a zone
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001 - as above
    timezones=st.just(UTC),
)


def test_a_run_id_starts_with_the_time_in_utc() -> None:
    assert layout.next_run_id(NOON, None).startswith("20261123T120000.345Z-")
    there = timezone(timedelta(hours=-5))
    assert layout.next_run_id(NOON.astimezone(there), None).startswith("20261123T120000.345Z-")


@settings(deadline=None)  # the first example imports
@given(st.lists(MOMENTS, min_size=2, max_size=20))
def test_run_ids_grow_whatever_the_clock_says(moments: list[datetime]) -> None:
    newest = None
    for moment in moments:
        run_id = layout.next_run_id(moment, newest)
        assert newest is None or run_id > newest
        assert layout.name_in(RUNS, f"{run_id}.parquet") == run_id
        segment = layout.segment_name(run_id, 1)
        assert segment < layout.segment_name(run_id, 2) < layout.next_run_id(moment, run_id)
        assert layout.run_of(segment) == layout.run_of(run_id) == run_id
        newest = run_id


def test_two_runs_at_the_same_moment_differ() -> None:
    first = layout.next_run_id(NOON, None)
    assert layout.next_run_id(NOON, first).startswith("20261123T120000.346Z-")


def test_a_run_id_that_is_no_time_is_damage() -> None:
    with pytest.raises(StoreDamaged, match="20269999T000000"):
        layout.next_run_id(NOON, "20269999T000000.000Z-000000")


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: str(table.name))
def test_only_names_of_our_making_are_ours(table: Table) -> None:
    name = RUN if table in RUN_TABLES else f"{RUN}-00001"
    other = f"{RUN}-00001" if table in RUN_TABLES else RUN
    assert layout.name_in(table, f"{name}.parquet") == name
    for wrong in (
        name,
        f"{other}.parquet",
        f"{name}.parquet.tmp",
        f".{name}.parquet",
        f"{name}.PARQUET",
        f"{name}.parquet\n",
        f"{name.upper()}.parquet",
        f"x{name}.parquet",
        ".parquet",
        "",
    ):
        assert layout.name_in(table, wrong) is None
    assert layout.name_in(table, f"{name.replace('2026', '٢٠٢٦')}.parquet") is None


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: str(table.name))
def test_staged_names_are_known_again_and_no_glob_finds_them(table: Table) -> None:
    name = RUN if table in RUN_TABLES else f"{RUN}-00001"
    key = layout.staged_key(layout.published_key(table, name))
    assert key == f"staging/{table.name}.{name}.parquet.tmp"
    assert not key.endswith(".parquet")
    file_name = key.removeprefix("staging/")
    assert layout.is_staged(file_name)
    for wrong in (file_name.removesuffix(".tmp"), f"x{file_name}", f"{file_name}.tmp", file_name.partition(".")[2]):
        assert not layout.is_staged(wrong)


def test_the_format_file_is_staged_too() -> None:
    assert layout.is_staged("format.json.tmp")
    assert not layout.is_staged("format.json")


def test_segments_are_numbered_as_far_as_they_sort() -> None:
    assert layout.segment_name(RUN, 99_999) == f"{RUN}-99999"
    with pytest.raises(StoreError, match="99999 segments"):
        layout.segment_name(RUN, 100_000)


def test_the_tables_that_commit_come_last() -> None:
    assert layout.dependents(MANIFESTS) == tuple(table for table in SEGMENT_TABLES if table is not MANIFESTS)
    assert layout.dependents(RUNS) == tuple(table for table in RUN_TABLES if table is not RUNS)
    assert LAYERS in layout.dependents(MANIFESTS)
    assert IMAGES in layout.dependents(RUNS)
