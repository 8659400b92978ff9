"""Cents, sums, words for money, and prices that QuickBooks accepts."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunahub_hookspecs import LineItem
from dunahub_qbo_plugin.mapping.money import amount_text, cents, line_price, lines_total

AMOUNTS = st.decimals(-(10**6), 10**6, places=2)


def line(quantity: str, unit_price: str, amount: str) -> LineItem:
    """Make a line."""
    return LineItem(
        quantity=Decimal(quantity), unit_price=Decimal(unit_price), amount=Decimal(amount)
    )


@pytest.mark.parametrize(
    ("given_amount", "rounded"),
    [("1.005", "1.01"), ("2.675", "2.68"), ("-1.005", "-1.01"), ("-0.001", "0.00"), ("3", "3.00")],
)
def test_cents(given_amount: str, rounded: str) -> None:
    """Amounts are rounded half up, with two decimals and no negative zero."""
    assert str(cents(Decimal(given_amount))) == rounded


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1234.5", "$1,234.50"),
        ("0", "$0.00"),
        ("-5", "-$5.00"),
        ("-0.001", "$0.00"),
        ("1000000.005", "$1,000,000.01"),
        ("1E+400", "$1.00E+400"),
    ],
)
def test_amount_text(amount: str, text: str) -> None:
    """Money is written as people in the United States write it, whatever it is."""
    assert amount_text(Decimal(amount)) == text


def test_lines_total_adds_cents() -> None:
    """Lines are added as they are sent: each to the cent."""
    assert lines_total([line("1", "1", "0.335")] * 3) == Decimal("1.02")
    assert lines_total([]) == 0


@pytest.mark.parametrize(
    ("item", "quantity", "unit_price"),
    [
        (line("2.50", "99.95", "249.88"), "2.50", "99.95"),
        (line("3", "33.333333", "100.00"), "3", "33.333333"),
        (line("3.000", "50", "150"), "3", "50"),
        (line("0", "50", "0"), "0", "50"),
        (line("-1", "50", "-50"), "-1", "50"),
        (line("3", "33.33", "100.00"), "3", "33.333"),
        (line("7", "14.29", "100.00"), "7", "14.286"),
        (line("3", "33.3333333333", "100.00"), "3", "33.333333"),
        (line("3", "33.33", "90.00"), None, None),
        (line("1", "0", "25"), None, None),
        (line("0", "50", "25"), None, None),
        (line("0.3333333333", "300", "100.00"), "0.333333", "300"),
        (line("2.1666667", "90", "195.00"), "2.166667", "90"),
    ],
)
def test_line_price(item: LineItem, quantity: str | None, unit_price: str | None) -> None:
    """Quantity and price are sent when they give the amount, with an unrounded price if needed."""
    price = line_price(item)
    assert price.amount == cents(item.amount)
    assert price.quantity == (None if quantity is None else Decimal(quantity))
    assert price.unit_price == (None if unit_price is None else Decimal(unit_price))


@given(
    st.decimals(-1000, 1000, places=3),
    st.decimals(-(10**5), 10**5, places=4),
    st.none() | AMOUNTS,
)
def test_no_line_is_refused_for_its_arithmetic(
    quantity: Decimal, unit_price: Decimal, amount: Decimal | None
) -> None:
    """What is sent satisfies QuickBooks' rule, and never with another amount (code 6070)."""
    item = (
        LineItem(quantity=quantity, unit_price=unit_price)
        if amount is None
        else LineItem(quantity=quantity, unit_price=unit_price, amount=amount)
    )
    price = line_price(item)
    assert price.amount == item.amount
    if amount is None:
        assert price.quantity == quantity
    if price.quantity is not None:
        assert price.unit_price is not None
        product = price.quantity * price.unit_price
        assert product.quantize(Decimal("0.01"), ROUND_HALF_UP) == price.amount
        assert cents(price.unit_price) == cents(unit_price)


@given(AMOUNTS)
def test_price_rounded_by_the_host_keeps_its_quantity(amount: Decimal) -> None:
    """A total split over a quantity keeps the quantity whenever six decimals suffice."""
    item = LineItem(quantity=Decimal(3), unit_price=cents(amount / 3), amount=amount)
    assert line_price(item).quantity == 3
