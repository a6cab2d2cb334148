"""The failures that stand agree with a slow model over random histories."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.estates import Estate, answer
from support.failure_model import failing_histories, place_in_order, standing


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    estate=failing_histories(),
    code=st.sampled_from(["*", "*", "Image*", "ExpiredToken"]),
    repository=st.sampled_from(["*", "*", "team/*", "app"]),
)
def test_the_failures_agree_with_the_slow_model(estate: Estate, code: str, repository: str) -> None:
    with tempfile.TemporaryDirectory() as folder, estate.catalog(Path(folder)) as catalog:
        found = [tuple(row.values()) for row in answer(catalog, "failures", code=code, repository=repository)]
    assert found == sorted(standing(estate, code, repository), key=place_in_order)
