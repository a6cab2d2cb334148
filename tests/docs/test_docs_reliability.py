"""docs/reliability.md names the tests of its promises: each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text()


def test_every_test_that_the_page_names_is_there() -> None:
    defined = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 20
    assert named <= defined, named - defined


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))
    assert named
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_fault_has_a_test() -> None:
    rows = [
        line for line in PAGE.splitlines() if line.startswith("| ") and line.count("|") == 4 and "figures" not in line
    ]
    tests = [line.split("|")[3].strip() for line in rows]
    assert len(tests) > 20
    assert "-" not in tests
    assert "" not in tests
