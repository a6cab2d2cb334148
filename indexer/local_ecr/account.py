"""What an account sets for its registry: GetAccountSetting and ListPullTimeUpdateExclusions.

Rules: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html and
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListPullTimeUpdateExclusions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.local_ecr.paging import page
from indexer.local_ecr.protocol import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from indexer.local_ecr.operations import Parameters
    from indexer.local_ecr.paging import Place
    from indexer.local_ecr.registry import Registry


def get_account_setting(registry: Registry, parameters: Parameters) -> Parameters:
    name = parameters["name"]
    if name not in registry.settings:
        raise invalid_parameter("name", f"Member must satisfy enum value set: [{', '.join(registry.settings)}]")
    return {"name": name, "value": registry.settings[name]}


def list_pull_time_update_exclusions(registry: Registry, parameters: Parameters) -> Parameters:
    def rows_after(place: Place | None) -> Iterator[tuple[Place, str]]:
        for arn in sorted(registry.pull_time_exclusions):
            if place is None or arn > place[0]:
                yield [arn], arn

    found = page(registry, ["ListPullTimeUpdateExclusions"], parameters, rows_after)
    token = {} if found.token is None else {"nextToken": found.token}
    return {"pullTimeUpdateExclusions": found.rows, **token}
