"""The summary file: one JSON object about the newest run, whatever became of it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from indexer.outcome.files import replace
from indexer.outcome.outcome import Outcome


def document(outcome: Outcome) -> dict[str, Any]:
    """Return the object; every key is there whatever the result, with null for what is not known."""
    rate = outcome.requests_per_second
    return {
        "result": outcome.result.value,
        "exit_code": outcome.exit_code,
        "committed": outcome.committed,
        "error": outcome.error,
        "run_id": outcome.run_id,
        "store": outcome.store,
        "version": outcome.version,
        "started_at": _iso(outcome.started_at),
        "finished_at": _iso(outcome.finished_at),
        "repositories": outcome.repositories,
        "images": outcome.images,
        "manifests_fetched": outcome.manifests_fetched,
        "bytes": outcome.bytes,
        "requests": outcome.requests,
        "requests_per_second": None if rate is None else round(rate, 3),
        "seconds": round(outcome.seconds, 3),
        "cpu_seconds": round(outcome.cpu_seconds, 3),
        "phases": {name: round(seconds, 3) for name, seconds in outcome.phases.items()},
        "failures": outcome.failures,
        "failures_by_code": [failure._asdict() for failure in outcome.failure_counts],
    }


def write_summary(path: Path, outcome: Outcome) -> None:
    """Put the object at `path`, in the place of that of the run before. Raises OSError."""
    replace(path, json.dumps(document(outcome), indent=2) + "\n")


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
