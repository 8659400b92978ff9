from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunahub_qbo_plugin.clock import SystemClock
from dunahub_qbo_plugin.errors import LeaseLost
from dunahub_qbo_plugin.qbo.throttle import Throttle, Throttles
from dunahub_qbo_plugin.testing import SteeredClock
from tests.support.host import START

ROUNDING = 1e-6


def most_within(moments: list[float], seconds: float) -> int:
    """Count the most departures in any window that is open at its end."""
    window: deque[float] = deque()
    most = 0
    for moment in sorted(moments):
        window.append(moment)
        while moment - window[0] >= seconds - ROUNDING:
            window.popleft()
        most = max(most, len(window))
    return most


@given(
    per_minute=st.integers(1, 40),
    per_second=st.integers(1, 12),
    gaps=st.lists(st.floats(0, 20, allow_nan=False), min_size=1, max_size=120),
    pauses=st.dictionaries(st.integers(0, 119), st.floats(0, 90, allow_nan=False), max_size=3),
)
@settings(max_examples=200, deadline=None)
def test_no_window_is_ever_exceeded(
    per_minute: int, per_second: int, gaps: list[float], pauses: dict[int, float]
) -> None:
    """Whatever the limits, arrivals and pauses: no second and no minute holds too many."""
    clock = SteeredClock(START)
    throttle = Throttle(clock, per_minute=per_minute, per_second=per_second)
    left: list[float] = []
    for number, gap in enumerate(gaps):
        clock.advance(gap if number % 3 else 0)
        if number in pauses:
            throttle.pause(pauses[number])
            until = clock.monotonic() + pauses[number]
        with throttle.slot() as moment:
            left.append(moment)
        if number in pauses:
            assert left[-1] >= until - ROUNDING
    assert most_within(left, 60) <= per_minute
    assert most_within(left, 1) <= per_second


def test_many_threads_together_keep_the_limits_and_use_them() -> None:
    """16 threads with 3,000 requests exceed no limit and use over 95 % of 500 a minute."""
    clock = SteeredClock(START)
    throttle = Throttle(clock)
    left: list[float] = []
    under_way = 0
    most_under_way = 0
    lock = threading.Lock()

    def send() -> None:
        nonlocal under_way, most_under_way
        with throttle.slot() as moment:
            with lock:
                left.append(moment)
                under_way += 1
                most_under_way = max(most_under_way, under_way)
            with lock:
                under_way -= 1

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(send) for _ in range(3000)]:
            future.result()
    assert len(left) == 3000
    assert most_within(left, 60) <= 490
    assert most_within(left, 1) <= 9
    assert most_under_way <= 8
    assert min(count_per_minute(left)) >= 0.95 * 500


def count_per_minute(left: list[float]) -> list[int]:
    """Count departures in each whole minute since the first."""
    start = min(left)
    minutes = int((max(left) - start) // 60)
    return [
        sum(1 for moment in left if start + 60 * n <= moment < start + 60 * (n + 1))
        for n in range(minutes)
    ]


def test_only_so_many_are_under_way_at_once() -> None:
    """With two places a third request leaves only when one of the first two has ended."""
    throttle = Throttle(SteeredClock(START), at_once=2)
    release = [threading.Event(), threading.Event(), threading.Event()]
    started: list[int] = []
    changed = threading.Condition()

    def send(number: int) -> None:
        with throttle.slot():
            with changed:
                started.append(number)
                changed.notify_all()
            assert release[number].wait(10)

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(send, number) for number in range(3)]
        with changed:
            assert changed.wait_for(lambda: len(started) == 2, 10)
            assert not changed.wait_for(lambda: len(started) == 3, 0.05)
        release[started[0]].set()
        with changed:
            assert changed.wait_for(lambda: len(started) == 3, 10)
        for event in release:
            event.set()
        for future in futures:
            future.result(10)


def test_a_failed_request_gives_its_place_back() -> None:
    """An exception inside the block frees the place like an ordinary end."""
    throttle = Throttle(SteeredClock(START), at_once=1)
    for _ in range(3):
        with pytest.raises(KeyError), throttle.slot():
            raise KeyError
    with throttle.slot():
        pass


def test_the_check_comes_last_and_can_forbid_leaving() -> None:
    """The check runs after the waiting; when it raises nothing leaves and nothing is counted."""
    clock = SteeredClock(START)
    throttle = Throttle(clock, per_minute=1)
    with throttle.slot():
        pass
    seen: list[float] = []

    def check() -> None:
        seen.append(clock.monotonic())
        if len(seen) == 3:
            raise LeaseLost("taken over")

    before = clock.monotonic()
    with pytest.raises(LeaseLost), throttle.slot(check=check):
        pytest.fail("it left")
    assert seen[-1] < before + 60, "a lost lease ends the waiting early"
    with throttle.slot(check=lambda: seen.append(clock.monotonic())) as left:
        pass
    assert left == seen[-1]
    assert left >= before + 60 - ROUNDING


def test_a_pause_holds_one_company_only() -> None:
    """After a 429 the company rests; another company's requests leave at once."""
    clock = SteeredClock(START)
    throttles = Throttles(clock)
    start = clock.monotonic()
    throttles.pause("a", 60)
    throttles.pause("a", 5)
    with throttles.of("b").slot() as left:
        assert left == start
    with throttles.of("a").slot() as left:
        assert left >= start + 60 - ROUNDING


def test_companies_that_send_no_more_cost_no_memory() -> None:
    """A throttle is kept while it may hold a request back, and forgotten minutes after that."""
    clock = SteeredClock(START)
    throttles = Throttles(clock)
    for number in range(1000):
        with throttles.of(f"company-{number}").slot():
            clock.advance(10)
    assert throttles.remembered < 30
    under_way, paused, waited = (throttles.of(name) for name in ("under way", "paused", "waited"))
    paused.pause(3600)
    with under_way.slot():
        clock.advance(1000)
        with waited.slot():
            pass  # long after it was asked for
        throttles.of("another")
        kept = {name: throttles.of(name) for name in ("under way", "paused", "waited")}
        assert kept == {"under way": under_way, "paused": paused, "waited": waited}
    clock.advance(3600)
    throttles.of("yet another")
    assert throttles.remembered == 1


def test_costs_next_to_nothing_when_there_is_room() -> None:
    """An unsaturated throttle adds less than a tenth of a millisecond to a request."""
    throttle = Throttle(SystemClock(), per_minute=10**6, per_second=10**5)
    best = min(_duration(throttle) for _ in range(5))
    assert best < 1e-4


def _duration(throttle: Throttle) -> float:
    start = time.perf_counter()
    for _ in range(200):
        with throttle.slot():
            pass
    return (time.perf_counter() - start) / 200


def test_the_check_also_ends_a_wait_in_the_queue() -> None:
    """A request queued behind others that do not move gives up when its lease is lost."""
    throttle = Throttle(SteeredClock(START), at_once=1)
    lost = threading.Event()

    def check() -> None:
        if lost.is_set():
            raise LeaseLost("taken over")

    def send() -> None:
        with throttle.slot(check=check):
            pytest.fail("it left")

    with ThreadPoolExecutor(2) as pool, throttle.slot():
        futures = [pool.submit(send) for _ in range(2)]
        lost.set()
        for future in futures:
            assert isinstance(future.exception(10), LeaseLost)
