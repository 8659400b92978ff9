"""How many requests went out, for each company."""

from __future__ import annotations

import threading

import attrs


@attrs.frozen(kw_only=True)
class Counts:
    """Requests that left, whatever became of them.

    Attributes:
        reads: reads, queries and changes: Intuit meters them in production.
        writes: creates, updates and voids: free.
    """

    reads: int = 0
    writes: int = 0


class Metrics:
    """Counters that any thread may raise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counts] = {}

    def count(self, company: str, *, reads: int = 0, writes: int = 0) -> None:
        """Add to a company's counts."""
        with self._lock:
            so_far = self._counts.get(company, Counts())
            self._counts[company] = Counts(
                reads=so_far.reads + reads, writes=so_far.writes + writes
            )

    def of(self, company: str) -> Counts:
        """Give a company's counts."""
        with self._lock:
            return self._counts.get(company, Counts())

    @property
    def reads(self) -> int:
        """All companies' reads."""
        with self._lock:
            return sum(counts.reads for counts in self._counts.values())

    @property
    def writes(self) -> int:
        """All companies' writes."""
        with self._lock:
            return sum(counts.writes for counts in self._counts.values())
