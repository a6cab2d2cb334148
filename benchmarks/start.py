"""How long the command takes to start, beside a bare start of the same Python in the same minute.

    python benchmarks/start.py [--rounds 15] [--store ./store]

Each command is a process of its own, all of them in turn, round after round; of several rounds the median, with the
lowest and the highest. `status` and `query` are asked of a demo's store, which is made first unless one is named.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = ("-c", "pass")
INDEXER = ("-m", "indexer")
WANTED = {"indexer --help": 3.0}
"""At most so many bare starts."""


def commands(store: str) -> dict[str, tuple[str, ...]]:
    """What is started: a name and Python's words."""
    return {
        "bare Python": BARE,
        "indexer --help": (*INDEXER, "--help"),
        "indexer --version": (*INDEXER, "--version"),
        "indexer run --help": (*INDEXER, "run", "--help"),
        "indexer status": (*INDEXER, "status", "--store", store),
        "indexer query media-types": (*INDEXER, "query", "media-types", "--store", store),
        "import typer": ("-c", "import typer"),
        "import duckdb, pyarrow": ("-c", "import duckdb, pyarrow"),
    }


def start(words: tuple[str, ...], folder: Path) -> float:
    """Return the seconds from the start of a Python with `words` to its end."""
    # What Python compiles is compiled once, as pip does where it installs.
    environment = os.environ | {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    began = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environment)  # noqa: S603 - ours
    return time.perf_counter() - began


def measure(store: str, rounds: int, folder: Path) -> None:
    """Print what each takes, and how many bare starts that is."""
    found: dict[str, list[float]] = {}
    for round_ in range(rounds + 1):
        for name, words in commands(store).items():
            took = start(words, folder)
            if round_:  # the first one compiles
                found.setdefault(name, []).append(took)
    bare = statistics.median(found["bare Python"])
    for name, times in found.items():
        middle = statistics.median(times)
        told = f"   wanted {WANTED[name]:g}" if name in WANTED else ""
        print(
            f"  {name:26} {1e3 * middle:6.0f} ms ({1e3 * min(times):.0f} to {1e3 * max(times):.0f})"
            f"   {middle / bare:5.1f} bare starts{told}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--store", help="default: that of a demo of one night")
    options = parser.parse_args()
    print(f"start: load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}, {options.rounds} rounds")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        store = options.store
        if store is None:
            store = str(Path(folder) / "store")
            demo = [sys.executable, *INDEXER, "demo", "--nights", "1", "--store", store]
            subprocess.run(demo, check=True, capture_output=True)  # noqa: S603 - ours
        measure(store, options.rounds, Path(folder) / "compiled")


if __name__ == "__main__":
    main()
