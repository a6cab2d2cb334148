"""Real registry data, which stands beside the checkout where the project is developed and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

_CORPUS = Path(__file__).parent.parent.parent.parent / "shared" / "corpus"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real manifests; the test is skipped where it is absent."""
    if not (_CORPUS / "manifests.jsonl").is_file():
        pytest.skip("the corpus of real manifests (../shared/corpus) is not on this machine")
    return _CORPUS
