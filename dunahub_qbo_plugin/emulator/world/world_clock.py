"""The emulator's own time, which a test or a person may move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def system_time() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


class WorldClock:
    """A clock that runs with its source, moved by an offset.

    Args:
        source: Gives the real time, aware of its zone; a test passes its own.
    """

    def __init__(self, source: Callable[[], datetime] = system_time) -> None:
        self._source = source
        self._offset = timedelta()

    def __call__(self) -> datetime:
        """Return the emulator's time in UTC."""
        return self._source().astimezone(UTC) + self._offset

    @property
    def skew(self) -> timedelta:
        """How far this clock is ahead of its source."""
        return self._offset

    def set_skew(self, skew: timedelta) -> None:
        """Set how far this clock is ahead of its source (negative: behind)."""
        self._offset = skew

    def advance(self, by: timedelta) -> None:
        """Move the clock, on top of any skew it has."""
        self._offset += by
