"""Random histories of failures, and what the query failures should say of each, worked out run by run."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import strategies as st
from support.estates import ACCOUNT, OTHER_ACCOUNT, REGION, Estate

from indexer.tables import FailureRow

PLACES = [(account, region) for account in (ACCOUNT, OTHER_ACCOUNT, None) for region in (REGION, "us-east-1")]
"""The account is unknown where its name could not be asked for."""
CODES = ["ImageNotFound", "ImageInaccessible", "ExpiredToken"]


@st.composite
def failing_histories(draw: st.DrawFn) -> Estate:
    """Runs of which each covers some places, and fails at some things there; the same failure may come again."""
    estate = Estate()
    for _ in range(draw(st.integers(1, 4))):
        targets = draw(st.lists(st.sampled_from(PLACES), unique=True, min_size=1, max_size=4))
        run = estate.run(*targets)
        for place in draw(st.lists(st.sampled_from(targets), max_size=6)):
            run.failure(
                draw(st.sampled_from([None, "app", "team/app"])),
                draw(st.sampled_from([None, "lost", "cold"])),
                place=place,
                operation=draw(st.sampled_from(["BatchGetImage", "DescribeImages"])),
                code=draw(st.sampled_from(CODES)),
                reason=draw(st.sampled_from(["it is gone", "no"])),
            )
        run.failures = [row._replace(tag=draw(st.sampled_from([None, "latest", "1"]))) for row in run.failures]
    return estate


def standing(estate: Estate, code: str, repository: str) -> list[tuple[Any, ...]]:
    """The rows of failures: of every run, those that no later one took back by covering the place again."""
    found: set[int] = set()
    every: list[FailureRow] = []
    for run in estate.runs:
        found -= {at for at in found if any(_covers(target, every[at]) for target in run.targets)}
        found |= set(range(len(every), len(every) + len(run.failures)))
        every += run.failures
    shown = [every[at] for at in found]
    return [
        tuple(row) for row in shown if fnmatchcase(row.code, code) and fnmatchcase(row.repository or "", repository)
    ]


def _covers(target: tuple[str | None, str], failure: FailureRow) -> bool:
    account, region = target
    return region == failure.region and (failure.registry_id is None or account == failure.registry_id)


def place_in_order(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the rows are ordered by; what is not known comes first."""
    run_id, account, region, repository, manifest, tag, operation, code, reason = row
    first, last = (account, region, repository, manifest), (tag,)
    return (*map(_nulls_first, first), operation, code, reason, run_id, *map(_nulls_first, last))


def _nulls_first(name: str | None) -> tuple[bool, str]:
    return name is not None, name or ""
