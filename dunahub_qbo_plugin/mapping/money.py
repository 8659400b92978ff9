"""Dollars: rounding, sums, formatting, and a line's exact price."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import Invoice, LineItem, round_cents

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_DECIMALS: Final = 6
_PRECISION: Final = 60
_PLAUSIBLE_DIGITS: Final = 15


@attrs.frozen(kw_only=True)
class LinePrice:
    """How one line's money is sent.

    Attributes:
        amount: dollars for the line, to the cent.
        quantity: None when QuickBooks would refuse quantity and price beside this amount.
        unit_price: dollars for one; None together with ``quantity``.
    """

    amount: Decimal
    quantity: Decimal | None = None
    unit_price: Decimal | None = None


def cents(amount: Decimal) -> Decimal:
    """Round dollars to cents, half up, and never to a negative zero.

    Raises:
        decimal.InvalidOperation: the amount is far from plausible (58 digits and more).
    """
    with localcontext(prec=_PRECISION):
        return round_cents(amount) + 0


def is_plausible(amount: Decimal) -> bool:
    """Return whether books can hold an amount (fewer than 15 digits before the point)."""
    return amount.is_zero() or amount.adjusted() < _PLAUSIBLE_DIGITS


def lines_total(lines: Iterable[LineItem]) -> Decimal:
    """Return the sum of the lines' amounts, each rounded to the cent as it is sent."""
    return sum((cents(line.amount) for line in lines), Decimal("0.00"))


def invoice_total(invoice: Invoice) -> Decimal:
    """Return the total of an invoice's parts: lines minus discount plus tax."""
    return lines_total(invoice.lines) - cents(invoice.discount) + cents(invoice.tax)


def amount_text(amount: Decimal) -> str:
    """Format dollars as in the United States: ``$1,234.50``, ``-$5.00``."""
    if not is_plausible(amount):
        return f"${amount:.2E}"
    rounded = cents(amount)
    return f"{'-' if rounded < 0 else ''}${abs(rounded):,.2f}"


def line_price(line: LineItem) -> LinePrice:
    """Decide how a line's quantity, unit price and amount are sent.

    QuickBooks refuses a line (code 6070) whose quantity times unit price, rounded half up to the
    cent, is not its amount, by as little as one cent: ``3 x 33.33 = 100.00`` is refused,
    ``3 x 33.333333 = 100.00`` is taken (recorded 2026-09). The amount is what the customer owes,
    so it is never touched. In this order:

    1. The three agree, quantity and price with the decimals that QuickBooks takes: they are sent.
    2. The host rounded the unit price to cents: the price before rounding, with the fewest decimals
       that make the three agree (``33.333`` for the line above). In cents it equals the host's.
    3. Anything else, such as a reduced line: the amount alone. Quantity and price would have to be
       invented, and QuickBooks does not need them.
    """
    amount = cents(line.amount)
    with localcontext(prec=_PRECISION):
        quantity, unit_price = _taken(line.quantity), _taken(line.unit_price)
        if cents(quantity * unit_price) == amount:
            return LinePrice(amount=amount, quantity=quantity, unit_price=unit_price)
        if quantity:
            exact = amount / quantity
            for places in range(2, _MOST_DECIMALS + 1):
                price = exact.quantize(Decimal(1).scaleb(-places))
                same_in_cents = cents(price) == cents(line.unit_price)
                if same_in_cents and cents(quantity * price) == amount:
                    return LinePrice(amount=amount, quantity=quantity, unit_price=_trim(price))
    return LinePrice(amount=amount)


def _taken(value: Decimal) -> Decimal:
    """Return a number with as many decimals as QuickBooks takes."""
    return _trim(value if _decimals(value) <= _MOST_DECIMALS else round(value, _MOST_DECIMALS))


def _decimals(value: Decimal) -> int:
    return max(0, -int(value.as_tuple().exponent))


def _trim(value: Decimal) -> Decimal:
    """Drop zeros after the second decimal; whole numbers lose their decimals."""
    if value == value.to_integral_value():
        return value.quantize(Decimal(1)) + 0
    normal = value.normalize()
    return normal if _decimals(normal) > 1 else value.quantize(Decimal("0.01"))
