"""Intuit's monthly allowance of metered reads, which an app's companies share.

App Partner Program, free tier: 500,000 a month; then reads are blocked until the next month,
while writes stay free. A vendor reports the code of the throttle for it (2026-06); the month's
boundary and the unit of a batch are not known.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_qbo_plugin.emulator.world.throttle import ThrottleSettings


class ReadMeter:
    """Counts of what each app read this month. Safe to use from several threads.

    Args:
        clock: The emulator's time.
        settings: The allowance.
    """

    def __init__(self, *, clock: Callable[[], datetime], settings: ThrottleSettings) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._month = ""
        self._read: Counter[str] = Counter()

    def admits(self, client_id: str, *, read: bool) -> bool:
        """Return whether an app's allowance lets this request through."""
        settings = self._settings
        if settings.metered_cap is None or not (read or settings.metered_scope == "all"):
            return True
        return self.used().get(client_id, 0) < settings.metered_cap

    def count(self, client_id: str, reads: int) -> None:
        """Count a request that was answered.

        Args:
            client_id: The app.
            reads: How many questions it asked.
        """
        self.used()
        with self._lock:
            self._read[client_id] += reads if self._settings.metered_batch == "items" else 1

    def used(self) -> dict[str, int]:
        """Return how many reads each app has used of this month's (UTC)."""
        month = f"{self._clock():%Y-%m}"
        with self._lock:
            if month != self._month:
                self._month = month
                self._read.clear()
            return dict(self._read)

    def forget(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._read.clear()
