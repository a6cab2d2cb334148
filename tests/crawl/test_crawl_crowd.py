"""As many threads work as keep the process busy, and none waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from indexer.crawl.crowd import Crowd
from indexer.crawl.stop import windowed


class Times:
    """A clock, and a CPU that is used to a certain share."""

    def __init__(self) -> None:
        self.now = self.used = 0.0

    def go_on(self, seconds: float, share: float) -> None:
        self.now += seconds
        self.used += seconds * share


def crowd_of(most: int) -> tuple[Crowd, Times]:
    times = Times()
    return Crowd(most, clock=lambda: times.now, cpu=lambda: times.used), times


def pass_by(crowd: Crowd, times: Times, seconds: float, share: float) -> int:
    with crowd.turn():
        times.go_on(seconds, share)
    return crowd.limit


def test_where_answers_take_long_all_are_let_in() -> None:
    crowd, times = crowd_of(32)
    assert [pass_by(crowd, times, 0.1, 0.05) for _ in range(7)] == [2, 4, 8, 16, 32, 32, 32]


def test_where_answers_come_at_once_one_is_let_in() -> None:
    crowd, times = crowd_of(4)
    assert [pass_by(crowd, times, 0.1, 0.1) for _ in range(2)] == [2, 4]
    assert [pass_by(crowd, times, 0.3, 1.0) for _ in range(6)] == [4, 2, 2, 1, 1, 1]
    assert [pass_by(crowd, times, 0.3, 0.9) for _ in range(3)] == [1, 1, 1], "busy enough, and not too busy"


def test_a_process_that_does_not_get_its_cpu_lets_no_more_in() -> None:
    """Flattening takes three times its CPU: the process is as busy as it can be with a third of a processor."""
    crowd, times = crowd_of(8)
    for _ in range(4):
        crowd.computing.seconds += 0.03
        crowd.computing.elapsed += 0.09
        pass_by(crowd, times, 0.1, 0.33)
    busy = crowd.limit
    for _ in range(4):
        pass_by(crowd, times, 0.1, 0.05)
    assert (busy, crowd.limit) == (1, 8), "where it gets as much as before and uses less, those who wait are let in"


def test_one_is_enough_as_soon_as_it_is_seen_to_keep_the_process_busy() -> None:
    crowd, times = crowd_of(8)
    assert not crowd.one_is_enough, "nobody knows yet how long answers take"
    pass_by(crowd, times, 0.1, 0.9)
    assert crowd.one_is_enough
    pass_by(crowd, times, 0.1, 0.5)
    assert (crowd.limit, crowd.one_is_enough) == (2, False)
    while crowd.limit > 1:
        pass_by(crowd, times, 0.3, 1.0)
    assert crowd.one_is_enough


def test_what_is_done_here_and_by_others_comes_in_order() -> None:
    """Numbers of those that may wait: others do the work while it is not 0, and this thread does while it is."""
    here, ahead = threading.get_ident(), iter([2] * 7 + [0] * 4 + [3] * 500)
    with ThreadPoolExecutor(4) as pool:
        done = list(windowed(pool, lambda n: (n, threading.get_ident() == here), range(30), ahead=lambda: next(ahead)))
    assert [number for number, _ in done] == list(range(30))
    mine = [number for number, is_mine in done if is_mine]
    assert 0 < len(mine) < 5
    assert mine == list(range(mine[0], mine[0] + len(mine)))


def test_a_burst_of_answers_lets_no_fewer_in() -> None:
    crowd, times = crowd_of(8)
    for share in [0.0] * 3 + [1.0, 1.0, 1.0, 0.0] * 5:
        pass_by(crowd, times, 0.1, share)
    assert crowd.limit == 8


def test_it_does_not_look_all_the_time() -> None:
    crowd, times = crowd_of(32)
    assert [pass_by(crowd, times, 0.001, 0.0) for _ in range(19)] == [1] * 19
    assert pass_by(crowd, times, 0.002, 0.0) == 2


def test_no_more_are_inside_than_the_limit() -> None:
    crowd = Crowd(3, cpu=lambda: time.monotonic() * 0.5)  # never busy: the limit goes to 3
    inside, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with crowd.turn():
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(100)))
    assert (most, inside) == (3, 0)


def test_one_that_waits_for_long_does_not_hold_up_the_others() -> None:
    """All that are inside hang, in a call or between two attempts: those that wait see it, and get in."""
    crowd, hang, done = Crowd(8), threading.Event(), threading.Semaphore(0)

    def hangs() -> None:
        with crowd.turn():
            hang.wait(30)

    def works() -> None:
        with crowd.turn():
            done.release()

    with ThreadPoolExecutor(16) as pool:
        for _ in range(4):
            pool.submit(hangs)
        for _ in range(8):
            pool.submit(works)
        for _ in range(8):
            assert done.acquire(timeout=10)
        hang.set()


def test_an_error_gives_the_place_back() -> None:
    crowd, _ = crowd_of(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), crowd.turn():
            raise ZeroDivisionError
    with crowd.turn():
        pass
