"""When a try that failed in passing is made again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST: Final = 2.0
"""Seconds after the first failure."""
LONGEST: Final = 15 * 60.0
"""Seconds that no wait exceeds."""
SPREAD: Final = 0.2
"""How far waits of different records lie apart, so that they do not all come back at once."""
_PRIME: Final = 2_654_435_761


def delay(attempts: int, record_id: int) -> timedelta:
    """Return the wait after a failure: doubling from 2 seconds to 15 minutes, less up to a fifth.

    Args:
        attempts: how many tries failed before this one.
        record_id: spreads records apart, always in the same way.
    """
    whole = min(LONGEST, FIRST * 2 ** min(attempts, 12))
    share = (record_id * _PRIME + attempts) % 1000 / 1000
    return timedelta(seconds=whole * (1 - SPREAD * share))
