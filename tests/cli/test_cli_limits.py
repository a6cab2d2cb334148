"""How much of an answer is shown: --limit, the limit of a query, and what a terminal is given."""

from __future__ import annotations

import re

import pytest
from support.commands import Cli, terminal
from support.shop import BASE, Shop

NUMBERS = "select i from range(2500) as numbers(i)"


def test_limit_prints_the_first_rows(cli: Cli, shop: Shop) -> None:
    words = ["sql", "select i from range(5000) as numbers(i)", "--store", str(shop.folder), "--format", "csv"]
    assert cli(*words, "--limit", "2").out == "i\r\n0\r\n1\r\n"
    assert cli(*words, "--limit", "0").out == "i\r\n"
    assert cli(*words).out.count("\r\n") == 5001


@pytest.mark.parametrize("format_", ["table", "json", "csv", "markdown"])
def test_an_answer_that_is_cut_says_how_many_rows_there_are(cli: Cli, shop: Shop, format_: str) -> None:
    words = ("sql", NUMBERS, "--store", shop.folder, "--format", format_)
    assert cli(*words, "--limit", "3").err == "the first 3 of 2,500 rows (--limit 3)\n"
    assert cli(*words, "--limit", "0").err == "the first 0 of 2,500 rows (--limit 0)\n"
    assert cli(*words, "--limit", "2500").err == ""


def test_who_wants_three_rows_waits_for_no_billion(cli: Cli, shop: Shop) -> None:
    done = cli("sql", "from range(100000000000)", "--store", shop.folder, "--format", "csv", "--limit", "3")
    assert (done.code, done.out) == (0, "range\r\n0\r\n1\r\n2\r\n")
    assert re.fullmatch(r"the first 3 of more than 10\d,\d{3} rows \(--limit 3\)\n", done.err)


def test_a_query_takes_the_beginning_of_a_digest(cli: Cli, shop: Shop) -> None:
    words = ("query", "images-with-layer", "--store", shop.folder, "--format", "csv", "-p")
    whole, short = cli(*words, f"digest={BASE}"), cli(*words, f"digest={BASE[7:19]}")
    assert (short.code, short.out, short.err) == (0, whole.out, whole.err)
    assert whole.out.count("\r\n") > 1


def test_the_limit_of_a_query_says_that_there_may_be_more(cli: Cli, shop: Shop) -> None:
    words = ("query", "pairs", "--config", "config.yaml", "--store", shop.folder)
    (cli.folder / "queries").mkdir()
    header = "-- question: Which?\n-- parameter: limit count = 2 : rows at most\n-- empty: None.\n"
    sql = f"{header}from range(9) limit $limit\n"
    (cli.folder / "queries" / "pairs.sql").write_text(sql)
    (cli.folder / "config.yaml").write_text("store: x\nqueries: queries\nregistries: [{regions: [eu-west-1]}]\n")
    assert "limit=2 by default, there may be more rows: -p limit=100\n" in cli(*words).err
    assert "by default" not in cli(*words, "-p", "limit=2").err
    sorted_ = cli(*words, "--sort", "range:desc")
    assert "limit=2 by default, there may be more rows, and these alone were sorted: -p limit=100\n" in sorted_.err


def test_a_terminal_is_shown_no_more_than_can_be_read(shop: Shop) -> None:
    done = terminal("sql", NUMBERS, "--store", shop.folder, columns=100)
    assert "the first 1,000 of 2,500 rows (a terminal is shown no more; --format csv gives all)" in done.out
    assert "999" in done.out
    assert "1,001" not in done.out


def test_numbers_beyond_all_bounds_are_taken_or_refused(cli: Cli, shop: Shop) -> None:
    most = str(10**30)
    assert cli("sql", "select 1 as one", "--limit", most, "--store", shop.folder).code == 0
    for words in (
        ("prune", "--keep-days", most),
        ("prune", "--keep-weekly", most),
        ("compact", "--grace-hours", "1e300"),
        ("compact", "--grace-hours", "inf"),
    ):
        done = cli(*words, "--store", shop.folder)
        assert done.code == 2
        assert done.err.startswith("error: Invalid value for '--")
        assert "expected at most " in done.err
