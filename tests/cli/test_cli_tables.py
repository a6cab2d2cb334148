"""Tables: they fit, nothing is cut in the middle, and names from a registry are text."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from indexer.cli.columns import Column
from indexer.cli.tables import fitted, markdown_lines, plain_lines


def _shown(columns: list[Column], width: int) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, highlight=False, emoji=False)
    for part in fitted(columns, width):
        console.print(part)
    return stream.getvalue()


def _columns(rows: int = 6) -> list[Column]:
    return [
        Column("registry_id", ["123456789012"] * rows),
        Column("repository", [f"team/with-a-long-name/app-{number}" for number in range(rows)], squeezes=True),
        Column("images", [f"{number:,}" for number in range(rows)], right=True),
        Column("per_repository_unique_bytes", ["100 GiB"] * (rows - 1) + ["1 B"], right=True),
        Column("pushed_at", [f"2026-01-12 02:00:0{number % 10}" for number in range(rows)]),
    ]


def test_what_fits_is_shown_whole() -> None:
    lines = _shown(_columns(), 200).splitlines()
    assert lines[0].split() == ["registry_id", "repository", "images", "per_repository_unique_bytes", "pushed_at"]
    assert set(lines[1]) == {"─"}
    assert len(lines) == 8


def test_headers_break_before_anything_is_left_out() -> None:
    text = _shown(_columns(), 75)
    assert "per_repository_unique_bytes" not in text
    assert re.search(r"repository_", text)
    assert "not shown" not in text
    assert "team/with-a-long-name/app-5" in text


def test_what_is_the_same_in_every_row_is_said_once() -> None:
    text = _shown(_columns(), 70)
    assert text.startswith("in every row: registry_id 123456789012\n")
    assert text.count("123456789012") == 1


def test_headers_are_not_broken_where_there_is_room() -> None:
    text = _shown(_columns(), 90)
    assert text.startswith("in every row: registry_id 123456789012\n\n")
    assert "per_repository_unique_bytes" in text


def test_what_is_said_once_is_broken_between_two_values_only() -> None:
    same = [Column(f"same_{number}", ["a value of some words"] * 9) for number in range(6)]
    text = _shown([*same, *_columns(9)], 80)
    said = text.partition("\n\n")[0]
    assert said.count("a value of some words") == 6
    assert said.splitlines()[1].startswith("same_")


def test_an_empty_value_is_said_in_a_word() -> None:
    text = _shown([Column("platforms_missing", [""] * 9), Column("unknown", ["–"] * 9), *_columns(9)], 80)  # noqa: RUF001 - the dash of the tables
    assert "platforms_missing (none), unknown –" in text  # noqa: RUF001 - as above


def test_the_one_account_is_said_once_above_totals_too() -> None:
    columns = [
        Column("registry_id", ["123456789012"] * 8 + ["–"]),  # noqa: RUF001 - as above
        Column("repository", [f"team/app-{number}" for number in range(8)] + ["–"]),  # noqa: RUF001 - as above
        *(Column(f"figure_{number}", [f"{number} GiB" for _ in range(8)] + ["9 B"], right=True) for number in range(6)),
    ]
    assert "123456789012  team/app-0" in _shown(columns, 100)
    text = _shown(columns, 70)
    assert text.startswith("in every row but totals: registry_id 123456789012\n\n")
    assert "not shown" not in text


def test_a_total_names_itself_and_stays_among_a_few_rows() -> None:
    rows = {"registry_id": ["(all)", "123456789012"], "repository": ["(all)", "team/app"], "deletes": ["untagged"] * 2}
    figures = [Column(f"figure_{number}", ["9 GiB", "8 GiB"], right=True) for number in range(4)]
    text = _shown([*(Column(name, cells) for name, cells in rows.items()), *figures], 52)
    said = "in every row: deletes untagged\n\nin every row but totals: registry_id 123456789012\n\nrepository  figure_0"
    assert text.startswith(said)
    assert "\n(all)       " in text


def test_a_total_and_the_only_row_below_it_are_not_told_apart_by_a_paragraph() -> None:
    places = [Column(name, ["(all)", name]) for name in ("registry_id", "region")]
    figures = [Column(f"the_figure_{number}", ["9 GiB"] * 2, right=True) for number in range(6)]
    text = _shown([*places, *figures], 60)
    assert "in every row" not in text
    assert text.split()[:6] == ["registry_id", "(all)", "registry_id", "region", "(all)", "region"]


def test_of_many_rows_the_times_are_left_out_first_by_name() -> None:
    columns = _columns()
    text = _shown([columns[1], columns[4], columns[2], columns[3]], 45)
    assert "not shown, for lack of room: pushed_at (a wider" in " ".join(text.split())
    assert "2026-01-12" not in text


def test_few_rows_are_turned() -> None:
    columns = [Column(f"figure_{number}", ["1.00 KiB", f"{number} B"], right=True) for number in range(12)]
    lines = _shown(columns, 60).splitlines()
    assert [line.split()[0] for line in lines] == [column.name for column in columns]
    assert lines[2].split() == ["figure_2", "1.00", "KiB", "2", "B"]


def test_rows_too_wide_even_turned_come_one_by_one() -> None:
    text = _shown(_columns(2), 45)
    assert [line.split()[0] for line in text.splitlines() if line.strip()].count("images") == 2


def test_nothing_but_equal_columns_is_still_a_table() -> None:
    columns = [Column(f"a_long_name_of_column_{number}", ["the same text"] * 9) for number in range(9)]
    assert "the same text" in _shown(columns, 40)


@given(st.integers(1, 9), st.integers(40, 200), st.data())
def test_no_line_is_wider_than_the_terminal(rows: int, width: int, data: st.DataObject) -> None:
    text = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=60)
    cells = st.lists(text, min_size=rows, max_size=rows)
    columns = [
        Column(f"column_{number}", data.draw(cells), squeezes=True) for number in range(data.draw(st.integers(1, 8)))
    ]
    console = Console(width=width)
    assert all(console.measure(line).maximum <= width for line in _shown(columns, width).splitlines())


def test_markup_and_emoji_codes_are_text() -> None:
    text = _shown([Column("tag", ["[red]stop[/red]", ":boom:", "[/]"], squeezes=True)], 80)
    assert "[red]stop[/red]" in text
    assert ":boom:" in text


def test_a_plain_table_is_as_wide_as_it_needs_to_be() -> None:
    lines = list(plain_lines(_columns(2), [["x", "y" * 300, "1", "2", "3"]]))
    assert lines[0].split() == [column.name for column in _columns()]
    assert lines[1].startswith("123456789012  team/with-a-long-name/app-0       0  ")
    assert "y" * 300 in lines[3]
    assert all(line.endswith("\n") and not line.endswith(" \n") for line in lines)


def test_columns_of_a_plain_table_stand_in_line() -> None:
    lines = list(plain_lines(_columns(3)))
    assert len({line.index("2026") for line in lines[1:]}) == 1


@pytest.mark.parametrize("text", ["a|b", "a\\|b", "`x`", "<script>", "[a](b)", "*", "\\"])
def test_markdown_reads_back(text: str) -> None:
    header, rule, row = markdown_lines([("tag", False), ("n", True)], [[text, "1"]])
    assert header == "| tag | n |\n"
    assert rule == "| --- | ---: |\n"
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", row.strip())
    assert len(cells) == 4
    assert re.sub(r"\\(.)", r"\1", cells[1].strip()) == text


def test_markdown_has_no_line_breaks_in_cells() -> None:
    assert list(markdown_lines([("a", False)], [["x\ny"]]))[-1] == "| x\\\\ny |\n"
