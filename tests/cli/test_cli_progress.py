"""Progress: what is said about a run while it goes on."""

from __future__ import annotations

import threading

from indexer.cli.progress import Meter, logging
from indexer.crawl import Progress


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
