"""Conversions between stored values and those of the rest of the plugin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, overload

from dunahub_qbo_plugin.model import bounds

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_AMOUNT: Final = Decimal(10) ** 15
"""Dollars, the most that a column of cents holds."""


@overload
def to_ms(moment: datetime) -> int: ...
@overload
def to_ms(moment: None) -> None: ...
def to_ms(moment: datetime | None) -> int | None:
    """Convert an aware datetime to whole milliseconds since 1970."""
    return None if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)


@overload
def from_ms(stored: int) -> datetime: ...
@overload
def from_ms(stored: None) -> None: ...
def from_ms(stored: int | None) -> datetime | None:
    """Convert stored milliseconds to an aware datetime in UTC."""
    return None if stored is None else EPOCH + timedelta(milliseconds=stored)


def to_cents(amount: Decimal | None) -> int | None:
    """Convert dollars to stored cents, rounded half up.

    An amount beyond `LARGEST_AMOUNT` is cut to it: it is refused before it is ever sent, and must
    not keep its row out of the database.
    """
    if amount is None:
        return None
    cents = (min(max(amount, -LARGEST_AMOUNT), LARGEST_AMOUNT) * 100).quantize(
        Decimal(1), rounding=ROUND_HALF_UP
    )
    return int(cents)


def from_cents(stored: int | None) -> Decimal | None:
    """Convert stored cents to dollars."""
    return None if stored is None else Decimal(stored).scaleb(-2)


def cut(text: str, limit: int = 200) -> str:
    """Make a text of people's fit for any database, index and page: cleaned, and not too long.

    Args:
        text: as it came.
        limit: characters that are kept.
    """
    return bounds.text(text, limit)
