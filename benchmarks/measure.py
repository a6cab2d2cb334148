"""What a stretch of a program used: CPU of the process and of the children it waited for, and wall time."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

# Where pandas is installed (the project's tests need it, the project does not), pyarrow imports it when it makes its
# first array: half a second that is no part of the work.
pa.array([0])


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


@contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Print as JSON, when the block ends, what it used and what it put into the dictionary.

    The imports before it are left out: a large registry does not pay more for them.
    """
    found: dict[str, Any] = {}
    began, own, children = time.monotonic(), _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN)
    yield found
    found["own_cpu"] = _cpu(resource.RUSAGE_SELF) - own
    found["children_cpu"] = _cpu(resource.RUSAGE_CHILDREN) - children
    found["cpu"] = found["own_cpu"] + found["children_cpu"]
    found["wall"] = time.monotonic() - began
    print(json.dumps(found))
