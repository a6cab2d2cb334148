"""Rows of every type that SQL has, in every format, through the real engine."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from support.commands import Cli
from support.shop import Shop

_DIGEST = "sha256:" + "ab" * 32
# SQL, as JSON has it, as CSV has it, as a table shows it
_VALUES: list[tuple[str, Any, str, str]] = [
    ("9223372036854775807::bigint", 2**63 - 1, "9223372036854775807", "9,223,372,036,854,775,807"),
    ("sum(1::bigint)", 1, "1", "1"),
    ("1.50::decimal(9, 2)", 1.5, "1.5", "1.50"),
    ("0.1::double", 0.1, "0.1", "0.10"),
    ("'nan'::double", None, "", "nan"),
    ("null", None, "", "–"),  # noqa: RUF001 - the dash of the tables
    ("true", True, "true", "yes"),
    ("'a, \"b\"'", 'a, "b"', 'a, "b"', 'a, "b"'),
    (f"'{_DIGEST}'", _DIGEST, _DIGEST, _DIGEST[:19]),
    ("['x', 'y']", ["x", "y"], '["x", "y"]', "x, y"),
    ("[]::varchar[]", [], "[]", ""),
    ("{'a': 1, 'b': null}", {"a": 1, "b": None}, '{"a": 1, "b": null}', "a=1, b=–"),  # noqa: RUF001 - as above
    ("map {'k': 'v'}", {"k": "v"}, '{"k": "v"}', "k=v"),
    ("date '2026-01-12'", "2026-01-12", "2026-01-12", "2026-01-12"),
    ("timestamp '2026-01-12 02:00:00'", "2026-01-12T02:00:00", "2026-01-12T02:00:00", "2026-01-12 02:00:00"),
    ("timestamptz '2026-01-12 02:00:00+00'", "2026-01-12T02:00:00Z", "2026-01-12T02:00:00Z", "2026-01-12 02:00:00"),
    ("'ab'::blob", "6162", "6162", "6162"),
    ("time '02:30:00'", "02:30:00", "02:30:00", "02:30:00"),
    ("chr(27) || '[2J'", "\x1b[2J", "\x1b[2J", "\\x1b[2J"),
]


@pytest.mark.parametrize("case", _VALUES)
def test_every_type_in_every_format(cli: Cli, shop: Shop, case: tuple[str, Any, str, str]) -> None:
    sql, as_json, as_csv, as_table = case
    words = ["sql", f"select 'row' as first, {sql} as value", "--store", str(shop.folder), "--format"]
    (row,) = json.loads(cli(*words, "json").out)
    assert row == {"first": "row", "value": as_json}
    assert type(row["value"]) is type(as_json)
    assert list(csv.reader(io.StringIO(cli(*words, "csv").out, newline=""))) == [["first", "value"], ["row", as_csv]]
    assert cli(*words, "table").out.splitlines()[1].split(maxsplit=1)[1:] == ([as_table] if as_table else [])


def test_bytes_are_told_by_the_column(cli: Cli, shop: Shop) -> None:
    statement = "select 2048 as layer_bytes, 2048 as images, 2048 as blobs_unknown_size"
    lines = cli("sql", statement, "--store", shop.folder).out.splitlines()
    assert lines[1].split() == ["2.00", "KiB", "2,048", "2,048"]
    markdown = cli("sql", statement, "--store", shop.folder, "--format", "markdown").out.splitlines()
    assert markdown[1:] == ["| ---: | ---: | ---: |", "| 2.00 KiB | 2,048 | 2,048 |"]


def test_numbers_stand_right_and_texts_left(cli: Cli, shop: Shop) -> None:
    statement = "select * from (values ('a', 1), ('bbb', 1000)) as t(name, count) order by name"
    assert cli("sql", statement, "--store", shop.folder).out == "name  count\na         1\nbbb   1,000\n"


def test_names_of_columns_are_texts_from_outside_too(cli: Cli, shop: Shop) -> None:
    statement = 'select 1 as "a\x1b[31m|b"'
    assert cli("sql", statement, "--store", shop.folder).out == "a\\x1b[31m|b\n          1\n"
    markdown = cli("sql", statement, "--store", shop.folder, "--format", "markdown").out
    assert "\x1b" not in markdown
    assert json.loads(cli("sql", statement, "--store", shop.folder, "--format", "json").out) == [{"a\x1b[31m|b": 1}]


def test_an_error_on_the_way_is_told_and_ends_with_code_2(cli: Cli, shop: Shop) -> None:
    statement = "select (case when i > 400000 then 'x' else '1' end)::integer as i from range(500000) as numbers(i)"
    done = cli("sql", statement, "--store", shop.folder, "--format", "csv")
    assert done.code == 2
    assert done.err.startswith("error: Could not convert string 'x'")


@pytest.mark.parametrize(
    "statement",
    [
        "from read_csv('/etc/passwd')",
        "copy images to 'stolen.csv'",
        "attach 'x.db'",
        "install httpfs",
        "set threads = 1",
    ],
)
def test_sql_can_only_read_the_store(cli: Cli, shop: Shop, statement: str) -> None:
    done = cli("sql", statement, "--store", shop.folder)
    assert (done.code, done.out) == (2, "")
    assert list(cli.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "rows"),
    [("describe tags", 10), ("show tables", 20), ("summarize runs", 12), ("values (1), (2)", 2), ("from runs", 2)],
)
def test_everything_that_reads_is_allowed(cli: Cli, shop: Shop, statement: str, rows: int) -> None:
    done = cli("sql", statement, "--store", shop.folder, "--format", "json")
    assert done.code == 0
    assert len(json.loads(done.out)) >= rows
