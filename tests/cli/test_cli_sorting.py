"""--sort: the order of an answer's rows, exact as the data is and not as the table shows it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.commands import Cli
from support.shop import Shop

import indexer
from indexer.front import ordered

_ROWS = "select * from (values (1, 'b', 900), (2, 'a', null), (3, 'b', 1100), (4, null, 20)) as t(id, name, size_bytes)"


def _ids(cli: Cli, shop: Shop, *sort: str) -> list[int]:
    words = [word for key in sort for word in ("--sort", key)]
    done = cli("sql", _ROWS, "--store", shop.folder, "--format", "json", *words)
    assert (done.code, done.err) == (0, "")
    return [row["id"] for row in json.loads(done.out)]


def test_rows_come_in_the_order_asked_for(cli: Cli, shop: Shop) -> None:
    assert _ids(cli, shop, "size_bytes") == [4, 1, 3, 2]
    assert _ids(cli, shop, "size_bytes:desc") == [3, 1, 4, 2]  # unknown last, whichever way
    assert _ids(cli, shop, "name", "id:DESC") == [2, 3, 1, 4]
    assert _ids(cli, shop, "name:asc", "size_bytes:asc") == [2, 1, 3, 4]


def test_a_limit_takes_the_first_of_the_sorted_rows(cli: Cli, shop: Shop) -> None:
    words = ("query", "largest-images", "--store", shop.folder, "--format", "json")
    every = json.loads(cli(*words, "--sort", "manifest_digest").out)
    first = cli(*words, "--sort", "manifest_digest", "--limit", "1")
    assert first.code == 0
    assert json.loads(first.out) == every[:1]
    assert [row["manifest_digest"] for row in every] == sorted(row["manifest_digest"] for row in every)
    assert len(every) > 1


def test_a_column_may_be_called_anything(cli: Cli, shop: Shop) -> None:
    statement = 'select * from (values (1, 2), (2, 1)) as t("a:desc", "say ""b""")'
    for key, first in (("a:desc", 1), ("a:desc:desc", 2), ('say "b"', 2)):
        done = cli("sql", statement, "--store", shop.folder, "--format", "json", "--sort", key)
        assert json.loads(done.out)[0]["a:desc"] == first, done.err


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("pushed", "cannot sort by 'pushed': no such column; there are id, name, size_bytes"),
        ("size", "cannot sort by 'size': no such column, did you mean size_bytes?"),
        ("size_byte:desc", "cannot sort by 'size_byte': no such column, did you mean size_bytes?"),
        ("id:down", "cannot sort by 'id:down': write id, id:asc or id:desc"),
        ("", "cannot sort by ''"),
        (":desc", "cannot sort by ''"),
    ],
)
def test_what_cannot_be_sorted_by(cli: Cli, shop: Shop, key: str, said: str) -> None:
    done = cli("sql", _ROWS, "--store", shop.folder, "--sort", key)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_many_rows_cut_short_leave_the_remarks_to_come(cli: Cli, shop: Shop, tmp_path: Path) -> None:
    """What a table does not show must be given up before the store is asked about what the figures leave out."""
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "many.sql").write_text("-- question: How many?\n-- empty: None.\nselect range as n\nfrom range(5000)\n")
    (tmp_path / "config.yaml").write_text(
        f"store: {shop.folder}\nqueries: {folder}\nregistries:\n  - regions: [eu-west-1]\n"
    )
    words = ("--sort", "n:desc", "--limit", "2", "--format", "csv")
    done = cli("query", "many", "--config", tmp_path / "config.yaml", *words)
    assert (done.code, done.out) == (0, "n\r\n4999\r\n4998\r\n")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.integers(-5, 5) | st.none(), max_size=8), falling=st.booleans())
def test_the_order_is_that_of_a_plain_sort(shop: Shop, numbers: list[int | None], falling: bool) -> None:
    with indexer.open(shop.folder) as store:
        rows = store.sql("select unnest($numbers::bigint[]) as n", numbers=numbers)
        found = [n for (n,) in ordered(rows, ["n:desc" if falling else "n"]).fetchall()]
    known = sorted((n for n in numbers if n is not None), reverse=falling)
    assert found == known + [None] * (len(numbers) - len(known))
