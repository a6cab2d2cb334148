"""Python values of rows: what Arrow's own conversion gives, without what that imports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.catalog import Catalog, fetch, python_columns, python_rows
from indexer.errors import QueryError

_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis asks


@given(values=st.lists(st.none() | _TIMES))
def test_times_are_those_of_arrow(values: list[datetime | None]) -> None:
    batch = pa.record_batch({"at": pa.array(values, pa.timestamp("us", "UTC"))})
    assert python_columns(batch) == [values]
    assert python_rows(pa.Table.from_batches([batch])) == [{"at": value} for value in values]


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("1", 1),
        ("null", None),
        ("['a', null]", ["a", None]),
        ("map {'k': 'v'}", {"k": "v"}),
        ("{'a': 1}", {"a": 1}),
        ("timestamptz '2026-01-12 03:00:00.000001+01'", datetime(2026, 1, 12, 2, 0, 0, 1, UTC)),
        ("timestamp '2026-01-12 02:00:00'", datetime(2026, 1, 12, 2)),  # noqa: DTZ001 - it has no zone
        ("[timestamptz '1969-12-31 23:59:59+00']", [datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)]),
    ],
)
def test_values_of_the_types_that_sql_has(sql: str, value: Any) -> None:
    with Catalog({}) as catalog:
        assert python_rows(fetch(catalog.sql(f"select {sql} as value"))) == [{"value": value}]
        in_utc = value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
        assert catalog.rows(f"select {sql} as value") == [{"value": in_utc}]


@given(values=st.lists(st.none() | _TIMES))
def test_times_of_few_rows_are_in_utc_whether_they_have_a_zone_or_not(values: list[datetime | None]) -> None:
    statement = "select moment, moment::timestamp as bare from (select unnest($values::timestamptz[]) as moment)"
    with Catalog({}) as catalog:
        found = catalog.rows(statement, {"values": values})
    assert found == [{"moment": value, "bare": value} for value in values]
    assert {str(row[name].tzinfo) for row in found for name in row if row[name]} <= {"UTC"}


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("timestamp '2026-01-01' as v, 2 as v", 2),
        ("timestamp '12000-01-01' as v", "12000-01-01 00:00:00"),
        ("null::timestamp as v", None),
        ("sum(2::bigint) as v", 2),
    ],
)
def test_few_rows_are_as_duckdb_makes_them(sql: str, value: Any) -> None:
    with Catalog({}) as catalog:
        assert catalog.rows(f"select {sql}") == [{"v": value}]


def test_few_rows_take_parameters_and_fail_as_others_do() -> None:
    with Catalog({}) as catalog:
        assert catalog.rows("select $a as a, count(*) as n from runs", {"a": 1}) == [{"a": 1, "n": 0}]
        assert catalog.rows("from runs") == []
        with pytest.raises(QueryError, match="there is no view rums, did you mean runs"):
            catalog.rows("from rums")
        with pytest.raises(QueryError, match="Could not convert string 'x'"):
            catalog.rows("select 'x'::int as n")
        with pytest.raises(QueryError, match="drop is not allowed"):
            catalog.rows("drop view runs")


def test_no_rows_are_no_rows() -> None:
    with Catalog({}) as catalog:
        assert python_rows(fetch(catalog.sql("select started_at from runs"))) == []
