"""What a check finds, and the IAM policy for what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    """What a finding means for a run."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Missing(NamedTuple):
    """A permission that the caller does not have: an IAM action, on a resource's ARN (or a pattern of ARNs)."""

    action: str
    resource: str


class Finding(NamedTuple):
    """One thing that was looked at. `advice` says what to do about it; `target` is None for what is of all targets."""

    target: str | None
    subject: str
    verdict: Verdict
    text: str
    advice: str | None = None
    missing: Missing | None = None


@dataclass
class Findings:
    """All that was found, in the order of the targets."""

    all: list[Finding] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        """Return how many findings have this verdict."""
        return sum(finding.verdict is verdict for finding in self.all)

    @property
    def good(self) -> bool:
        """Whether nothing would fail a run."""
        return not self.count(Verdict.PROBLEM)

    def policy(self) -> dict[str, Any] | None:
        """Return an IAM policy document that allows what is missing; None where nothing is."""
        return policy(finding.missing for finding in self.all if finding.missing is not None)


def policy(missing: Iterable[Missing]) -> dict[str, Any] | None:
    """Return the policy document that allows `missing`, a statement for each set of resources; None for nothing."""
    resources: dict[str, set[str]] = {}
    for each in missing:
        resources.setdefault(each.action, set()).add(each.resource)
    actions: dict[tuple[str, ...], list[str]] = {}
    for action in sorted(resources):
        actions.setdefault(tuple(sorted(resources[action])), []).append(action)
    statements = [
        {"Effect": "Allow", "Action": group, "Resource": list(where) if len(where) > 1 else where[0]}
        for where, group in actions.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements} if statements else None
