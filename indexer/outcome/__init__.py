"""How a run ended, for whoever was not there: the metrics file, the summary file, and the hook.

docs/running.md has the names of the metrics, the keys and the variables; a test compares it with this room.
"""

from __future__ import annotations

from indexer.outcome.files import check_writable
from indexer.outcome.hook import HOOK_SECONDS, Hooked, call_hook, variables
from indexer.outcome.metrics import PREFIX, write_metrics
from indexer.outcome.outcome import FailureCount, Outcome, Result
from indexer.outcome.summary import document, write_summary

__all__ = [
    "HOOK_SECONDS",
    "PREFIX",
    "FailureCount",
    "Hooked",
    "Outcome",
    "Result",
    "call_hook",
    "check_writable",
    "document",
    "variables",
    "write_metrics",
    "write_summary",
]
