"""Conversions between what the tables hold and what the rest of the plugin works with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import overload

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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


def to_text(amount: Decimal | None) -> str | None:
    """Turn money into the text that is stored."""
    return None if amount is None else format(amount, "f")


def from_text(stored: str | None) -> Decimal | None:
    """Turn stored text into money."""
    return None if stored is None else Decimal(stored)
