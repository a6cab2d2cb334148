"""Each generator of random registries makes every awkward case often: a property test is worth what it is given."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support import byte_estates, deletion_estates, lineage_estates, time_estates
from support.awkward import AWKWARD, State
from support.estates import Estate

EXAMPLES = 50
OFTEN = 5
GENERATORS: dict[str, st.SearchStrategy[Estate]] = {
    "bytes": byte_estates.estates(),
    "deleting": deletion_estates.estates(),
    "lineage": lineage_estates.estates(),
    "time": time_estates.histories(),
}


def counted(generator: st.SearchStrategy[Estate]) -> Counter[str]:
    """How many of the same `EXAMPLES` registries, whoever asks, have each case."""
    found: Counter[str] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(generator)
    def count(estate: Estate) -> None:
        state = State(estate)
        found.update(case for case, holds in AWKWARD.items() if holds(state))

    count()
    return found


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_makes_every_awkward_case_often(name: str) -> None:
    found = counted(GENERATORS[name])
    assert {case: found[case] for case in AWKWARD if found[case] < OFTEN} == {}


def test_a_registry_without_anything_awkward_has_none_of_the_cases() -> None:
    estate = Estate()
    estate.image("app", [("base", 100), ("top", 10)], ("config", 1))
    estate.run().repository("app", {"app": ["latest"]})
    state = State(estate)
    assert [case for case, holds in AWKWARD.items() if holds(state)] == []
