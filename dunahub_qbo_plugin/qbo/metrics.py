"""Counts of requests by company, and their latencies."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import ReadReason

BOUNDS: Final = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 7.5, 10.0, 20.0, 30.0, 60.0, 120.0),
)
"""Seconds at which the buckets of a `Histogram` end; one more bucket has no end."""


@attrs.frozen(kw_only=True)
class Counts:
    """Requests that were sent, whatever their result.

    Attributes:
        reads: reads, queries and changes: Intuit meters them in production.
        writes: creates, updates and voids: free.
    """

    reads: int = 0
    writes: int = 0


@attrs.frozen(kw_only=True)
class Times:
    """A histogram of durations.

    Attributes:
        count: how many there are.
        total: seconds in all.
        longest: seconds of the longest.
        buckets: how many fell into each bucket of `BOUNDS`, and beyond the last.
    """

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)

    def quantile(self, share: float) -> float:
        """Return the seconds that a share of them did not exceed, interpolated within its bucket.

        Args:
            share: 0.5 for the median, 0.99 for all but one in a hundred.
        """
        wanted, seen = share * self.count, 0
        for bucket, number in enumerate(self.buckets):
            if number and seen + number >= wanted:
                low = BOUNDS[bucket - 1] if bucket else 0.0
                high = BOUNDS[bucket] if bucket < len(BOUNDS) else self.longest
                within = low + (high - low) * (wanted - seen) / number
                return min(within, self.longest)
            seen += number
        return self.longest


class Histogram:
    """Collects durations from any thread, in constant memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._total = self._longest = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        """Record one duration."""
        bucket = bisect_left(BOUNDS, seconds)
        with self._lock:
            self._buckets[bucket] += 1
            self._total += seconds
            self._longest = max(self._longest, seconds)

    def times(self) -> Times:
        """Return what was collected so far."""
        with self._lock:
            return Times(
                count=sum(self._buckets),
                total=self._total,
                longest=self._longest,
                buckets=tuple(self._buckets),
            )


class Metrics:
    """Thread-safe counters.

    Attributes:
        latency: from sending a request until its answer is complete or lost; waiting for the
            company's rate limit is not in it.
    """

    def __init__(self) -> None:
        self.latency = Histogram()
        self._lock = threading.Lock()
        self._counts: dict[str, Counts] = {}
        self._all = Counts()
        self._metered: Counter[tuple[str, ReadReason]] = Counter()

    def count(self, company: str, *, reads: int = 0, writes: int = 0) -> None:
        """Add to a company's counts."""
        with self._lock:
            so_far = self._counts.get(company, Counts())
            self._counts[company] = Counts(
                reads=so_far.reads + reads, writes=so_far.writes + writes
            )
            self._all = Counts(reads=self._all.reads + reads, writes=self._all.writes + writes)

    def read(self, company: str, reason: ReadReason, units: int = 1) -> None:
        """Count a read that QuickBooks answered, which is what Intuit meters."""
        with self._lock:
            self._metered[company, reason] += units

    def move(self, company: str, to: str) -> None:
        """Count for a company the reads that were made before it had its name here."""
        with self._lock:
            for key in [key for key in self._metered if key[0] == company]:
                self._metered[to, key[1]] += self._metered.pop(key)

    def take_metered(self) -> Counter[tuple[str, ReadReason]]:
        """Return the answered reads since the last call, by company and reason."""
        with self._lock:
            taken, self._metered = self._metered, Counter()
            return taken

    def give_back(self, metered: Counter[tuple[str, ReadReason]]) -> None:
        """Count again what was taken and could not be stored."""
        with self._lock:
            self._metered += metered

    def of(self, company: str) -> Counts:
        """Return a company's counts."""
        with self._lock:
            return self._counts.get(company, Counts())

    @property
    def reads(self) -> int:
        """All companies' reads."""
        return self._all.reads

    @property
    def writes(self) -> int:
        """All companies' writes."""
        return self._all.writes
