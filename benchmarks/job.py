"""The job itself, as `indexer run` runs it.

    python benchmarks/job.py URL FOLDER [--processes N] [--connections N] [--rate R]

Prints what it used as JSON.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from indexer.lean import collect_rarely, without_pandas

collect_rarely()
without_pandas()  # as the command does

# ruff: noqa: E402 - see above
from measure import measured

from indexer.config import Config
from indexer.crawl import crawl
from indexer.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", default="1")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2000)
    options = parser.parse_args()
    fetch = {
        "requests_per_second": options.rate,
        "connections": options.connections,
        "processes": options.processes if options.processes == "auto" else int(options.processes),
    }
    registry = {"regions": ("eu-west-1",), "endpoint_url": options.url}
    config = Config.model_validate({"store": str(options.folder), "registries": (registry,), "fetch": fetch})
    with measured() as found:
        summary = crawl(config, Store.create_or_open(options.folder))
        found |= {
            "manifests": summary.row.manifests_fetched,
            "images": summary.row.images,
            "requests": summary.row.requests,
            "failures": summary.row.failures,
            "waited": summary.waited,
        }


if __name__ == "__main__":
    main()
