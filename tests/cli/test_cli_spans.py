"""Intervals, and what Arrow has not at all: readable in tables, exact and of one form in JSON and CSV."""

from __future__ import annotations

import json

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.commands import Cli
from support.shop import Shop

from indexer.cli.spans import Span

EXAMPLES = [
    ("3 days 04:05:06.5", "3 days 04:05:06", "P3DT4H5M6.5S"),
    ("1 year 2 months", "1 year 2 months", "P1Y2M"),
    ("-14 months", "-1 year -2 months", "P-1Y-2M"),
    ("-1 month 2 days", "-1 month 2 days", "P-1M2D"),
    ("-1 day -01:00:00", "-1 day -01:00:00", "P-1DT-1H"),
    ("0 days", "00:00:00", "PT0S"),
    ("100 hours", "100:00:00", "PT100H"),
    ("250 milliseconds", "00:00:00.25", "PT0.25S"),
    ("-1 microsecond", "-00:00:00.000001", "PT-0.000001S"),
    ("1 minute 0.5 seconds", "00:01:00", "PT1M0.5S"),
    ("2000 days", "2,000 days", "P2000D"),
]


@pytest.mark.parametrize(("given", "shown", "exact"), EXAMPLES)
def test_an_interval_of_an_answer(cli: Cli, shop: Shop, given: str, shown: str, exact: str) -> None:
    words = ["sql", f"select interval '{given}' as span, [interval '{given}'] as spans", "--store", str(shop.folder)]
    assert json.loads(cli(*words, "--format", "json").out) == [{"span": exact, "spans": [exact]}]
    assert cli(*words, "--format", "csv").out.splitlines()[1].startswith(f"{exact},")
    assert cli(*words, "--format", "markdown").out.splitlines()[-1] == f"| {shown} | {shown} |"


@given(
    st.integers(-(10**5), 10**5),
    st.integers(-(10**5), 10**5),
    st.integers(-(10**14), 10**14),
)
def test_the_words_of_an_interval_of_whole_seconds_mean_it(months: int, days: int, seconds: int) -> None:
    span = Span(months, days, (seconds // 10**6) * 10**6)
    words = span.text.replace(",", "")
    parts = f"to_months({months}) + to_days({days}) + to_microseconds({span.microseconds})"
    assert duckdb.execute(f"select interval '{words}' = {parts}").fetchall() == [(True,)]


def test_booleans_are_the_same_words_wherever_they_are_typed(cli: Cli, shop: Shop) -> None:
    page = cli("query", "unsigned-images", "--help", "--store", shop.folder).out
    assert "untagged    boolean  false" in page
    assert "False" not in page


TYPES = [
    ("'12:00:00+05:30'::timetz", "12:00:00+05:30"),
    ("'101'::bit", "101"),
    ("timestamp_ns '2026-01-02 03:04:05.123456789'", "2026-01-02 03:04:05.123456789"),
    ("'12345678901234567890123'::varint", "12345678901234567890123"),
    ("{'BIT': '11'::bit, 'time with time zone': 'BIT'::enum('BIT')}", {"BIT": "11", "time with time zone": "BIT"}),
    ("map {'a': '10:00:00-01'::timetz}", {"a": "10:00:00-01"}),
    ("null::bit", None),
]


@pytest.mark.parametrize(("given", "exact"), TYPES)
def test_types_that_arrow_has_not_come_as_duckdb_writes_them(cli: Cli, shop: Shop, given: str, exact: object) -> None:
    statement = f'select {given} as x, [{given}] as "many ""x", 1 as y, 2 as y'
    words = ["sql", statement, "--store", str(shop.folder)]
    (row,) = json.loads(cli(*words, "--format", "json").out)
    assert (row["x"], row['many "x']) == (exact, [exact])
    if isinstance(exact, str):
        header, line = cli(*words, "--format", "csv").out.splitlines()
        assert header == 'x,"many ""x",y,y'
        assert line.startswith(f'{exact},"[""{exact}""]",1,2')
        assert f"| {exact} | {exact} | 1 | 2 |" in cli(*words, "--format", "markdown").out
