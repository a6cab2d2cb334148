"""How long each named query takes over a large store, as a multiple of one plain pass over its layers.

    .venv/bin/python benchmarks/queries.py [--images N] [--store FOLDER] [--only NAME ...]

Each query runs in a process of its own that has opened nothing before, with two threads and a memory limit of 2 GiB.
As in the command's, numpy counts as not installed (its threads are busy for a while after it is loaded) and garbage is
looked for rarely. Measured is everything from opening the store to the last row in Arrow, without the imports.

The pass is `select layer_digest, count(*) from layers group by 1` over the bare files (`all_layers`), its rows counted
and not fetched: the limits are of that. Beside it stands the same as a user asks it, of the view `layers`, which has
the layers of what repositories hold.

Each query is run several times, in turns with both passes, as the machine's speed changes from one minute to the next.
Of each the median counts: a pass is short enough to fall into a fast second as a whole, and a query is not.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from indexer.lean import collect_rarely, without_pandas

collect_rarely()
without_pandas()  # as the command does

# ruff: noqa: E402 - see above
from big_store import build

from indexer.catalog import Catalog, Query, fetch, load_queries, shipped_queries
from indexer.front.asking import Asking
from indexer.front.find import find
from indexer.store import Store

SETTINGS: Mapping[str, str | int] = {"threads": 2, "memory_limit": "2GiB"}
BASE, BARE, FIND, FIND_LAYER = "(the view)", "(one pass)", "(indexer find TAG)", "(indexer find DIGEST)"
PASSES = {
    BASE: "select layer_digest, count(*) from layers group by 1",
    BARE: "select count(*), sum(n) from (select layer_digest, count(*) as n from all_layers group by 1)",
}
TIMES = 6.0
LOOK_UP = 0.5
LOOK_UPS = {"images-with-layer", "index-tree", "tag-history", FIND, FIND_LAYER}
"""What looks one thing up, and so has half of a pass."""


class Measured(NamedTuple):
    """One run: time and processor time from opening the store to the last row, the process's peak memory, and rows."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    rows: int
    error: str = ""


def main() -> None:
    arguments = _arguments()
    folder = arguments.store or Path("/tmp") / f"indexer-bench-{arguments.images}"  # noqa: S108 - named in the help
    if arguments.measure is not None:
        print(json.dumps(_measure(folder, arguments.measure, json.loads(arguments.parameters))))
        return
    if not (folder / "runs").is_dir():
        build(folder, arguments.images, arguments.nights)
    samples = _samples(folder)
    print(_about(folder))
    print("| query | rows | seconds | the view | of the view | limit | passes | in processor time | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    over = []
    for name, given in samples.items():
        if arguments.only and name not in arguments.only:
            continue
        base, bare, found = _middle(folder, [(BASE, {}), (BARE, {}), (name, given)], arguments.repeat)
        limit = LOOK_UP if name in LOOK_UPS else TIMES
        passes = found.seconds / bare.seconds
        if found.error or passes > limit:
            over.append(name)
        mark = f" {found.error}" if found.error else " **over**" if passes > limit else ""
        cells = [
            name,
            f"{found.rows:,}",
            f"{found.seconds:.2f}",
            f"{base.seconds:.2f}",
            f"{found.seconds / base.seconds:.2f}",
            f"{limit:g}",
            f"{passes:.2f}{mark}",
        ]
        cells += [f"{found.cpu_seconds / bare.cpu_seconds:.2f}", f"{found.peak_mib:,.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nover the limit: {', '.join(over) or 'none'}")


def _middle(folder: Path, asked: Sequence[tuple[str, Mapping[str, object]]], repeat: int) -> list[Measured]:
    """Return of each question the median of so many runs, all of them in turns; of an even number the shorter one."""
    rounds = [[_in_a_process(folder, name, given) for name, given in asked] for _ in range(repeat)]
    return [
        sorted(runs, key=lambda one: (one.error, one.seconds))[(repeat - 1) // 2] for runs in zip(*rounds, strict=True)
    ]


def _in_a_process(folder: Path, name: str, given: Mapping[str, object]) -> Measured:
    command = [sys.executable, __file__, "--store", str(folder), "--measure", name, "--parameters", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - this file
    if done.returncode:
        return Measured(float("inf"), 0, 0, 0, done.stderr.strip().splitlines()[-1][:100])
    return Measured(*json.loads(done.stdout))


def _measure(folder: Path, name: str, given: Mapping[str, Any]) -> Measured:
    start, cpu = time.perf_counter(), time.process_time()
    store = Store.open(folder)
    with Catalog(store.files().tables, folder=store.folder, settings=SETTINGS) as catalog:
        if name in {FIND, FIND_LAYER}:
            find(Asking(catalog, store.location), given["text"])
            rows = 1
        elif name in PASSES:
            rows = fetch(catalog.sql(PASSES[name])).num_rows
        else:
            rows = fetch(catalog.query(name, given)).num_rows
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
    return Measured(seconds, cpu_seconds, _peak_mib(), rows)


def _peak_mib() -> float:
    """The most memory this process had; what the system says of a child counts its parent, as it was at the fork."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _samples(folder: Path) -> dict[str, dict[str, object]]:
    """Return each query with a value for every parameter that it requires, taken from the store."""
    store = Store.open(folder)
    with Catalog(store.files().tables, folder=store.folder) as catalog:
        statement = (
            "select repository, tags[1] as tag, manifest_digest as image, layer_digest as layer "
            "from images inner join layers using (manifest_digest) where len(tags) > 0 and repository like 'team%' "
            "order by pushed_at desc, manifest_digest, position limit 1"
        )
        sample = fetch(catalog.sql(statement)).to_pylist()[0]
        named = "select repository || ':' || tag as image from tags where repository like 'base/%' order by 1 limit 1"
        base = fetch(catalog.sql(named)).to_pylist()[0]["image"]
        index = fetch(catalog.sql("select min(index_digest) as digest from index_entries")).to_pylist()[0]["digest"]
    own: dict[str, dict[str, object]] = {
        "derived-images": {"image": base},
        "images-with-layer": {"digest": sample["layer"]},
        "index-tree": {"digest": index},
        "tag-history": {"repository": sample["repository"]},
    }
    every = {
        query.name: own.get(query.name) or _given(query, sample) for query in load_queries([shipped_queries()]).values()
    }
    return {**every, FIND: {"text": f"{sample['repository']}:{sample['tag']}"}, FIND_LAYER: {"text": sample["layer"]}}


def _given(query: Query, sample: Mapping[str, object]) -> dict[str, object]:
    values = {"digest": sample["image"], "glob": "team-0*", "text": sample["repository"]}
    return {parameter.name: values[parameter.type] for parameter in query.parameters if parameter.required}


def _about(folder: Path) -> str:
    store = Store.open(folder)
    with Catalog(store.files().tables, folder=store.folder) as catalog:
        counts = [
            fetch(catalog.sql(f"select count(*) as n from {table}")).to_pylist()[0]["n"]  # noqa: S608 - names from here
            for table in ("images", "image_history", "all_manifests", "all_layers", "runs")
        ]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    words = "{:,} images ({:,} in all {runs} runs), {:,} manifests, {:,} layer rows, {size:,.0f} MiB"
    return words.format(*counts[:4], runs=counts[4], size=size / 2**20)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000, help="images in the store that is built")
    parser.add_argument("--nights", type=int, default=3, help="runs in the store that is built")
    parser.add_argument("--store", type=Path, help="built here if absent; default /tmp/indexer-bench-IMAGES")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each query, of which the median counts")
    parser.add_argument("--only", nargs="*", help="queries to run; default all")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--parameters", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
