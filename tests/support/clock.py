"""A clock that moves only when somebody sleeps or a test moves it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class FakeClock:
    """A `dunahub_qbo_plugin.clock.Clock` for tests: sleeping advances it and takes no time.

    Args:
        now: where it starts, aware.

    Attributes:
        slept: how long each call of `sleep` was, in order.
    """

    def __init__(self, now: datetime = START) -> None:
        self._lock = threading.Lock()
        self._now = now
        self._monotonic = 1000.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return its present moment."""
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        """Return seconds that `jump` does not move."""
        with self._lock:
            return self._monotonic

    def sleep(self, seconds: float) -> None:
        """Let its time pass, at once."""
        with self._lock:
            self.slept.append(seconds)
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def advance(self, seconds: float) -> None:
        """Let its time pass without anybody sleeping."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator does; monotonic time stays."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
