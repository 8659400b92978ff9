"""What a host tells its plugins: permissive with people's data, strict with programs' mistakes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from dunahub_hookspecs import (
    ActionRequest,
    Invoice,
    InvoiceStatus,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Person,
    Region,
)

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("given", "region"),
    [
        ("US", Region.US),
        ("us ", Region.US),
        ("BR", Region.BR),
        ("usa", Region.US),
        ("United  States", Region.US),
        ("Brasil", Region.BR),
        ("PT", Region.OTHER),
        ("", Region.OTHER),
    ],
)
def test_region_is_read_once(given: str, region: Region) -> None:
    """Usual names of the US and Brazil are understood; every other region is another one."""
    assert Organization(id="1", region=given).region is region


@pytest.mark.parametrize("amount", [1.0, True, "1.00", None, float("nan")])
def test_money_is_exact(amount: Any) -> None:  # noqa: ANN401  what a program could pass
    """A float for money is a mistake of the program, told where it is made."""
    with pytest.raises(TypeError):
        LineItem(unit_price=amount)


def test_money_is_finite() -> None:
    """There is no infinite invoice."""
    with pytest.raises(ValueError, match="finite"):
        LineItem(unit_price=Decimal("Infinity"))


def test_odd_data_of_people_is_taken() -> None:
    """An odd e-mail or an empty name is for the record to show, not for the save to fail."""
    lead = Lead(id=7, name="", email="not an address", phone=None)
    assert (lead.id, lead.phone) == ("7", "")
    payment = Payment(
        id="p",
        invoice_id="i",
        amount=Decimal(-5),
        method="cash",
        collected_by_dunahub=False,
        paid_on=DAY,
    )
    assert payment.method is PaymentMethod.CASH


def test_amounts_follow_from_their_parts() -> None:
    """A line's amount and an invoice's total need not be given."""
    line = LineItem(unit_price=Decimal("33.335"), quantity=Decimal(3))
    assert line.amount == Decimal("100.01")
    invoice = Invoice(
        id="1", lead=Lead(id="1"), lines=[line], issued_on=DAY, discount=10, tax=Decimal("7.25")
    )
    assert invoice.total == Decimal("97.26")


def test_a_total_is_of_whole_cents() -> None:
    """Each part counts to the cent, half up, in the total as on the invoice."""
    half = LineItem(unit_price=Decimal("10.005"), amount=Decimal("10.005"))
    invoice = Invoice(
        id="1",
        lead=Lead(id="1"),
        lines=[half, half],
        issued_on=DAY,
        discount=Decimal("3.335"),
        tax=Decimal("1.005"),
    )
    assert invoice.total == Decimal("17.69")


@pytest.mark.parametrize("day", [datetime(2026, 3, 2, tzinfo=UTC), "2026-03-02"])
def test_days_are_days(day: Any) -> None:  # noqa: ANN401  what a program could pass
    """A moment is no calendar day: which one it is depends on the time zone."""
    with pytest.raises(TypeError):
        Invoice(id="1", lead=Lead(id="1"), lines=[], issued_on=day)


@pytest.mark.parametrize("identifier", ["", None, True, 1.5])
def test_an_id_is_never_empty(identifier: Any) -> None:  # noqa: ANN401  what a program could pass
    """Records are told apart by ids."""
    with pytest.raises((TypeError, ValueError)):
        Lead(id=identifier)


def test_values_do_not_change() -> None:
    """A value that was handed over stays as it was."""
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        Lead(id="1").name = "x"  # type: ignore[misc]  # that is the point


def test_a_request_shows_no_secret() -> None:
    """The OAuth code and the form are in no repr (rule 11)."""
    request = ActionRequest(
        org=Organization(id="1", region="US"),
        person=Person(id="1"),
        page_url="https://x",
        action_url="https://x",
        query={"code": "canary-code"},
        form={"csrf": "canary-token"},
    )
    assert "canary" not in repr(request)
    assert request.value("csrf") == "canary-token"
    assert request.value("absent", "else") == "else"


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("credit_card", PaymentMethod.CARD),
        ("Debit Card", PaymentMethod.CARD),
        ("us_bank_account", PaymentMethod.ACH),
        ("ACH-debit", PaymentMethod.ACH),
        ("bank transfer", PaymentMethod.BANK_TRANSFER),
        ("zelle", PaymentMethod.OTHER),
        ("", PaymentMethod.OTHER),
    ],
)
def test_a_method_by_another_name(said: str, meant: PaymentMethod) -> None:
    """Usual names are understood, others are OTHER."""
    assert PaymentMethod(said) is meant


def test_what_is_not_known_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """A region that hides a plugin, and a method that keeps a payment back, are named."""
    for _ in range(3):
        Region("Atlantis")
        PaymentMethod("cowries")
    assert [record.getMessage() for record in caplog.records] == [
        "region 'Atlantis' is not known and taken for OTHER, not for US",
        "payment method 'cowries' is not known and taken for OTHER",
    ]


def test_a_status_is_not_guessed() -> None:
    """The error says how a host's own statuses are mapped."""
    with pytest.raises(ValueError, match="not 'paid': map every valid invoice to 'open'"):
        InvoiceStatus("paid")
