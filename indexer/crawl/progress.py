"""What a run has done so far, for whoever is watching."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.crawl.run import Summary


@dataclass(slots=True)
class Progress:
    """Counters that only grow while a run goes on; read them from any thread.

    `phase` is one of starting, listing, fetching, committing, done.
    """

    phase: str = "starting"
    repositories_found: int = 0
    repositories_listed: int = 0
    images: int = 0
    wanted: int = 0
    fetched: int = 0
    failures: int = 0
    bytes: int = 0
    committed: Summary | None = None
    """The run, from when it is committed."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _entered: list[tuple[str, float]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._entered.append((self.phase, time.monotonic()))

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        if name == "phase" and hasattr(self, "_entered"):
            self._entered.append((str(value), time.monotonic()))

    @property
    def seconds(self) -> dict[str, float]:
        """How long each phase took that the run has entered so far; the last one until now."""
        entered = list(self._entered)
        ends = [at for _, at in entered[1:]] + [time.monotonic()]
        return {phase: end - at for (phase, at), end in zip(entered, ends, strict=True) if phase != "done"}

    def count(self, **more: int) -> None:
        """Add to counters by name."""
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)
