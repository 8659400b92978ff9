"""Intuit's request limits: 500 a minute and 10 at once for each company."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

ThrottleBody = Literal["xml", "gateway", "fault"]


@attrs.define(kw_only=True)
class ThrottleSettings:
    """Switches of the throttle; a limit of None is no limit.

    Attributes:
        per_minute: Requests a minute for each company; Intuit: 500.
        concurrent: Requests under way at once for each company; Intuit: 10.
        per_second: Requests a second for each company; Intuit's newer wording for sandboxes
            says 10, older pages count those under way instead. Off by default.
        batch_per_minute: Calls of `batch` a minute. Disputed: 40 or 120.
        body: Shape of the 429. Only `xml` was ever recorded; `gateway` is the lower-case JSON
            of 401 and 403, `fault` the application's.
        retry_after: Seconds in a `Retry-After` header; None, as recorded, sends none.
        metered_cap: Metered reads of an app in a month, all its production companies together;
            Intuit's free tier: 500,000. Beyond it reads get the throttle's 429 until the month
            ends; 0 refuses every read. Off by default.
        metered_scope: Whether the cap refuses reads alone, as Intuit's wording has it, or all
            requests.
        metered_batch: Whether a batch counts as many reads as it asks questions, or as one.
    """

    per_minute: int | None = 500
    concurrent: int | None = 10
    per_second: int | None = None
    batch_per_minute: int | None = 120
    body: ThrottleBody = "xml"
    retry_after: int | None = None
    metered_cap: int | None = None
    metered_scope: Literal["reads", "all"] = "reads"
    metered_batch: Literal["items", "one"] = "items"


class Throttle:
    """Counts of what each company's apps do. Safe to use from several threads.

    Args:
        clock: The emulator's time.
        settings: The limits.
    """

    def __init__(self, *, clock: Callable[[], datetime], settings: ThrottleSettings) -> None:
        self.settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[str, int] = defaultdict(int)
        self._most: dict[str, int] = defaultdict(int)
        self._seen: dict[tuple[str, str], deque[datetime]] = defaultdict(deque)

    def enter(self, realm: str) -> int:
        """Note that a request began; return how many are under way with it."""
        with self._lock:
            self._under_way[realm] += 1
            under_way = self._under_way[realm]
            self._most[realm] = max(self._most[realm], under_way)
            return under_way

    def leave(self, realm: str) -> None:
        """Note that a request ended."""
        with self._lock:
            self._under_way[realm] -= 1

    def admits(self, realm: str, *, under_way: int, batch: bool) -> bool:
        """Return whether the limits let this request through; if so it counts from now on."""
        settings = self.settings
        if settings.concurrent is not None and under_way > settings.concurrent:
            return False
        limits = [
            ("minute", settings.per_minute, 60),
            ("second", settings.per_second, 1),
            ("batch", settings.batch_per_minute if batch else None, 60),
        ]
        active = [limit for limit in limits if limit[1] is not None]
        if not active:
            return True
        now = self._clock()
        with self._lock:
            for name, limit, seconds in active:
                seen = self._seen[(realm, name)]
                oldest = now - timedelta(seconds=seconds)
                while seen and not oldest < seen[0] <= now:
                    seen.popleft()
                if limit is not None and len(seen) >= limit:
                    return False
            for name, _, _ in active:
                self._seen[(realm, name)].append(now)
        return True

    def most_at_once(self) -> dict[str, int]:
        """Return the largest number of requests that were ever under way, for each company."""
        with self._lock:
            return dict(self._most)

    def forget(self) -> None:
        """Forget what was counted, but not what is under way."""
        with self._lock:
            self._seen.clear()
            self._most.clear()
