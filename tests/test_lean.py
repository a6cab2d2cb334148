"""The command works without numpy and pandas also where they are installed, as they are for these tests."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as public
import pytest
from support.manifests import image
from support.world import world

from indexer.compute import pc
from indexer.local_ecr import Registry

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


def test_runs_do_without_the_module_of_computes_docstrings(tmp_path: Path) -> None:
    """It is 50 ms of each process, and any of pyarrow's methods `take`, `filter` and `cast` brings it back."""
    registry = Registry()
    registry.create_repository("team/app")
    for number in range(30):
        registry.put_image(
            "team/app", image(f"config{number}", [("base", 10), (f"layer{number}", 5)]), tags=[str(number)]
        )
    with world(tmp_path / "store", [registry]) as the_world:
        config = tmp_path / "config.yaml"
        config.write_text(
            f"store: {the_world.folder}\n"
            f"registries: [{{regions: [{registry.region}], registry_id: '{registry.registry_id}',"
            f" endpoint_url: '{the_world.server.url}'}}]\n"
        )
        code = f"""
import sys
from indexer.cli.entry import main
sys.argv = ["indexer", "run", "--config", {str(config)!r}]
main()
print(sorted({{"pyarrow.compute", "pyarrow._compute"}} & set(sys.modules)))
"""
        assert [output(code) for _ in range(2)] == ["['pyarrow._compute']"] * 2  # a first run, and one with nothing new
        assert len(the_world.rows("manifests")) == 30


def test_compute_calls_the_functions_that_pyarrow_documents() -> None:
    """Values and options reach the same functions, and what is not there is no attribute."""
    values = pa.array([3, None, 1, 3])
    assert pc.equal(values, 3) == public.equal(values, 3)
    assert pc.array_sort_indices(values) == public.sort_indices(values)
    assert pc.binary_slice(pa.array([b"abcd"]), options=pc.SliceOptions(1, 3)).to_pylist() == [b"bc"]
    assert not hasattr(pc, "no_such_function")
