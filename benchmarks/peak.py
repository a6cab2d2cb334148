"""The peak resident memory of a process and all that it starts, from Linux's /proc."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_EVERY = 0.02


class Peak:
    """Watches while the block lasts. `megabytes` is the sum of the peaks of all processes seen, 0 without a /proc."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peaks: dict[int, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def megabytes(self) -> float:
        return sum(self._peaks.values()) / 1024

    @property
    def processes(self) -> int:
        return len(self._peaks)

    def _watch(self) -> None:
        while not self._ended.wait(_EVERY):
            waiting = [self._pid]
            while waiting:
                pid = waiting.pop()
                with suppress(OSError):
                    waiting += _children(pid)
                    self._note(pid)

    def _note(self, pid: int) -> None:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                self._peaks[pid] = max(self._peaks.get(pid, 0), int(line.split()[1]))


def _children(pid: int) -> list[int]:
    """Return the processes that any thread of `pid` started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text(encoding="ascii").split()]
