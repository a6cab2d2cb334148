"""The pace: no second has more requests than configured, idle time is not saved up, throttles slow it down."""

from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.ecr import Before, Pace, Turn

SECOND = 1.05
"""In which a pace lets go what a second may hold."""


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def departures(pace: Pace, time: Time, pauses: list[float]) -> list[float]:
    found = []
    for pause in pauses:
        time.now += pause
        pace.wait()
        found.append(time.now)
    return found


@given(st.floats(0.5, 50), st.lists(st.one_of(st.just(0.0), st.floats(0, 3)), min_size=2, max_size=120))
def test_every_second_holds_at_most_the_rate(rate: float, pauses: list[float]) -> None:
    time = Time()
    left = departures(Pace(rate, clock=time.clock, sleep=time.sleep), time, pauses)
    for start in left:
        assert sum(start <= each < start + 1 for each in left) <= max(rate, 1)


@given(
    st.floats(0.5, 60),
    st.lists(st.tuples(st.one_of(st.just(0.0), st.floats(0, 1)), st.floats(0, 0.4)), min_size=2, max_size=150),
)
def test_a_late_thread_makes_no_second_too_full(rate: float, calls: list[tuple[float, float]]) -> None:
    """A thread may sleep longer than it asked for: the requests after it must not come on top of its own."""
    time = Time()
    late = [0.0]

    def sleep(seconds: float) -> None:
        time.sleep(seconds + late[0])

    pace = Pace(rate, clock=time.clock, sleep=sleep)
    left = []
    for pause, late[0] in calls:
        left += departures(pace, time, [pause])
    for start in left:
        assert sum(start <= each < start + 1 for each in left) <= max(rate, 1)


