"""Progress: what is said about a run while it goes on."""

from __future__ import annotations

import threading
import time

from indexer.cli.progress import Meter, logging
from indexer.config import RegistryConfig
from indexer.crawl import Progress
from indexer.crawl.targets import Walk
from indexer.ecr import Ecr, Pace, Target, Trouble, connect


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_listing_says_what_was_found() -> None:
    progress = Progress(phase="listing")
    progress.count(repositories_found=12, repositories_listed=3, images=1234, wanted=1000)
    line = "listing: 3 of 12 repositories, 1,234 images, 1,000 manifests to fetch"
    assert Meter(progress).line() == line
    progress.count(failures=1)
    assert Meter(progress).line() == f"{line}, 1 failure"


def test_fetching_has_a_rate_of_the_last_seconds() -> None:
    progress, clock = Progress(phase="fetching"), Clock()
    progress.count(wanted=10_000)
    meter = Meter(progress, clock)
    assert meter.line() == "fetching: 0 of 10,000 manifests, 0 a second"
    for _ in range(30):
        clock.now += 1
        progress.count(fetched=100)
        line = meter.line()
    assert line == "fetching: 3,000 of 10,000 manifests, 100 a second, 70 seconds left"
    assert meter.found() == "0 repositories, 0 images"
    assert meter.fields()["seconds_left"] == 70
    for _ in range(30):
        clock.now += 1
        line = meter.line()
    assert line == "fetching: 3,000 of 10,000 manifests, 0 a second"
    assert meter.fields()["seconds_left"] is None


def walks(count: int) -> list[Walk]:
    """Targets of one registry each, which nobody calls."""
    registry = RegistryConfig(regions=("eu-west-1",))
    targets = [
        Target("eu-west-1", "1" * 11 + str(number), endpoint_url="http://127.0.0.1:9") for number in range(count)
    ]
    ecrs = [Ecr(connect(target, connections=1), target, Pace(5), max_attempts=1) for target in targets]
    return [Walk(at, target, registry, ecr, at) for at, (target, ecr) in enumerate(zip(targets, ecrs, strict=True))]


def test_calls_that_fail_are_told_after_some_seconds() -> None:
    progress, clock = Progress(phase="fetching"), Clock()
    progress.targets = one, other = walks(2)
    meter = Meter(progress, clock)
    error = "BatchGetImage: EndpointConnectionError: Could not connect to the endpoint URL"
    other.ecr.health.trouble = Trouble(0.0, 12, error)
    assert meter.waiting() is None
    clock.now = 3
    said = f"waiting for {other.target}: 12 calls failed in 3 seconds, to be tried again; {error}"
    assert meter.waiting() == meter.fields()["waiting"] == said
    progress.targets = [other]
    assert meter.waiting() == said.replace(f" for {other.target}", "")
    other.ecr.health.answered()
    assert meter.waiting() is None
    one.ecr.health.trouble = Trouble(0.0, 1, error)
    one.ecr.health.trip("it is down")
    progress.targets = [one]
    assert meter.waiting() is None, "nobody waits for it any more"


def test_that_nothing_comes_is_told() -> None:
    progress, clock = Progress(phase="fetching"), Clock()
    progress.targets = walks(1)
    meter = Meter(progress, clock)
    assert meter.waiting() is None
    clock.now = 12
    assert meter.waiting() == "waiting: nothing has come for 12 seconds"
    progress.count(fetched=1)
    assert meter.waiting() is None
    clock.now = 30
    progress.targets[0].ecr.waiting = 1
    assert meter.waiting() is None, "calls wait for their turn, which is told"
    progress.phase = "committing"
    clock.now = 60
    assert meter.waiting() is None


def test_the_rate_of_requests_is_told_where_calls_wait_for_it() -> None:
    progress = Progress(phase="listing")
    progress.targets = walks(2)
    line = "listing: 0 of 0 repositories, 0 images, 0 manifests to fetch"
    assert Meter(progress, limit=5).line() == line
    progress.targets[1].ecr.waiting = 3
    assert Meter(progress, limit=5).line() == f"{line}, paced to 5 requests a second"
    assert Meter(progress, limit=0.5).line().endswith("paced to 0.5 requests a second")


