"""A clock for tests: it goes by itself or stands, and moves on when a test says so."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SteeredClock:
    """A `dunahub_qbo_plugin.clock.Clock` whose sleep takes no time.

    Args:
        start: a moment to stand at until moved, aware; None to go along with the machine's clock.
        sleeps: True to sleep in earnest, for a test with a worker of its own in another thread.

    Attributes:
        slept: how many seconds each call of `sleep` was for, in order.
    """

    def __init__(self, start: datetime | None = None, *, sleeps: bool = False) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._sleeps = sleeps
        self._ahead = timedelta()
        self._set = timedelta()
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return its present moment."""
        base = datetime.now(UTC) if self._start is None else self._start
        with self._lock:
            return base + self._ahead + self._set

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        base = time.monotonic() if self._start is None else 1000.0
        with self._lock:
            return base + self._ahead.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Let its time pass, at once unless it sleeps in earnest."""
        with self._lock:
            self.slept.append(seconds)
        if self._sleeps:
            time.sleep(seconds)
        else:
            self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move it on."""
        with self._lock:
            self._ahead += timedelta(seconds=seconds)

    def jump(self, seconds: float) -> None:
        """Set it forward or back, as an operator does; `monotonic` stays."""
        with self._lock:
            self._set += timedelta(seconds=seconds)
