"""Runs that are killed again and again under random faults until one ends; then every table is compared with the truth.

    python -m endurance.chaos --minutes 60 --kills 200

A night is one state of two registries. The real command is started against them, with faults in one answer of six,
and killed with SIGKILL at a random request, until it ends by itself. Half of the kills wait for manifests to be
fetched, and most runs with workers lose one of these and not the main process. While all that goes on, a reader asks
the store.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random, SystemRandom

from endurance.estate import Churn
from endurance.truth import Tables, differences, held

import indexer
from indexer.errors import StoreMissing
from indexer.local_ecr import Fault, Server

RATES = {
    "throttle": 0.04,
    "error": 0.02,
    "unavailable": 0.02,
    "reset": 0.02,
    "truncate": 0.02,
    "cut": 0.01,
    "empty": 0.01,
    "html": 0.01,
    "omit": 0.03,
    "extra": 0.03,
    "corrupt": 0.03,
    "hang": 0.01,
    "expired_page": 0.02,
    "vanish": 0.003,
}
_MOST_KILLS = 12
_ENDED_WELL = (0, 3)
_LOCKED = 4
_MOST_LOCKED = 20


class Wrong(AssertionError):  # noqa: N818 - said of the store
    """The store does not say what the registries hold."""


class Chaos:
    """One store, night after night. `tally` counts what was done to it."""

    def __init__(self, folder: Path, seed: int, size: int) -> None:
        self.seed = seed
        self.random = Random(f"chaos {seed}")  # noqa: S311 - repeatable
        self.churn = Churn(seed, size)
        self.folder = folder
        self.store = folder / "store"
        self.tally: Counter[str] = Counter()

    def play(self, nights: int, kills: int) -> None:
        """Play so many nights with at most so many kills each. Raises Wrong."""
        with Server(self.churn.registries) as server:
            for number in range(nights):
                if number:
                    self.churn.night()
                faults = [Fault(kind, rate=rate, seed=self.seed + number, seconds=0.2) for kind, rate in RATES.items()]
                server.faults.add(*faults)
                self._night(server, kills)
                self.tally.update({f"fault {kind}": count for kind, count in server.faults.fired.items()})
                server.faults.clear()
                server.faults.fired.clear()
                if server.problems:
                    raise Wrong(f"the registry itself: {server.problems}")

    def _night(self, server: Server, kills: int) -> None:
        with self._reader():
            left, locked = kills, 0
            while True:
                before = held(self.churn.registries)
                code = self._run(server, kill=left > 0)
                if code in _ENDED_WELL:
                    break
                # The workers of a run that was killed hold the lock until they have noticed.
                locked += code == _LOCKED
                left -= code != _LOCKED
                if locked > _MOST_LOCKED:
                    raise Wrong(f"seed {self.seed}: the lock of a run that was killed is never free")
        self.tally["nights"] += 1
        wrong = differences(Tables(self.store), before, held(self.churn.registries), self.churn.denied)
        if wrong:
            raise Wrong(f"seed {self.seed}: {len(wrong)} differences\n" + "\n".join(wrong[:20]))

    def _run(self, server: Server, *, kill: bool) -> int:
        self.tally["runs"] += 1
        workers = self.random.random() < 0.6
        config = self._config(server.url, processes=2 if workers else 1)
        words = [sys.executable, "-m", "indexer", "run", "--quiet", "--config", str(config)]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
            if kill:
                self._kill(server, process, worker=workers and self.random.random() < 0.7)
            _, said = process.communicate(timeout=600)
        if process.returncode not in {*_ENDED_WELL, _LOCKED, -signal.SIGKILL} and not kill:
            raise Wrong(f"seed {self.seed}: the run ended with {process.returncode}: {said}")
        if "Traceback" in said:
            raise Wrong(f"seed {self.seed}: {said}")
        return process.returncode

    def _kill(self, server: Server, process: subprocess.Popen[str], *, worker: bool) -> None:
        """Wait for a random request, and a little, and kill the run or one of its workers."""
        fetching = worker or self.random.random() < 0.5
        begun = server.calls["BatchGetImage"]

        def asked() -> int:
            return server.calls["BatchGetImage"] if fetching else server.calls.total()

        goal = asked() + int(2 ** self.random.uniform(0, 6 if fetching else 8))
        pause = self.random.choice([0, 0, self.random.random() * 0.5])
        while process.poll() is None and asked() < goal:
            time.sleep(0.002)
        time.sleep(pause)
        victims = (children(process.pid) if worker else []) or [process.pid]
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.random.choice(victims), signal.SIGKILL)
                self.tally["kills"] += 1
                self.tally["kills while fetching"] += server.calls["BatchGetImage"] > begun
                self.tally["kills of a worker"] += victims != [process.pid]

    def _config(self, url: str, processes: int) -> Path:
        fetch = {"requests_per_second": 2000, "connections": 8, "chunk_size": 20, "processes": processes}
        entries = [
            {"regions": [each.region], "registry_id": each.registry_id, "endpoint_url": url}
            for each in self.churn.registries
        ]
        path = self.folder / "config.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({"store": str(self.store), "registries": entries, "fetch": fetch}))
        return path

    @contextmanager
    def _reader(self) -> Iterator[None]:
        """Ask the store all the time: whatever it holds must fit together."""
        stop, wrong = threading.Event(), []

        def read() -> None:
            while not stop.wait(0.05):
                try:
                    wrong.extend(self._torn())
                except StoreMissing:
                    continue
                except Exception as error:  # noqa: BLE001 - it is told by the thread that plays
                    wrong.append(repr(error))

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if wrong:
            raise Wrong(f"seed {self.seed}: a reader saw {wrong[:5]}")

    def _torn(self) -> list[str]:
        with indexer.open(self.store) as store:
            rows = store.sql(_WHOLE).fetchall()
        self.tally["reads"] += 1
        return [str(row) for row in rows if row[1] != row[2]]


_WHOLE = """
select 'layers', (select coalesce(sum(layer_count), 0) from all_manifests), (select count(*) from all_layers)
union all
select 'digests', (select count(distinct manifest_digest) from all_manifests), (select count(*) from all_manifests)
union all
select 'images', (select coalesce(sum(images), 0) from runs), (select count(*) from image_history)
union all
select 'failures', (select coalesce(sum(failures), 0) from runs), (select count(*) from failure_history)
"""


def children(pid: int) -> list[int]:
    """Return the processes that a process started, where the system tells."""
    with suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    return []


def main() -> int:
    """Play until there were enough minutes and kills; print what was done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--kills", type=int, default=200, help="at least so many, however long it takes")
    parser.add_argument("--size", type=int, default=3000, help="manifests in the registries")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    # No credentials or settings of whoever runs this.
    for name in [name for name in os.environ if name.startswith(("AWS_", "INDEXER_"))]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "AKIDLOCAL",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    tally: Counter[str] = Counter()
    began, seed = time.monotonic(), asked.seed
    while time.monotonic() - began < asked.minutes * 60 or tally["kills"] < asked.kills:
        print(f"seed {seed}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            chaos = Chaos(Path(folder), seed, asked.size)
            chaos.play(nights=4, kills=_MOST_KILLS)
        tally += chaos.tally
        seed += 1
        print(f"  {time.monotonic() - began:,.0f} s, {json.dumps(dict(sorted(tally.items())))}", flush=True)
    print(
        f"every table said what the registries held, after each of {tally['nights']} nights and {tally['kills']} kills"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
