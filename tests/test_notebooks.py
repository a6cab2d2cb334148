"""The notebooks run from the first cell to the last, are committed without output, and their plots show something."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.commands import process

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.xdist_group("notebooks")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("notebooks") / "store"
    done = process("demo", "--store", folder, "--nights", "2")
    assert done.code == 0, done.err
    return folder


def _cells(notebook: Path) -> Iterator[Any]:
    yield from nbformat.read(notebook, as_version=4).cells  # type: ignore[no-untyped-call]  # nbformat has no types


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_output(notebook: Path) -> None:
    for cell in _cells(notebook):
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert not re.search(r"https?://", cell["source"])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the kernel's own packages, not ours
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # as above: its sockets
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as above: it listens on this machine only
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(notebook: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INDEXER_STORE", str(store))
    content = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]  # as above
    NotebookClient(content, timeout=300, resources={"metadata": {"path": str(notebook.parent)}}).execute()
    pictures = [
        output["data"]["image/svg+xml"]
        for cell in content.cells
        for output in cell.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    ]
    drawing = [cell for cell in content.cells if "alt.Chart(" in cell["source"]]
    assert len(pictures) == len(drawing) > 2
    for picture in pictures:
        assert len(re.findall(r'role="graphics-symbol"', picture)) > 1
        assert "nan" not in picture.lower().split()
