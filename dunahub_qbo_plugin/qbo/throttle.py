"""Keep each company under QuickBooks' limits: 500 requests a minute, 10 a second and at once.

Limits per company (realm) and app, from Intuit's page on limits and throttles. These here are a
little lower, since a request does not arrive at the moment it is sent.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dunahub_qbo_plugin.clock import Clock

PER_MINUTE = 490
"""Requests in any 60 seconds."""
PER_SECOND = 9
"""Requests in any second."""
MAX_CONCURRENT_REQUESTS = 8
"""Requests in flight at the same time."""
MAX_SLEEP = 1.0
"""Seconds after which a waiting request checks whether it may still be sent."""
MIN_SLEEP = 0.001
"""Seconds of the shortest wait, so that rounding cannot make a busy loop."""
FORGET_IDLE_AFTER = 120.0
"""Seconds without requests after which a company's throttle is dropped: longer than any window."""


class Throttle:
    """The limits of one company, shared by all threads that send for it.

    Args:
        clock: for the windows and the waiting.
        per_minute: requests that may be sent in any 60 seconds.
        per_second: requests that may be sent in any second.
        at_once: requests that may be in flight at the same time.

    Attributes:
        asked_at: monotonic time at which somebody last asked `Throttles` for it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        per_minute: int = PER_MINUTE,
        per_second: int = PER_SECOND,
        at_once: int = MAX_CONCURRENT_REQUESTS,
    ) -> None:
        self._clock = clock
        self._windows = ((per_minute, 60.0), (per_second, 1.0))
        self._left: deque[float] = deque(maxlen=max(per_minute, per_second))
        self._at_once = at_once
        self._under_way = 0
        self._present = 0
        self._paused_until = self.asked_at = self._heard_at = clock.monotonic()
        # Whoever holds the turnstile is next; the others queue there and need not be woken.
        self._turnstile = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, *, check: Callable[[], None] | None = None) -> Iterator[float]:
        """Wait until a request may be sent, and count it as in flight until the block ends.

        Yields the monotonic time at which it was sent.

        Args:
            check: called right before sending, and about every second while waiting; what it
                raises ends the wait, and nothing is counted.
        """
        with self._changed:
            self._present += 1
        try:
            left = self._enter(check)
            try:
                yield left
            finally:
                with self._changed:
                    self._under_way -= 1
                    self._heard_at = self._clock.monotonic()
                    self._changed.notify()
        finally:
            with self._changed:
                self._present -= 1

    def pause(self, seconds: float) -> None:
        """Hold back further requests of the company for some seconds."""
        with self._changed:
            until = self._clock.monotonic() + seconds
            self._paused_until = max(self._paused_until, until)

    def wait(self) -> float:
        """Return the seconds until a request may leave, as far as it is known now."""
        with self._changed:
            return max(self._earliest() - self._clock.monotonic(), 0.0)

    def silence(self) -> float:
        """Return the seconds for which nothing has come back of what is in flight."""
        with self._changed:
            return self._clock.monotonic() - self._heard_at if self._under_way else 0.0

    def is_at_rest(self, since: float) -> bool:
        """Return whether nothing waits or is in flight, and nothing was held back since."""
        with self._changed:
            moments = [self.asked_at, self._paused_until]
            if self._left:
                moments.append(self._left[-1])
            return not self._present and max(moments) < since

    def _enter(self, check: Callable[[], None] | None) -> float:
        while not self._turnstile.acquire(timeout=MAX_SLEEP):
            if check is not None:
                check()
        try:
            with self._changed:
                while self._under_way >= self._at_once:
                    if not self._changed.wait(MAX_SLEEP) and check is not None:
                        check()
            while (wait := self._earliest() - self._clock.monotonic()) > 0:
                self._clock.sleep(min(max(wait, MIN_SLEEP), MAX_SLEEP))
                if wait > MAX_SLEEP and check is not None:
                    check()
            if check is not None:
                check()
            with self._changed:
                now = self._clock.monotonic()
                self._left.append(now)
                if not self._under_way:
                    self._heard_at = now
                self._under_way += 1
                return now
        finally:
            self._turnstile.release()

    def _earliest(self) -> float:
        """Return the monotonic time from which one more request exceeds no window or pause."""
        moments = [self._paused_until]
        moments += [
            self._left[-most] + seconds
            for most, seconds in self._windows
            if len(self._left) >= most
        ]
        return max(moments)


class Throttles:
    """One `Throttle` for each company, so that companies do not slow each other.

    Args:
        clock: for all of them.
        per_minute, per_second, at_once: as for `Throttle`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        per_minute: int = PER_MINUTE,
        per_second: int = PER_SECOND,
        at_once: int = MAX_CONCURRENT_REQUESTS,
    ) -> None:
        self.clock = clock
        self._limits = {"per_minute": per_minute, "per_second": per_second, "at_once": at_once}
        self._lock = threading.Lock()
        self._throttles: dict[str, Throttle] = {}
        self._forget_at = clock.monotonic() + FORGET_IDLE_AFTER

    @property
    def remembered(self) -> int:
        """How many companies have a throttle."""
        return len(self._throttles)

    def of(self, company: str) -> Throttle:
        """Return the company's throttle, for immediate use."""
        now = self.clock.monotonic()
        with self._lock:
            if now >= self._forget_at:
                self._forget(now)
            throttle = self._throttles.get(company)
            if throttle is None:
                throttle = self._throttles[company] = Throttle(self.clock, **self._limits)
            throttle.asked_at = now
            return throttle

    def _forget(self, now: float) -> None:
        """Drop the throttles that can no longer hold a request back."""
        self._forget_at = now + FORGET_IDLE_AFTER
        self._throttles = {
            company: throttle
            for company, throttle in self._throttles.items()
            if not throttle.is_at_rest(now - FORGET_IDLE_AFTER)
        }

    def pause(self, company: str, seconds: float) -> None:
        """Hold back further requests of the company for some seconds."""
        self.of(company).pause(seconds)
