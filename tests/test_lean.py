"""The command works without numpy and pandas also where they are installed, as they are for these tests."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SEEN = "print(sorted({'numpy', 'pandas'} & set(sys.modules)))"


def output(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.strip().splitlines()[-1]


def test_they_are_installed_here() -> None:
    assert find_spec("numpy") is not None
    assert find_spec("pandas") is not None
    assert output(f"import sys, pyarrow; pyarrow.array([0]); {SEEN}") == "['numpy', 'pandas']"


def test_arrow_does_not_load_them() -> None:
    code = (
        "from indexer.lean import without_pandas; without_pandas(); import sys, pyarrow, duckdb; pyarrow.array([0]); "
    )
    assert output(code + SEEN) == "[]"


@pytest.mark.parametrize("command", ["query registry-totals", "find team/app", "sql 'select * from images'", "status"])
def test_commands_do_not_load_them(command: str, tmp_path: Path) -> None:
    store = f"from indexer.store import Store; Store.create_or_open({str(tmp_path)!r})"
    subprocess.run([sys.executable, "-c", store], check=True)
    code = f"""
import shlex, sys
from indexer.cli.entry import main
sys.argv = ["indexer", *shlex.split({command!r}), "--store", {str(tmp_path)!r}]
main()
{SEEN}
"""
    assert output(code) == "[]"
