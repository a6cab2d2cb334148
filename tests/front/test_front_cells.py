"""%%sql in a notebook, in a real IPython shell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from support.shop import Shop

import indexer
from indexer.errors import QueryError, UsageError
from indexer.front.cells import run

# duckdb's own, where a frame has a column with a zone and no row
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


@pytest.fixture
def shell(shop: Shop) -> Iterator[Any]:
    shell: Any = InteractiveShell()  # type: ignore[no-untyped-call]  # IPython has no types here
    shell.run_line_magic("load_ext", "indexer")
    with indexer.open(shop.folder) as store:
        shell.user_ns["store"] = store
        yield shell
    shell.reset()


def test_a_cell_gives_a_frame(shell: Any) -> None:
    frame = shell.run_cell_magic("sql", "", "select count(*) as images from images where repository = 'team/app'")
    assert frame["images"].tolist() == [6]


def test_a_name_keeps_the_frame(shell: Any) -> None:
    assert run(shell, "kept <<", "select 7 as n") is None
    assert shell.user_ns["kept"]["n"].tolist() == [7]


def test_variables_are_bound_and_never_pasted(shell: Any) -> None:
    shell.user_ns["name"] = "x' or 1=1 --"
    assert run(shell, "", "select * from images where repository = $name").empty
    shell.user_ns["name"] = "team/base"
    assert set(run(shell, "", "select repository from images where repository = $name")["repository"]) == {"team/base"}


def test_another_store_is_named(shell: Any) -> None:
    shell.user_ns["other"] = shell.user_ns.pop("store")
    assert len(run(shell, "--store other", "from runs")) == 2
    assert run(shell, "--store=other runs <<", "from runs") is None
    assert len(shell.user_ns["runs"]) == 2


@pytest.mark.parametrize(
    ("line", "statement", "said"),
    [
        ("into x", "select 1", "expected nothing, NAME <<"),
        ("--store nothing", "select 1", "no variable nothing"),
        ("--store said", "select 1", "no open store"),
        ("", "select $unknown", "no variable unknown"),
    ],
)
def test_wrong_lines_are_told(shell: Any, line: str, statement: str, said: str) -> None:
    shell.user_ns["said"] = "a text"
    with pytest.raises(UsageError, match=said):
        run(shell, line, statement)


@pytest.mark.parametrize("statement", ["selec 1", "drop view images", "from nowhere", ""])
def test_wrong_sql_is_told(shell: Any, statement: str) -> None:
    with pytest.raises(QueryError):
        run(shell, "", statement)
