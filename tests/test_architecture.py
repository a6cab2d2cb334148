"""The house: imports go down only, each outside package has one importer, only the command reads the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "indexer"
FLOORS = {
    "errors": 0,
    "lean": 0,
    "model": 0,
    "digests": 1,
    "aside": 0,
    "scratch": 0,
    "compute": 0,
    "aws_cli": 1,
    "config": 1,
    "tables": 0,
    "machine": 0,
    "flatten": 1,
    "objects": 1,
    "ecr": 2,
    "store": 2,
    "catalog": 2,
    "crawl": 3,
    "local_ecr": 3,
    "front": 3,
    "check": 3,
    "outcome": 3,
    "cli": 4,
    "__main__": 5,
}
STRANGERS = {"ecr", "store", "catalog"}
ONLY_IMPORTER = {
    "boto3": {"objects"},
    "botocore": {"ecr", "objects"},
    "duckdb": {"catalog"},
    "prometheus_client": {"outcome"},
    "jmespath": {"aws_cli"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": {"cli"},
    "altair": {"cli"},
    "jinja2": {"cli"},
    "vl_convert": {"cli"},
    "yaml": {"config"},
    "pydantic": {"config"},
    "pydantic_core": {"config"},
    "tenacity": {"ecr", "objects"},
    "urllib3": {"ecr"},
    "msgspec": {"ecr", "flatten"},
}
LONGEST_FILE = 350
LONGEST_FUNCTION = 60
MEDIAN_FUNCTION = 10


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute, so that a reader and this test can follow them"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_imported(path: Path) -> set[str]:
    parts = (name.split(".") for name in imports(path) if name.startswith("indexer."))
    return {part[1] for part in parts if part[1] in FLOORS}


def functions() -> list[tuple[str, int]]:
    return [
        (f"{path.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_every_room_has_a_floor() -> None:
    assert {room(path) for path in sources()} - {"__init__"} <= set(FLOORS)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_to_lower_floors(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        assert rooms_imported(path) <= {"front"}, "the package's front door opens into the front room only"
        return
    for other in rooms_imported(path) - {here}:
        assert FLOORS[other] < FLOORS[here], f"{path} is on floor {FLOORS[here]}, {other} on {FLOORS[other]}"
        assert not {here, other} <= STRANGERS


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_each_outside_package_has_one_importer(path: Path) -> None:
    for name in imports(path):
        allowed = ONLY_IMPORTER.get(name.split(".")[0])
        assert allowed is None or room(path) in allowed, f"{path} imports {name}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_command_reads_the_environment(path: Path) -> None:
    if room(path) == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"environ", "getenv"}, f"{path}:{node.lineno} reads the environment"


def test_batch_get_image_has_two_callers_both_in_the_ecr_room() -> None:
    """The job's, through the wire, and the AWS command's, through botocore's own client, which the job never uses."""
    by_client = {
        str(path.relative_to(PACKAGE))
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Constant) and node.value == "batch_get_image" and room(path) != "local_ecr")
        or (isinstance(node, ast.Attribute) and ast.unparse(node).endswith("client.batch_get_image"))
    }
    assert by_client == {"ecr/verbatim.py"}, "a client's own method would be another way to fetch"
    assert importers("indexer.ecr.wire") == {"ecr/client.py"}
    assert importers("indexer.ecr.verbatim") == {"cli/batch_get_image.py"}


def importers(module: str) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in sources() if module in set(imports(path))}


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_short(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") <= LONGEST_FILE
    assert path.name not in {"utils.py", "helpers.py", "common.py"}


def test_functions_stay_short() -> None:
    lengths = sorted(length for _, length in functions())
    assert [name for name, length in functions() if length > LONGEST_FUNCTION] == []
    assert lengths[len(lengths) // 2] <= MEDIAN_FUNCTION


def test_tests_are_at_least_as_long_as_the_source() -> None:
    tests = sum(path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "tests").rglob("*.py"))
    source = sum(path.read_text(encoding="utf-8").count("\n") for path in sources())
    assert tests >= source
