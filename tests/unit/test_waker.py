"""The thread that delivers rings: soon when it is quiet, together in a burst."""

from __future__ import annotations

import threading

import pytest

from dunahub_qbo_plugin.engine import waker
from dunahub_qbo_plugin.engine.waker import Waker


class Deliveries:
    """Keeps what was delivered, and lets a test wait for it."""

    def __init__(self, *, fail: int = 0) -> None:
        self.told: list[set[str | None]] = []
        self._fail = fail
        self._came = threading.Semaphore(0)

    def __call__(self, rung: set[str | None]) -> None:
        """Take a delivery; the first ones fail."""
        self.told.append(rung)
        self._came.release()
        if len(self.told) <= self._fail:
            raise OSError("nobody there")

    def wait(self) -> None:
        """Wait for one more."""
        assert self._came.acquire(timeout=10), "nothing was delivered"


def noted_waits(bell: Waker, until: threading.Event | None = None) -> list[float | None]:
    """Note how long it would wait before each delivery; let it wait for an event instead."""
    waits: list[float | None] = []

    class Stopping(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout)
            if until is not None:
                assert until.wait(10), "nobody let it go on"
            return self.is_set()

    bell._stopping = Stopping()
    return waits


def test_first_ring_after_quiet_is_delivered_at_once() -> None:
    """A ring in a quiet time waits a few milliseconds; one soon after another waits for more."""
    deliveries = Deliveries()
    bell = Waker(deliveries)
    waits = noted_waits(bell)
    bell.ring("a")
    deliveries.wait()
    bell.ring("b")
    deliveries.wait()
    bell.stop()
    assert deliveries.told == [{"a"}, {"b"}]
    assert waits[:2] == [waker.FIRST_RING_DELAY, waker.BURST_DELAY]


def test_burst_is_one_delivery() -> None:
    """Rings that come while one waits are delivered with it."""
    deliveries = Deliveries()
    bell, rung = Waker(deliveries), threading.Event()
    noted_waits(bell, rung)
    for org in ("a", "b", "a", None):
        bell.ring(org)
    rung.set()
    bell.stop()
    assert deliveries.told == [{"a", "b", None}]


def test_delivery_that_failed_is_repeated() -> None:
    """What could not be delivered is tried again, with what came since."""
    deliveries = Deliveries(fail=1)
    bell = Waker(deliveries)
    noted_waits(bell)
    bell.ring("a")
    deliveries.wait()
    deliveries.wait()
    bell.stop()
    assert deliveries.told[:2] == [{"a"}, {"a"}]


def test_a_thread_that_could_not_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has no thread left for a moment rings again with the next hook (rule 9)."""
    told = Deliveries()
    bell = Waker(told)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _no_thread_left)
        with pytest.raises(RuntimeError):
            bell.ring("acme")
    bell.ring("beta")
    told.wait()
    bell.stop()
    assert told.told[0] == {"acme", "beta"}


def _no_thread_left(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")
