"""What a crawl costs beside the least that it could cost, all in one run.

    python benchmarks/crawl.py [--images 20000] [--rounds 3] [--only cost,cores,latency,rate,nightly,memory]

Starts a registry in a process of its own (fast_registry.py) and lets each contender index it in a process of its own:
floor.py, plain.py, and the job with one process and with one for each core. Figures are microseconds of CPU for each
manifest, user and system, all processes of the contender together, the registry's left out; of several rounds the
median, with the lowest and the highest.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peak import Peak

_HERE = Path(__file__).parent
_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "ARROW_DEFAULT_MEMORY_POOL": "system",  # as `indexer` sets it; here for all contenders
}
Result = dict[str, Any]


class Registry:
    """A registry that is served by another process."""

    def __init__(self, url: str) -> None:
        self.url = url

    def counts(self) -> Result:
        """Return what it counted since the last time it was asked."""
        with urllib.request.urlopen(self.url) as answer:  # noqa: S310 - our own registry
            found: Result = json.loads(answer.read())
        return found


@contextmanager
def registry(images: int, *options: str) -> Iterator[Registry]:
    """Serve so many images while the block lasts."""
    command = [sys.executable, str(_HERE / "fast_registry.py"), str(images), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - ours
        try:
            yield Registry(process.stdout.readline().strip() if process.stdout else "")
        finally:
            process.kill()


def warm(folder: Path) -> None:
    """Have Python compile what the contenders import, once for all of them, as pip does where it installs.

    Without, each process of a job that starts several would compile everything anew, which takes a second and a half.
    """
    _ENVIRONMENT["PYTHONDONTWRITEBYTECODE"] = ""
    _ENVIRONMENT["PYTHONPYCACHEPREFIX"] = str(folder)
    with registry(300) as served:
        for program, *options in (("floor.py",), ("plain.py",), ("job.py", "--processes", "2")):
            contend(program, served, folder / program, *options)


def contend(program: str, served: Registry, folder: Path, *options: str) -> Result:
    """Run a contender in a process of its own; return what it used and what the registry saw of it."""
    served.counts()
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, str(_HERE / program), served.url, str(folder), *options]
    environment = os.environ | _ENVIRONMENT
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603 - ours
    with process, Peak(process.pid) as peak:
        output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{program} ended with {process.returncode}")
    result: Result = json.loads(output.splitlines()[-1])
    return result | {"registry": served.counts(), "peak": peak.megabytes, "processes": peak.processes}


def per_manifest(result: Result) -> float:
    """Return microseconds of CPU for each manifest."""
    return 1e6 * float(result["cpu"]) / int(result["manifests"])


def cost(options: argparse.Namespace, folder: Path) -> None:
    """Compare the CPU of the contenders, round after round, so that a noisy moment meets all alike."""
    cores = str(options.cores)
    contenders: dict[str, Sequence[str]] = {
        "floor": ("floor.py",),
        "plain boto3": ("plain.py",),
        "job, 1 process": ("job.py", "--processes", "1"),
        f"job, {cores} processes": ("job.py", "--processes", cores),
    }
    found: dict[str, list[Result]] = {name: [] for name in contenders}
    with registry(options.images) as served:
        for round_ in range(options.rounds):
            for name, (program, *more) in contenders.items():
                found[name].append(contend(program, served, folder / f"{name} {round_}", *more))
    print(f"{options.images:,} images, {options.rounds} rounds: microseconds of CPU for each manifest")
    floor = statistics.median(map(per_manifest, found["floor"]))
    plain = statistics.median(map(per_manifest, found["plain boto3"]))
    for name, results in found.items():
        figures = sorted(map(per_manifest, results))
        middle = statistics.median(figures)
        wall = statistics.median(float(each["wall"]) for each in results)
        print(
            f"  {name:16} {middle:7.1f} ({figures[0]:.1f} to {figures[-1]:.1f})"
            f"   {middle / floor:5.2f} x floor   {middle / plain:5.2f} x plain"
            f"   {wall:6.2f} s   {max(each['peak'] for each in results):6.0f} MB"
        )
    server = statistics.median(1e6 * each["registry"]["cpu"] / each["manifests"] for each in found["job, 1 process"])
    print(f"  {'the registry':16} {server:7.1f}")
    print_sizes(folder / "job, 1 process 0", options.images)


def print_sizes(store: Path, images: int) -> None:
    """Print the bytes of each table."""
    tables = [each for each in sorted(store.iterdir()) if each.is_dir() and each.name != "staging"]
    sizes = {each.name: sum(file.stat().st_size for file in each.iterdir()) for each in tables}
    told = ", ".join(f"{name} {size / images:.0f}" for name, size in sizes.items())
    print(f"store: {sum(sizes.values()) / images:.0f} bytes for each image: {told}")


def cores(options: argparse.Namespace, folder: Path) -> None:
    """Compare the wall time of a whole run with one process and with more, the registry's share taken out.

    With one process the registry has a core of its own. With one for each core it takes its time from theirs.
    """
    best: dict[int, tuple[float, float]] = {}
    with registry(options.images) as served:
        for round_ in range(options.rounds):
            for count in (1, options.cores):  # in turns, since the machine's speed changes
                found = contend("job.py", served, folder / f"cores {count} {round_}", "--processes", str(count))
                share = found["registry"]["cpu"] / options.cores if count > 1 else 0.0
                cpu = found["cpu"] + found["registry"]["cpu"]
                print(f"  {count} processes: {found['wall']:.2f} s of wall, {cpu:.2f} s of CPU with the registry")
                best[count] = min(best.get(count, (math.inf, 0.0)), (found["wall"], found["wall"] - share))
    (one, _), (several, alone) = best[1], best[options.cores]
    print(f"cores: {options.cores} processes are {one / several:.2f} times as fast as one")
    print(f"  {one / alone:.2f} times with the registry's time taken out")


def latency(options: argparse.Namespace, folder: Path) -> None:
    """Answers that take 100 ms, 32 connections: is the time that of the answers?"""
    with registry(options.images, "--latency", "0.1") as served:
        found = contend("job.py", served, folder / "latency", "--connections", "32", "--processes", "auto")
    calls = sum(found["registry"]["calls"].values())
    ideal = calls * 0.1 / 32
    print(f"latency: {calls} calls of 100 ms over 32 connections: {found['wall']:.2f} s, ideal {ideal:.2f} s")


def rate(options: argparse.Namespace, folder: Path) -> None:
    """Ask for 50 a second, and look at the busiest second that the registry saw; then throttle 5 % of the requests."""
    images = min(options.images, 20_000)
    with registry(images) as served:
        found = contend("job.py", served, folder / "rate", "--rate", "50", "--processes", str(options.cores))
    seen = found["registry"]
    calls = sum(seen["calls"].values())
    print(f"rate: limit 50 a second: {calls} calls in {seen['seconds']:.1f} s, {seen['busiest_second']} in the busiest")
    with registry(images, "--throttle", "0.05") as served:
        found = contend("job.py", served, folder / "throttle", "--processes", str(options.cores))
    seen = found["registry"]
    print(f"throttling: {seen['throttled']} of {sum(seen['calls'].values())} refused, {found['failures']} failures")


def nightly(options: argparse.Namespace, folder: Path) -> None:
    """A cold run, one with nothing new, and one with a hundredth new."""
    store = folder / "nightly"
    with registry(options.images, "--share", "0.99") as served:
        cold = contend("job.py", served, store)
        same = contend("job.py", served, store)
    with registry(options.images) as served:
        more = contend("job.py", served, store)
    for name, each in (("nothing new", same), ("1 % new", more)):
        calls = each["registry"]["calls"].get("BatchGetImage", 0)
        share = float(each["cpu"]) / float(cold["cpu"])
        print(f"nightly, {name}: {calls} calls of BatchGetImage, {each['cpu']:.2f} s of CPU, {share:.1%} of a cold run")


def memory(options: argparse.Namespace, folder: Path) -> None:
    """The sum of all processes' peak resident memory."""
    for images in options.sizes:
        with registry(images) as served:
            found = contend("job.py", served, folder / f"memory {images}", "--processes", "auto")
        processes = found["processes"]
        print(f"memory: {images:,} images: {found['peak']:.0f} MB in {processes} processes, {found['wall']:.1f} s")
        print_sizes(folder / f"memory {images}", images)


PARTS: dict[str, Callable[[argparse.Namespace, Path], None]] = {
    "cost": cost,
    "cores": cores,
    "latency": latency,
    "rate": rate,
    "nightly": nightly,
    "memory": memory,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sizes", default="10000,100000", help="images for the memory's curve")
    parser.add_argument("--only", default=",".join(PARTS))
    options = parser.parse_args()
    options.sizes = [int(each) for each in options.sizes.split(",")]
    print(f"{options.cores} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        warm(Path(folder))
        _parts(options)


def _parts(options: argparse.Namespace) -> None:
    for name in options.only.split(","):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            PARTS[name](options, Path(folder))


if __name__ == "__main__":
    main()
