"""Leads, invoices and payments with everything filled in that a test does not care about."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dunahub_hookspecs import (
    Address,
    Invoice,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Person,
    Region,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    Amount = Decimal | int | str

ORG: Final = Organization(id="acme", name="ACME Gutters", region=Region.US)
"""The organization of `FakeHost`, unless a test brings others."""
PERSON: Final = Person(id="dana", name="Dana", email="dana@acme.example")
"""Who is signed in to it."""
DAY: Final = date(2026, 3, 2)
"""The day of everything that is made without one."""


def make_org(org_id: str = "acme", **changes: Any) -> Organization:  # noqa: ANN401  Organization's own
    """Make an organization in the US."""
    values: dict[str, Any] = {"id": org_id, "name": f"Company {org_id}", "region": Region.US}
    return Organization(**values | changes)


def make_lead(lead_id: str = "lead-1", **changes: Any) -> Lead:  # noqa: ANN401  Lead's own
    """Make a lead with name, e-mail, telephone and address.

    Args:
        lead_id: the host's id; another one also gives another name and e-mail.
        changes: any attribute of `Lead`.
    """
    values: dict[str, Any] = {
        "id": lead_id,
        "name": f"Sarah Mitchell {lead_id}",
        "email": f"{lead_id}@example.com",
        "phone": "(512) 555-0142",
        "address": Address(
            line1="12 Oak St", city="Austin", state="TX", postal_code="78701", country="USA"
        ),
    }
    return Lead(**values | changes)


def make_line(unit_price: Amount = "100.00", **changes: Any) -> LineItem:  # noqa: ANN401  LineItem's own
    """Make a line for one gutter cleaning.

    Args:
        unit_price: dollars; a text is read as an exact number.
        changes: any other attribute of `LineItem`.
    """
    values: dict[str, Any] = {
        "description": "Gutter cleaning",
        "unit_price": _dollars(unit_price),
        "service_id": "svc-1",
        "service_name": "Gutter Cleaning",
    }
    return LineItem(**values | changes)


def make_invoice(
    invoice_id: str = "inv-1",
    *,
    total: Amount = "100.00",
    lines: Iterable[LineItem] | None = None,
    **changes: Any,  # noqa: ANN401  Invoice's own
) -> Invoice:
    """Make an open invoice.

    Args:
        invoice_id: the host's id.
        total: dollars of its one line, unless `lines` are given.
        lines: its lines.
        changes: any other attribute of `Invoice`; `lead` first of all.
    """
    values: dict[str, Any] = {
        "id": invoice_id,
        "number": f"D-{invoice_id}",
        "lead": make_lead(),
        "lines": tuple(lines) if lines is not None else (make_line(total),),
        "issued_on": DAY,
        "due_on": date(2026, 4, 1),
    }
    return Invoice(**values | changes)


def make_payment(
    invoice: Invoice | None = None,
    amount: Amount | None = None,
    **changes: Any,  # noqa: ANN401  Payment's own
) -> Payment:
    """Make a payment by card that the host itself collected.

    Args:
        invoice: what it pays; None for the one that `make_invoice` makes. ``pay-1`` is the id of a
            payment of ``inv-1``, unless `changes` say otherwise.
        amount: dollars; None for the whole invoice.
        changes: any other attribute of `Payment`.
    """
    paid = make_invoice() if invoice is None else invoice
    payment_id = changes.get("id", f"pay-{paid.id.removeprefix('inv-')}")
    values: dict[str, Any] = {
        "id": payment_id,
        "invoice_id": paid.id,
        "invoice_number": paid.number,
        "amount": paid.total if amount is None else _dollars(amount),
        "method": PaymentMethod.CARD,
        "collected_by_dunahub": True,
        "paid_on": date(2026, 3, 3),
        "reference": f"pi_{payment_id}",
    }
    return Payment(**values | changes)


def _dollars(amount: Amount) -> Decimal:
    return Decimal(amount)
