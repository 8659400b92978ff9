"""Format dates, times and counts as in the United States."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import attrs

from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.review.days import month

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

_MONTH_NAMES: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_NOON: Final = 12
_MAX_NAME_LENGTH: Final = 80
_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@attrs.frozen(kw_only=True)
class Formats:
    """Formats times in one time zone, relative to one time.

    Attributes:
        mark: what follows each time: empty, or `` UTC`` where the organization's zone is unknown.
    """

    zone: tzinfo
    now: datetime
    mark: str = ""

    @classmethod
    def of(cls, timezone: str, now: datetime) -> Formats:
        """Return the formats of a time zone; an unknown name means UTC, and times say so."""
        try:
            return cls(zone=ZoneInfo(timezone), now=now)
        except (KeyError, ValueError, OSError):
            return cls(zone=UTC, now=now, mark=" UTC")

    @property
    def today(self) -> date:
        """Today's date in the zone."""
        return self.now.astimezone(self.zone).date()

    def clock(self, at: datetime) -> str:
        """Return the time of day: ``2:02 PM``."""
        local = at.astimezone(self.zone)
        half = "AM" if local.hour < _NOON else "PM"
        return f"{local.hour % _NOON or _NOON}:{local.minute:02} {half}{self.mark}"

    def day(self, at: datetime) -> str:
        """Return the day: ``Nov 3``, with the year if it is not this year."""
        local, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        year = "" if local.year == today.year else f", {local.year}"
        return f"{month(local)} {local.day}{year}"

    def moment(self, at: datetime) -> str:
        """Return a time for a list: ``2:02 PM`` today, else ``Nov 3, 2:02 PM``."""
        return self.clock(at) if self._today(at) else f"{self.day(at)}, {self.clock(at)}"

    def at(self, at: datetime) -> str:
        """Return a time for a sentence: ``at 2:02 PM``, or ``on Nov 3 at 2:02 PM``."""
        if self._today(at):
            return f"at {self.clock(at)}"
        return f"on {self.day(at)} at {self.clock(at)}"

    def ago(self, at: datetime) -> str:
        """Return how long ago a time was: ``2 minutes ago``; after a day, the time itself."""
        passed = self.now - at
        if passed < _MINUTE:
            return "just now"
        if passed < _HOUR:
            return f"{plural(passed // _MINUTE, 'minute')} ago"
        if passed < _DAY:
            return f"{plural(passed // _HOUR, 'hour')} ago"
        return self.at(at)

    def full(self, at: datetime) -> str:
        """Return a time with day and year."""
        local = at.astimezone(self.zone)
        return f"{month(local)} {local.day}, {local.year}, {self.clock(at)}"

    def iso(self, at: datetime) -> str:
        """Return a time as ISO 8601."""
        return at.astimezone(self.zone).isoformat(timespec="seconds")

    def month(self, month: str) -> str:
        """Return a month given as ``2026-03``: ``March 2026``."""
        year, _, number = month.partition("-")
        return f"{_MONTH_NAMES[int(number) - 1]} {year}"

    def _today(self, at: datetime) -> bool:
        return at.astimezone(self.zone).date() == self.now.astimezone(self.zone).date()


def short(text: str) -> str:
    """Return what people typed on one line, cut to a length that fits the page."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_NAME_LENGTH else f"{line[: _MAX_NAME_LENGTH - 1].rstrip()}…"


def plural(number: int, word: str) -> str:
    """Return a number of things: ``1 invoice``, ``1,200 invoices``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def listed(parts: Iterable[str]) -> str:
    """Join with commas and a final "and"."""
    *first, last = [*parts] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def kinds(counted: Mapping[Kind, int]) -> str:
    """Return counts by kind: ``2 invoices and 1 payment``."""
    return listed(plural(counted[kind], kind.word) for kind in Kind if counted.get(kind))
