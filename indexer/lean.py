"""What a process of the command leaves unloaded, and undone."""

from __future__ import annotations

import gc
import sys
from importlib.machinery import ModuleSpec
from typing import Final

RARELY: Final = (500_000, 20, 100)
"""Thresholds of `gc`: a run makes tuples by the million and next to no cycles, and what is loaded stays. With Python's
own, looking for cycles takes a quarter to a third of the CPU of a run; with 50,000 a fiftieth of a night without news,
whose clients read megabytes of descriptions, and 0.06 s of a command's start."""
_UNUSED: Final = frozenset({"numpy", "pandas"})


class _Without:
    """Finds, before anything else does, that packages are not there."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if name in _UNUSED:
            raise ModuleNotFoundError(f"No module named {name!r}: the indexer command does without", name=name)
        return None


def collect_rarely() -> None:
    """Look for cyclic garbage rarely, from now on."""
    gc.set_threshold(*RARELY)


def without_pandas() -> None:
    """Have numpy and pandas count as not installed, in this process: to be called before pyarrow is loaded.

    pyarrow imports both wherever they are installed, and works as well without them; the command needs neither. They
    would take 0.3 s and 45 MB of each process. For notebooks, which do need them, this is never called.
    """
    sys.meta_path.insert(0, _Without())
