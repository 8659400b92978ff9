"""Why QuickBooks is read: Intuit meters reads, so each one has a reason that is counted."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

READS_REST: Final = "reads-rest"
"""The code of a read that was refused a moment ago, or not tried since."""
READS_USED_UP: Final = "reads-used-up"
"""The code of a read that is not tried, since the app's reads of this month are used up."""
READS_CODES: Final = frozenset({READS_REST, READS_USED_UP})
CREDIBLE: Final = timedelta(days=3)
"""Age of a month from which its own reads tell how many more to expect."""


class ReadReason(StrEnum):
    """What a read is for."""

    CONNECT = "connect"
    """A company's settings and lists, before anything is sent to it."""
    WEEKLY = "weekly"
    """What changed in them since the last look, once a week while something is sent."""
    OFFICE = "office"
    """A person checked the connection, or had the lists read again."""
    REFUSAL = "refusal"
    """Why QuickBooks refused a record: who holds a name, what is gone, what is in its place."""
    CHANGED = "changed"
    """A record that was changed in QuickBooks since it was sent (5010)."""
    LOOK = "look"
    """Whether QuickBooks has a record already whose answer never came."""
    COMPARE = "compare"
    """A comparison of what was sent with what QuickBooks holds."""


def forecast(used: int, before: int, now: datetime) -> int:
    """Return how many reads the month of a time will have at its end, if it goes on like this.

    Args:
        used: reads of this month so far.
        before: reads of the month before, by which the first days are judged.
        now: aware UTC.
    """
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    ends = month_end(now)
    gone, whole = now - begin, ends - begin
    if gone < CREDIBLE and before:
        return used + round(before * ((ends - now) / whole))
    return round(used * (whole / max(gone, timedelta(days=1))))


def month_end(now: datetime) -> datetime:
    """Return when the month of a time ends: by UTC, since Intuit's own clock is not known."""
    begin = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (begin + timedelta(days=32)).replace(day=1)
