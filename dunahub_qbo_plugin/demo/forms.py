"""Parse what people type into the CRM's records.

People's data is taken as it is: odd e-mail addresses, five thousand characters, a total that does
not match. Only what is no number or no date at all is refused, in words, with the form kept.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.demo.records import (
    InvoiceRecord,
    LeadRecord,
    Line,
    PaidBy,
    PaymentRecord,
    Proposal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from werkzeug.datastructures import MultiDict

    from dunahub_qbo_plugin.demo.records import Service

    Form = MultiDict[str, str]
    Texts = Mapping[str, str]

LEAD_FIELDS = (
    "name",
    "company",
    "email",
    "phone",
    "line1",
    "line2",
    "city",
    "state",
    "postal_code",
)
_LARGEST = Decimal(10) ** 12
_DECIMALS = 6
_BLANK_LINES = 2


class InputProblem(ValueError):
    """Something typed is invalid; the text says what, for the person who typed it."""


def number(text: str, what: str, default: Decimal = Decimal(0)) -> Decimal:
    """Parse an amount as people write it: ``1,250.00``, ``$40``, ``-5``; empty is the default.

    Raises:
        InputProblem: it is no number, or one that no invoice holds.
    """
    cleaned = text.strip().replace("$", "").replace(",", "").replace(" ", "")
    if not cleaned:
        return default
    try:
        value = Decimal(cleaned)
    except InvalidOperation:
        raise InputProblem(f"{what}: “{_short(text)}” is not a number.") from None
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or abs(value) >= _LARGEST or exponent < -_DECIMALS:
        raise InputProblem(f"{what}: “{_short(text)}” is not an amount that an invoice can hold.")
    return value


def day(text: str, what: str, default: date | None) -> date | None:
    """Parse a calendar day; empty is the default.

    Raises:
        InputProblem: it is no day.
    """
    if not text.strip():
        return default
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise InputProblem(f"{what}: “{_short(text)}” is not a date.") from None


def lead(form: Form, known: LeadRecord) -> LeadRecord:
    """Return the lead with what was typed."""
    typed = {name: form.get(name, "").strip() for name in LEAD_FIELDS}
    return LeadRecord(id=known.id, org_id=known.org_id, **typed)


def lead_texts(record: LeadRecord) -> dict[str, str]:
    """Return a lead as the texts of its form."""
    return {name: getattr(record, name) for name in LEAD_FIELDS}


def lines(form: Form, services: Sequence[Service]) -> tuple[Line, ...]:
    """Parse the lines; empty rows are skipped.

    A service that was chosen fills in the description and the price that were left empty.

    Raises:
        InputProblem: a quantity or a price is no number.
    """
    catalogue = {service.id: service for service in services}
    rows = zip(
        form.getlist("service"),
        form.getlist("description"),
        form.getlist("quantity"),
        form.getlist("price"),
        strict=False,
    )
    taxable = set(form.getlist("taxable"))
    found = []
    for index, (chosen, description, quantity, price) in enumerate(rows):
        service = catalogue.get(chosen)
        if service is None and not description.strip() and not price.strip():
            continue
        where = f"Line {index + 1}"
        found.append(
            Line(
                service_id=service.id if service else "",
                service_name=service.name if service else "",
                description=description.strip() or (service.description if service else ""),
                quantity=number(quantity, f"{where}, quantity", Decimal(1)),
                unit_price=number(
                    price, f"{where}, price", service.unit_price if service else Decimal(0)
                ),
                taxable=str(index) in taxable,
            )
        )
    return tuple(found)


def line_texts(known: Sequence[Line]) -> list[dict[str, str]]:
    """Return lines as the texts of a form, with rows to fill in after them."""
    rows = [
        {
            "service": line.service_id,
            "description": line.description,
            "quantity": f"{line.quantity.normalize():f}",
            "price": f"{line.unit_price:f}",
            "taxable": "yes" if line.taxable else "",
        }
        for line in known
    ]
    return rows + [dict(_EMPTY_ROW) for _ in range(_BLANK_LINES)]


def typed_lines(form: Form, *, more: bool) -> list[dict[str, str]]:
    """Return the rows as they were typed, to show the form again; with ``more``, longer."""
    taxable = set(form.getlist("taxable"))
    names = ("service", "description", "quantity", "price")
    rows = zip(*(form.getlist(name) for name in names), strict=False)
    typed = [
        {**dict(zip(names, row, strict=True)), "taxable": "yes" if str(index) in taxable else ""}
        for index, row in enumerate(rows)
    ]
    return typed + [dict(_EMPTY_ROW) for _ in range(_BLANK_LINES if more else 0)]


def proposal(form: Form, known: Proposal, services: Sequence[Service]) -> Proposal:
    """Return the proposal with what was typed.

    Raises:
        InputProblem: as `lines`.
    """
    title = form.get("title", "").strip() or "Proposal"
    return attrs.evolve(known, title=title, lines=lines(form, services))


def invoice(form: Form, known: InvoiceRecord, services: Sequence[Service]) -> InvoiceRecord:
    """Return the invoice with what was typed; a total left empty is the sum.

    Raises:
        InputProblem: an amount is no number or a day no date.
    """
    record = attrs.evolve(
        known,
        number=form.get("number", "").strip(),
        lines=lines(form, services),
        discount=number(form.get("discount", ""), "Discount"),
        tax=number(form.get("tax", ""), "Sales tax"),
        issued_on=day(form.get("issued_on", ""), "Invoice date", None) or known.issued_on,
        due_on=day(form.get("due_on", ""), "Due date", None),
        message=form.get("message", "").strip(),
    )
    return attrs.evolve(record, total=number(form.get("total", ""), "Total", record.computed_total))


def invoice_texts(record: InvoiceRecord) -> dict[str, str]:
    """Return an invoice as the texts of its form."""
    by_hand = record.total != record.computed_total
    return {
        "number": record.number,
        "discount": f"{record.discount:f}" if record.discount else "",
        "tax": f"{record.tax:f}" if record.tax else "",
        "total": f"{record.total:f}" if by_hand else "",
        "issued_on": record.issued_on.isoformat(),
        "due_on": record.due_on.isoformat() if record.due_on else "",
        "message": record.message,
    }


def payment(form: Mapping[str, str], paid: InvoiceRecord, today: date) -> PaymentRecord:
    """Return the payment that was typed.

    Raises:
        InputProblem: the amount is no number, the day no date, or the way of paying unknown.
    """
    try:
        paid_by = PaidBy(form.get("paid_by", ""))
    except ValueError:
        raise InputProblem("Choose how the customer paid.") from None
    return PaymentRecord(
        org_id=paid.org_id,
        invoice_id=paid.id,
        amount=number(form.get("amount", ""), "Amount"),
        paid_by=paid_by,
        paid_on=day(form.get("paid_on", ""), "Date", today) or today,
        reference=form.get("reference", "").strip(),
    )


_EMPTY_ROW = {"service": "", "description": "", "quantity": "", "price": "", "taxable": ""}


def _short(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
