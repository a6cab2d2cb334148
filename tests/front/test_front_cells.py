"""%%sql in a notebook, in a real IPython shell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from support.pages import ROOT
from support.shop import Shop
from support.store_rows import NOON, run_row

import indexer
from indexer.errors import QueryError, UsageError
from indexer.front.cells import run
from indexer.store import Store

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
        ("--store nothing", "select 1", "no variable nothing in this notebook; make one with indexer.open"),
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


def test_an_error_of_ours_is_a_sentence_and_no_traceback(
    shell: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not shell.run_cell(f"import indexer\nindexer.open({str(tmp_path / 'none')!r})").success
    shown = "".join(capsys.readouterr())
    assert shown.strip() == f"StoreMissing: there is no store at {tmp_path / 'none'}; indexer run makes one"


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_says_why_there_is_nothing_to_draw(
    notebook: Path, tmp_path: Path, shell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create_or_open(tmp_path / "store").writer(now=lambda: NOON, version="1") as writer:
        writer.commit_run(run_row(writer)._replace(images=0))
    monkeypatch.setenv("INDEXER_STORE", str(tmp_path / "store"))
    drawing = 0
    for cell in nbformat.read(notebook, as_version=4).cells:  # type: ignore[no-untyped-call]  # nbformat has no types
        if cell["cell_type"] != "code":
            continue
        done = shell.run_cell(cell["source"].replace("%load_ext indexer", ""))
        assert done.success, cell["source"]
        if "alt.Chart(" in cell["source"]:
            drawing += 1
            assert done.result.data.endswith("."), cell["source"]
    assert drawing > 2
