"""What this machine has."""

from __future__ import annotations

import os
from contextlib import suppress


def cores() -> int:
    """Return how many cores this process may use."""
    with suppress(AttributeError):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
