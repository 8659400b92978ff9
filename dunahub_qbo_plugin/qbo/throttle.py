"""Keep each company under QuickBooks' limits: 500 requests a minute, 10 a second and at once.

Limits per company (realm) and app, from Intuit's page on limits and throttles. Ours lie a little
below, since a request does not arrive the moment it leaves.
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
PER_SECOND = 9
AT_ONCE = 8
LONGEST_SLEEP = 1.0
"""Seconds after which a waiting request looks again whether it still may leave."""
SHORTEST_SLEEP = 0.001
KEPT = 120.0
"""Seconds for which a company that sends nothing is remembered: longer than any window."""


class Throttle:
    """The limits of one company, shared by all threads that send for it.

    Args:
        clock: for the windows and the waiting.
        per_minute: requests that may leave in any 60 seconds.
        per_second: requests that may leave in any second.
        at_once: requests that may be on their way at the same time.

    Attributes:
        asked_at: monotonic time at which somebody last asked `Throttles` for it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        per_minute: int = PER_MINUTE,
        per_second: int = PER_SECOND,
        at_once: int = AT_ONCE,
    ) -> None:
        self._clock = clock
        self._windows = ((per_minute, 60.0), (per_second, 1.0))
        self._left: deque[float] = deque(maxlen=max(per_minute, per_second))
        self._at_once = at_once
        self._under_way = 0
        self._present = 0
        self._paused_until = self.asked_at = clock.monotonic()
        # Whoever holds the turnstile is next; the others queue there and need not be woken.
        self._turnstile = threading.Lock()
        self._changed = threading.Condition()

    @contextmanager
    def slot(self, *, check: Callable[[], None] | None = None) -> Iterator[float]:
        """Wait until a request may leave, and count it as under way until the block ends.

        Gives the monotonic time at which it left.

        Args:
            check: called right before leaving, and about every second while waiting; what it
                raises ends the waiting, and nothing is counted.
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
                    self._changed.notify()
        finally:
            with self._changed:
                self._present -= 1

    def pause(self, seconds: float) -> None:
        """Let no further request of the company leave for so long."""
        with self._changed:
            until = self._clock.monotonic() + seconds
            self._paused_until = max(self._paused_until, until)

    def wait(self) -> float:
        """Return the seconds until a request may leave, as far as it is known now."""
        with self._changed:
            return max(self._earliest() - self._clock.monotonic(), 0.0)

    def is_at_rest(self, since: float) -> bool:
        """Return whether nothing waits or is under way, and nothing was or is held back since."""
        with self._changed:
            moments = [self.asked_at, self._paused_until]
            if self._left:
                moments.append(self._left[-1])
            return not self._present and max(moments) < since

    def _enter(self, check: Callable[[], None] | None) -> float:
        while not self._turnstile.acquire(timeout=LONGEST_SLEEP):
            if check is not None:
                check()
        try:
            with self._changed:
                while self._under_way >= self._at_once:
                    if not self._changed.wait(LONGEST_SLEEP) and check is not None:
                        check()
            while (wait := self._earliest() - self._clock.monotonic()) > 0:
                self._clock.sleep(min(max(wait, SHORTEST_SLEEP), LONGEST_SLEEP))
                if wait > LONGEST_SLEEP and check is not None:
                    check()
            if check is not None:
                check()
            with self._changed:
                now = self._clock.monotonic()
                self._left.append(now)
                self._under_way += 1
                return now
        finally:
            self._turnstile.release()

    def _earliest(self) -> float:
        """Return the moment from which one more request exceeds no window and no pause."""
        moments = [self._paused_until]
        moments += [
            self._left[-most] + seconds
            for most, seconds in self._windows
            if len(self._left) >= most
        ]
        return max(moments)


class Throttles:
    """One `Throttle` for each company: companies do not slow each other.

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
        at_once: int = AT_ONCE,
    ) -> None:
        self.clock = clock
        self._limits = {"per_minute": per_minute, "per_second": per_second, "at_once": at_once}
        self._lock = threading.Lock()
        self._throttles: dict[str, Throttle] = {}
        self._forget_at = clock.monotonic() + KEPT

    @property
    def remembered(self) -> int:
        """How many companies there are throttles for."""
        return len(self._throttles)

    def of(self, company: str) -> Throttle:
        """Return the company's throttle, to be used at once."""
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
        """Keep those alone that may still hold a request back."""
        self._forget_at = now + KEPT
        self._throttles = {
            company: throttle
            for company, throttle in self._throttles.items()
            if not throttle.is_at_rest(now - KEPT)
        }

    def pause(self, company: str, seconds: float) -> None:
        """Let no further request of the company leave for so long."""
        self.of(company).pause(seconds)
