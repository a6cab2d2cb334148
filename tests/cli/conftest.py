"""The command under test, and the store that it reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import Cli
from support.shop import shop

__all__ = ["shop"]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    return Cli(capsys, monkeypatch, tmp_path)
