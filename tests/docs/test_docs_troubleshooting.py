"""docs/troubleshooting.md: each message that it quotes is one that the program can print."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from support.pages import ROOT, Page

PAGE = Page("docs/troubleshooting.md")
NO_MESSAGE = {"A figure is larger than the bill, or smaller"}
FROM_ECR = {": AccessDeniedException: …": "{operation}: {code}: {reason}"}
MESSAGES = [heading for heading in re.findall(r"^### (.*)$", PAGE.text, re.MULTILINE) if heading not in NO_MESSAGE]


@cache
def texts() -> frozenset[str]:
    """Every text in the source, with … for what is put into it."""
    found = set()
    for path in (ROOT / "indexer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.add("".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


def is_printed(message: str) -> bool:
    return any(message in text for text in texts())


@pytest.mark.parametrize("message", MESSAGES)
def test_the_message_is_in_the_program(message: str) -> None:
    if message in FROM_ECR:
        source = (ROOT / "indexer" / "errors.py").read_text(encoding="utf-8")
        assert FROM_ECR[message] in source
    else:
        assert is_printed(message)


def test_a_message_that_nothing_prints_is_seen() -> None:
    assert not is_printed("there is no store at …; indexer walk makes one")


def test_every_message_has_what_to_do() -> None:
    parts = re.split(r"^### .*$", PAGE.text, flags=re.MULTILINE)[1:]
    assert all(len(part.split()) > 5 for part in parts)
    assert len(MESSAGES) == len(set(MESSAGES)) >= 20


def test_our_own_failure_codes_are_told() -> None:
    own = re.findall(r"^\| `(\w+)` \| (?:Flatten|BatchGetImage|any) \|", Page("docs/tables.md").text, re.MULTILINE)
    assert own
    assert all(f"`{code}`" in PAGE.text for code in own)
