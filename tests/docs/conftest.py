"""What tests of pages share: the command in this process, and a store to ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import Cli
from support.shop import shop

__all__ = ["shop"]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    return Cli(capsys, monkeypatch, tmp_path)
