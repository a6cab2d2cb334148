"""What stands in the way of a run, found without running: `check` tries each thing that a run does, harmlessly.

Nothing is written to the registry or to the store. No image is fetched, so no pull time changes: BatchGetImage is tried
with a digest that nothing has.
"""

from __future__ import annotations

from indexer.check.check import check
from indexer.check.findings import Finding, Findings, Verdict
from indexer.check.oddities import odd_processes, odd_regions

__all__ = ["Finding", "Findings", "Verdict", "check", "odd_processes", "odd_regions"]
