"""What a run has done so far, for whoever is watching."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


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
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, **more: int) -> None:
        """Add to counters by name."""
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)
