"""A clock for tests: it goes by itself or stands, and moves on when a test says so."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class SteeredClock:
    """A `dunahub_qbo_plugin.clock.Clock` whose sleep takes no time.

    Args:
        start: a moment to stand at until moved, aware; None to go along with the machine's clock.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._ahead = 0.0

    def now(self) -> datetime:
        """Return its present moment."""
        base = datetime.now(UTC) if self._start is None else self._start
        with self._lock:
            return base + timedelta(seconds=self._ahead)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        base = time.monotonic() if self._start is None else 1000.0
        with self._lock:
            return base + self._ahead

    def sleep(self, seconds: float) -> None:
        """Let its time pass, at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move it on."""
        with self._lock:
            self._ahead += seconds
