"""JSON and CSV: exact, and read back as they were."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.cli.exact import csv_lines, json_lines, plain


def _json(rows: list[tuple[Any, ...]], columns: list[str]) -> Any:
    return json.loads("".join(json_lines(rows, columns)))


def _csv(rows: list[tuple[Any, ...]], columns: list[str], *, safe: bool = False) -> list[list[str]]:
    return list(csv.reader(io.StringIO("".join(csv_lines(rows, columns, safe=safe)), newline=""), strict=True))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (2**63 - 1, 2**63 - 1),
        (Decimal(2**80), 2**80),
        (Decimal("1.5"), 1.5),
        (0.1, 0.1),
        (float("nan"), None),
        (float("inf"), None),
        (datetime(2026, 1, 12, 2, tzinfo=UTC), "2026-01-12T02:00:00Z"),
        (datetime(2026, 1, 12, 2, 0, 0, 123, tzinfo=UTC), "2026-01-12T02:00:00.000123Z"),
        (datetime(2026, 1, 12, 2), "2026-01-12T02:00:00"),  # noqa: DTZ001 - SQL has such times
        (date(2026, 1, 12), "2026-01-12"),
        (time(2, 30), "02:30:00"),
        (timedelta(hours=1), "PT1H"),
        (timedelta(), "PT0S"),
        (b"\x00\xff", "00ff"),
        (["a", None, Decimal(1)], ["a", None, 1]),
        ({"a": [datetime(2026, 1, 12, tzinfo=UTC)], "b": None}, {"a": ["2026-01-12T00:00:00Z"], "b": None}),
    ],
)
def test_values_are_exact(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


def test_json_is_a_list_of_objects_one_per_line() -> None:
    text = "".join(json_lines([(1, "a"), (None, "b")], ["x", "y"]))
    assert text == '[\n{"x": 1, "y": "a"},\n{"x": null, "y": "b"}\n]\n'
    assert "".join(json_lines([], ["x"])) == "[]\n"


@given(st.lists(st.tuples(st.none() | st.integers(), st.text(), st.lists(st.text()))))
def test_json_reads_back(rows: list[tuple[Any, ...]]) -> None:
    assert _json(rows, ["a", "b", "c"]) == [dict(zip("abc", row, strict=True)) for row in rows]
    assert "".join(json_lines(rows, ["a", "b", "c"])).isascii()


def test_csv_is_rfc_4180() -> None:
    rows = [("a,b", 'say "x"', None, True, ["1", "2"], "two\nlines")]
    text = "".join(csv_lines(rows, ["p", "q", "r", "s", "t", "u"], safe=False))
    assert text == 'p,q,r,s,t,u\r\n"a,b","say ""x""",,true,"[""1"", ""2""]","two\nlines"\r\n'


_TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)


@given(st.lists(st.tuples(_TEXT, _TEXT)))
def test_csv_reads_back(rows: list[tuple[Any, ...]]) -> None:
    assert _csv(rows, ["a", "b"])[1:] == [list(row) for row in rows]


def test_csv_for_a_terminal_has_no_control_characters() -> None:
    assert _csv([("\x1b[31m",)], ["a"], safe=True) == [["a"], ["\\x1b[31m"]]
    assert _csv([("\x1b[31m",)], ["a"]) == [["a"], ["\x1b[31m"]]
