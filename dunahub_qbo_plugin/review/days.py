"""Format dates as in the United States, whatever the machine's locale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import date

_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"


def month(day: date) -> str:
    """Return a month: ``Nov``; ``strftime`` would follow the host's locale."""
    return _MONTHS[day.month * 3 - 3 : day.month * 3]


def written(day: date) -> str:
    """Return a day: ``Nov 3, 2026``."""
    return f"{month(day)} {day.day}, {day.year}"