def test_threads_that_all_wake_late_leave_one_second_apart() -> None:
    """Ten threads have their moments, the machine is busy, and all wake up at once with ten more behind them."""
    time = Time()
    held = threading.Barrier(10)
    left, slow = [], threading.local()

    def sleep(seconds: float) -> None:
        if not getattr(slow, "woken", False):
            slow.woken = True
            held.wait(10)  # nobody goes on before all of them sleep
            time.now = max(time.now, 105.0)
            return
        time.now = max(time.now, 105.0 + seconds)

    pace = Pace(10, clock=time.clock, sleep=sleep)
    pace.wait()  # the first waits for nothing

    def leave() -> None:
        pace.wait()
        left.append(time.now)

    threads = [threading.Thread(target=leave) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([each for each in left if each < 106.0]) <= 10
    slow.woken = True
    pace.wait()
    assert time.now >= 106.0, "the eleventh in that second is one too many"


def test_idle_time_is_not_saved_up() -> None:
    time = Time()
    pace = Pace(10, clock=time.clock, sleep=time.sleep)
    pace.wait()
    time.now += 60
    left = departures(pace, time, [0.0] * 11)
    assert left[-1] - left[0] == pytest.approx(SECOND)


@pytest.mark.parametrize("rate", [0.2, 5])
def test_nobody_waits_where_nothing_is_to_leave_any_more(rate: float) -> None:
    time, slept = Time(), []

    def stopped(seconds: float) -> bool:
        slept.append(seconds)
        return True

    pace = Pace(rate, clock=time.clock, sleep=stopped)
    for _ in range(10):
        pace.wait()
    assert len(slept) == 9, "each once, and none in a circle"
    assert time.now == 100.0


def test_throttles_slow_down_and_time_recovers() -> None:
    time = Time()
    pace = Pace(100, clock=time.clock, sleep=time.sleep)

    def rate() -> float:
        left = departures(pace, time, [0.0] * 6)
        return 5 / (left[-1] - left[0])

    assert rate() == pytest.approx(100 / SECOND, rel=0.05)
    pace.throttled()
    assert rate() == pytest.approx(70 / SECOND, rel=0.05)
    pace.throttled()
    pace.throttled()
    assert rate() == pytest.approx(70 / SECOND, rel=0.05), "throttles of one moment count once"
    for _ in range(50):
        time.now += 1.5
        pace.throttled()
    assert 1 < rate() < 30, "it falls further, and never to nothing"
    time.now += 60
    assert rate() == pytest.approx(100 / SECOND, rel=0.05)


def test_waiting_is_counted() -> None:
    time = Time()
    pace = Pace(10, clock=time.clock, sleep=time.sleep)
    departures(pace, time, [0.0] * 11)
    assert pace.waited == pytest.approx(SECOND)


def test_threads_share_it() -> None:
    slots: list[float] = []
    pace = Pace(1000, clock=lambda: 0.0, sleep=slots.append)
    threads = [threading.Thread(target=departures, args=(pace, Time(), [0.0] * 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({round(slot, 6) for slot in slots}) == 399, (
        "no two requests have the same slot; the first waits for none"
    )


@given(
    st.floats(0.5, 200),
    st.integers(2, 6),
    st.lists(st.tuples(st.integers(0, 5), st.one_of(st.just(0.0), st.floats(0, 0.5))), min_size=2, max_size=150),
)
def test_processes_hold_the_rate_together(rate: float, count: int, calls: list[tuple[int, float]]) -> None:
    """Each process has a clock of its own here, so that they drift apart as they like."""
    clocks = [Time() for _ in range(count)]
    paces = [Pace(rate, Turn(at, count), clock=time.clock, sleep=time.sleep) for at, time in enumerate(clocks)]
    left = sorted(departures(paces[who % count], clocks[who % count], [pause])[0] for who, pause in calls)
    for start in left:
        assert sum(start <= each < start + 1 for each in left) <= max(rate, count)


def test_processes_use_the_whole_rate() -> None:
    clocks = [Time() for _ in range(3)]
    left = []
    for at, time in enumerate(clocks):
        # The first leaves at once, those that follow it closely in turns.
        left += departures(Pace(30, Turn(at, 3), clock=time.clock, sleep=time.sleep), time, [0.0] * 102)[1:]
    assert max(left) - min(left) == pytest.approx(10 * SECOND, abs=0.2), "303 requests, 30 a second"
    assert min(after - before for before, after in itertools.pairwise(sorted(left))) == pytest.approx(
        SECOND / 30, rel=0.01
    )


@given(
    st.integers(1, 60),
    st.integers(2, 6),
    st.lists(st.one_of(st.just(0.0), st.floats(0, 0.3)), max_size=80),
    st.floats(0, 0.5),
)
def test_further_processes_leave_what_was_used_of_the_last_second(
    rate: int, count: int, pauses: list[float], start_up: float
) -> None:
    time = Time()
    first = Pace(rate, clock=time.clock, sleep=time.sleep)
    left = departures(first, time, pauses)
    before, began = Before(tuple(left)), time.now + start_up
    for at in range(min(count, rate)):
        time.now = began
        pace = Pace(rate, Turn(at, min(count, rate)), before=before, clock=time.clock, sleep=time.sleep)
        left += departures(pace, time, [0.0] * (2 * rate // count + 2))
    for start in left:
        assert sum(start <= each < start + 1 for each in left) <= rate


_PAUSES = st.lists(st.one_of(st.just(0.0), st.floats(0, 0.3)), max_size=60)


@given(st.integers(2, 60), st.integers(2, 5), _PAUSES, _PAUSES)
def test_a_process_that_shares_its_rate_with_others_from_then_on_holds_it(
    rate: int, count: int, alone: list[float], beside: list[float]
) -> None:
    """The first process asks alone, then beside others."""
    time, count = Time(), min(count, rate)
    first = Pace(rate, clock=time.clock, sleep=time.sleep)
    left = departures(first, time, alone)
    before, began = first.divide(count), time.now
    left += departures(first, time, [*beside, *[0.0] * (2 * rate // count + 2)])
    for at in range(1, count):
        clock = Time()
        clock.now = began
        pace = Pace(rate, Turn(at, count), before=before, clock=clock.clock, sleep=clock.sleep)
        left += departures(pace, clock, [0.0] * (2 * rate // count + 2))
    for start in left:
        assert sum(start <= each < start + 1 for each in left) <= max(rate, count)


def test_further_processes_begin_at_once_where_little_was_used() -> None:
    time = Time()
    first = Pace(100, clock=time.clock, sleep=time.sleep)
    departures(first, time, [0.0] * 10)
    pace = Pace(100, Turn(0, 2), before=first.divide(2), clock=time.clock, sleep=time.sleep)
    began = time.now
    assert departures(pace, time, [0.0])[0] - began < 0.05


def test_a_process_that_asks_now_and_then_waits_for_no_turn() -> None:
    time = Time()
    pace = Pace(100, Turn(1, 4), clock=time.clock, sleep=time.sleep)
    departures(pace, time, [0.0, *[0.05] * 20])
    assert pace.waited == 0.0


def test_further_processes_go_at_the_pace_that_the_registry_forced_on_the_first() -> None:
    time = Time()
    first = Pace(100, clock=time.clock, sleep=time.sleep)
    first.throttled()
    before = first.divide(2)
    assert before.share == pytest.approx(0.7)
    pace = Pace(100, Turn(1, 2), before=before, clock=time.clock, sleep=time.sleep)
    left = departures(pace, time, [0.0] * 30)
    assert (left[-1] - left[0]) / 29 == pytest.approx(SECOND / 50 / 0.73, rel=0.07)
    departures(pace, time, [0.0] * 400)
    assert pace.divide(2).share == 1.0, "it recovers as the first one does"


def test_a_process_that_is_throttled_slows_down_in_its_turns() -> None:
    time = Time()
    pace = Pace(100, Turn(1, 2), clock=time.clock, sleep=time.sleep)
    pace.throttled()
    left = departures(pace, time, [0.0] * 30)
    assert (left[-1] - left[0]) / 29 == pytest.approx(SECOND / 50 / 0.73, rel=0.07)
    for moment in left[1:]:
        slot = moment * 50 / SECOND - 0.5
        assert slot == pytest.approx(round(slot), abs=1e-4), "it keeps to its slots"