def test_that_calls_fail_is_written_at_once_and_once() -> None:
    progress, lines, wrote = Progress(), list[str](), threading.Event()
    progress.targets = walks(1)
    health = progress.targets[0].ecr.health

    def write(line: str, _: object) -> None:
        lines.append(line)
        wrote.set()

    with logging(Meter(progress, lambda: 100.0), write, every=1000, look=0.001):
        progress.phase = "listing"
        assert wrote.wait(60)
        wrote.clear()
        health.trouble = Trouble(0.0, 7, "ListImages: no")
        assert wrote.wait(60)
        time.sleep(0.1)
        health.answered()
        progress.phase = "done"
    listing = "listing: 0 of 0 repositories, 0 images, 0 manifests to fetch"
    assert lines[:2] == [
        listing,
        f"{listing}; waiting: 7 calls failed in 100 seconds, to be tried again; ListImages: no",
    ]
    assert lines[2:] == ["done"]


def test_a_phase_is_told_of_again_soon() -> None:
    """Ten seconds later the listing of a small registry is over, and nobody would have seen that it went on."""
    progress, lines, enough = Progress(), list[tuple[float, str]](), threading.Event()

    def write(line: str, _: object) -> None:
        lines.append((time.monotonic(), line))
        if len(lines) == 2:
            enough.set()

    with logging(Meter(progress), write, look=0.01):
        progress.phase = "listing"
        assert enough.wait(60)
    assert 1.9 <= lines[1][0] - lines[0][0] < 8


def test_the_bar_is_for_fetching_only() -> None:
    progress = Progress(phase="listing")
    progress.count(wanted=4, fetched=1)
    assert Meter(progress).done is None
    progress.phase = "fetching"
    assert Meter(progress).done == 0.25
    progress.count(fetched=9)
    assert Meter(progress).done == 1.0
    assert Meter(Progress(phase="fetching")).done is None


def test_machines_get_every_figure() -> None:
    progress = Progress(phase="listing")
    progress.count(repositories_found=12, repositories_listed=3, images=1234, wanted=1000, failures=2)
    assert Meter(progress, Clock()).fields() == {
        "phase": "listing",
        "repositories_found": 12,
        "repositories_listed": 3,
        "images": 1234,
        "manifests_to_fetch": 1000,
        "manifests_fetched": 0,
        "manifests_per_second": 0.0,
        "seconds_left": None,
        "failures": 2,
        "bytes": 0,
        "waiting": None,
    }
    assert Meter(progress).found() is None


def test_the_seconds_of_each_phase_are_kept() -> None:
    progress = Progress()
    assert list(progress.seconds) == ["starting"]
    for phase in ("listing", "fetching", "committing", "done"):
        progress.phase = phase
    assert list(progress.seconds) == ["starting", "listing", "fetching", "committing"]
    assert all(seconds >= 0 for seconds in progress.seconds.values())


def test_other_phases_are_just_named() -> None:
    assert Meter(Progress(phase="committing")).line() == "committing"


def test_a_line_is_written_at_each_change_of_phase() -> None:
    progress, lines, wrote = Progress(), list[str](), threading.Event()

    def write(line: str, _: object) -> None:
        lines.append(line)
        wrote.set()

    with logging(Meter(progress), write, every=1000, look=0.001):
        for phase in ("listing", "fetching"):
            wrote.clear()
            progress.phase = phase
            assert wrote.wait(60)
        progress.phase = "done"
    assert [line.split(":")[0] for line in lines] == ["listing", "fetching", "done"]


def test_a_line_is_written_now_and_then() -> None:
    progress, lines, enough = Progress(), list[str](), threading.Event()

    def write(line: str, _: object) -> None:
        lines.append(line)
        if len(lines) > 3:
            enough.set()

    with logging(Meter(progress), write, every=0.001, look=0.001):
        assert enough.wait(60)
    assert all("starting" in line for line in lines)


def ignore(*_: object) -> None:
    pass


def test_the_watcher_ends_with_the_block() -> None:
    with logging(Meter(Progress()), ignore, every=1000, look=1000):
        assert any(thread.name == "progress" for thread in threading.enumerate())
    assert not any(thread.name == "progress" for thread in threading.enumerate())
