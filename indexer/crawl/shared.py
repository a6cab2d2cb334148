"""What all threads of a run share."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from indexer.crawl.crowd import Crowd
from indexer.crawl.globs import Globs
from indexer.crawl.plan import Plan
from indexer.crawl.progress import Progress
from indexer.crawl.report import Report
from indexer.crawl.stop import Stop
from indexer.lean import collect_rarely


@dataclass(frozen=True, slots=True)
class Shared:
    """The run's plan, its report and its clock, and who of its threads works."""

    plan: Plan
    report: Report
    progress: Progress
    now: Callable[[], datetime]
    stop: Stop
    crowd: Crowd
    globs: Globs
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for cyclic garbage rarely while the block runs."""
    before = gc.get_threshold()
    collect_rarely()
    try:
        yield
    finally:
        gc.set_threshold(*before)
