"""What a run has done so far, for whoever is watching."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.crawl.run import Summary
    from indexer.crawl.targets import Walk
    from indexer.ecr import Trouble


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
    targets: Sequence[Walk] = ()
    """What the run walks, from when that is known."""
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

    @property
    def troubles(self) -> list[tuple[Walk, Trouble]]:
        """The targets whose calls all fail at this moment and are tried again; one of those that share a quota.

        Of calls that worker processes make nothing is known until they are given up.
        """
        walks = {walk.quota: walk for walk in self.targets if walk.ecr.health.down is None}.values()
        found = ((walk, walk.ecr.health.trouble) for walk in walks)
        return [(walk, trouble) for walk, trouble in found if trouble is not None]

    @property
    def answers(self) -> int:
        """How many requests of this process were answered."""
        return sum(walk.ecr.answers for walk in self.targets)

    @property
    def is_paced(self) -> bool:
        """Whether calls wait for their turn at this moment, so that the rate of requests holds."""
        return any(walk.ecr.waiting for walk in self.targets)

    def count(self, **more: int) -> None:
        """Add to counters by name."""
        with self._lock:
            for name, number in more.items():
                setattr(self, name, getattr(self, name) + number)
