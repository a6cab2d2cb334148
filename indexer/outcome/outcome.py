"""How a run ended, in plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from indexer.errors import EXIT_DONE, EXIT_FAILED, EXIT_INCOMPLETE, EXIT_LOCKED, EXIT_USAGE


class Result(StrEnum):
    """How a run ended, one for each exit code of the command (indexer.errors); the signals' codes are one."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    USAGE = "usage"
    LOCKED = "locked"
    INTERRUPTED = "interrupted"

    @classmethod
    def of(cls, exit_code: int) -> Result:
        """Return the result that an exit code stands for."""
        known = {
            EXIT_DONE: cls.COMPLETE,
            EXIT_FAILED: cls.FAILED,
            EXIT_USAGE: cls.USAGE,
            EXIT_INCOMPLETE: cls.INCOMPLETE,
            EXIT_LOCKED: cls.LOCKED,
        }
        return known.get(exit_code, cls.INTERRUPTED)


class FailureCount(NamedTuple):
    """So many `failures` have this operation and code; `where` and `reason` are those of one of them."""

    operation: str
    code: str
    failures: int
    where: str | None
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How a run ended. Of one that was not committed, the counts are what it had done by then.

    Times are UTC, seconds are wall time except `cpu_seconds`: this process and its workers. `requests` is None where
    the run did not come to its end.
    """

    exit_code: int
    version: str
    started_at: datetime
    finished_at: datetime
    store: str | None = None
    run_id: str | None = None
    error: str | None = None
    repositories: int = 0
    images: int = 0
    manifests_fetched: int = 0
    bytes: int = 0
    failures: int = 0
    requests: int | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    phases: Mapping[str, float] = field(default_factory=dict)
    failure_counts: tuple[FailureCount, ...] = ()

    @property
    def result(self) -> Result:
        """How it ended, in a word."""
        return Result.of(self.exit_code)

    @property
    def committed(self) -> bool:
        """Whether the store has the run."""
        return self.result in {Result.COMPLETE, Result.INCOMPLETE}

    @property
    def requests_per_second(self) -> float | None:
        """Requests a second over the whole run; None where their number is not known."""
        return None if self.requests is None else self.requests / max(self.seconds, 0.001)
