"""Conversions between what the tables hold and what the rest of the plugin works with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, overload

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOST: Final = Decimal(10) ** 15


@overload
def to_ms(moment: datetime) -> int: ...
@overload
def to_ms(moment: None) -> None: ...
def to_ms(moment: datetime | None) -> int | None:
    """Turn an aware moment into whole milliseconds since 1970."""
    return None if moment is None else (moment - EPOCH) // timedelta(milliseconds=1)


@overload
def from_ms(stored: int) -> datetime: ...
@overload
def from_ms(stored: None) -> None: ...
def from_ms(stored: int | None) -> datetime | None:
    """Turn stored milliseconds into an aware moment in UTC."""
    return None if stored is None else EPOCH + timedelta(milliseconds=stored)


def to_cents(amount: Decimal | None) -> int | None:
    """Turn dollars into the cents that are stored, half up.

    An amount beyond what the column holds is cut to that: it is refused before it is ever sent,
    and must not keep its row out of the database.
    """
    if amount is None:
        return None
    cents = (min(max(amount, -MOST), MOST) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return int(cents)


def from_cents(stored: int | None) -> Decimal | None:
    """Turn stored cents into dollars."""
    return None if stored is None else Decimal(stored).scaleb(-2)
