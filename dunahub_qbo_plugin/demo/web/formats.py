"""Format money, dates and names as a US office does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.demo.records import CENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from decimal import Decimal


def usd(amount: Decimal) -> str:
    """Write dollars: ``$1,234.50``, ``-$5.00``."""
    sign = "-" if amount < 0 else ""
    return f"{sign}${abs(amount).quantize(CENT, rounding='ROUND_HALF_UP'):,}"


def price(amount: Decimal) -> str:
    """Write a price, which may have more than two decimals."""
    cents = amount.quantize(CENT, rounding="ROUND_HALF_UP")
    return usd(amount) if cents == amount else f"${amount.normalize():,f}"


def plain(amount: Decimal) -> str:
    """Write a quantity without needless zeros."""
    return f"{amount.normalize():,f}"


def us_date(value: date | None) -> str:
    """Write a day: ``Nov 3, 2026``."""
    return f"{value:%b} {value.day}, {value.year}" if value else "-"


def initials(name: str) -> str:
    """Return the first letters of a name."""
    return "".join(word[0] for word in name.split()[:2]).upper() or "?"


FILTERS: dict[str, Callable[..., str]] = {
    "usd": usd,
    "price": price,
    "plain": plain,
    "us_date": us_date,
    "initials": initials,
}
