"""Serialize a record of DunaHub as canonical text: what a hook stores and a worker reads.

Equal records give equal text: keys are sorted, default values are left out, ``10.0`` and ``10.00``
are both written ``10``, and every character beyond ASCII is escaped, so that no database can refuse
or change it.

Two records that would be sent alike have the same `fingerprint`. What is used only in messages, and
not sent with the record itself, is therefore kept under ``~local`` (the key that sorts last) and
left out of the fingerprint:

- an invoice's lead is its id, which counts, and its display name, which does not. The lead has a
  row of its own with the whole of it; a new phone number must not send every invoice again.
- what an invoice was made from, and the number of the invoice that a payment pays.

Text that an older version wrote is read with defaults for what it lacks; what a newer version
added is ignored.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dunahub_hookspecs import (
    Address,
    Invoice,
    InvoiceSource,
    InvoiceStatus,
    Lead,
    LineItem,
    Payment,
    PaymentMethod,
)
from dunahub_qbo_plugin.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_qbo_plugin.model import Value

Fields = dict[str, Any]

_LOCAL: Final = "~local"
_LOCAL_MARK: Final = f',"{_LOCAL}":'
_LONGEST_PLAIN: Final = 40
_MOST_DIGITS: Final = 60
"""Digits of a number that are kept: four times as many as books hold."""
_ONE: Final = Decimal(1)
_ADDRESS: Final = ("line1", "line2", "city", "state", "postal_code", "country")
_LEAD: Final = ("name", "first_name", "last_name", "company", "email", "phone")
_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def display_name(lead: Lead) -> str:
    """Return the name of a lead for QuickBooks and for messages, with tidied spaces.

    It is the lead's name; without one its first and last name; without those its company. Empty
    when the lead has none of them.
    """
    for candidate in (lead.name, f"{lead.first_name} {lead.last_name}", lead.company):
        if name := " ".join(candidate.split()):
            return name
    return ""


def dump(value: Value) -> str:
    """Serialize a lead, an invoice or a payment as canonical JSON (ASCII).

    Raises:
        TypeError: the value is none of the three.
    """
    if isinstance(value, Invoice):
        return _encode(_invoice_fields(value))
    if isinstance(value, Payment):
        return _encode(_payment_fields(value))
    if isinstance(value, Lead):
        return _encode(_lead_fields(value))
    raise TypeError(f"no snapshot is made of {type(value).__name__}")


def load(kind: Kind, text: str) -> Value:
    """Parse what `dump` returned.

    An invoice comes back with a lead that has only an id and a display name.

    Raises:
        ValueError: the text is not a snapshot of that kind.
    """
    try:
        fields = json.loads(text)
        return _READERS[kind](fields)
    except (KeyError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"this is not a snapshot of one {kind.word}") from error


def bare(kind: Kind, *, local_id: str, parent: str, cents: int, day: str) -> str:
    """Return the snapshot of a record of which nobody's data is kept.

    Args:
        kind: of the record.
        local_id: its id in the host.
        parent: the host's id of the customer of an invoice, the invoice of a payment.
        cents: its amount.
        day: of the document, as in ``2026-03-02``.
    """
    amount = _number(Decimal(cents).scaleb(-2))
    fields: Fields = {"id": local_id}
    if kind is Kind.INVOICE:
        fields |= {"lead_id": parent or "-", "lines": [], "total": amount, "issued_on": day}
    elif kind is Kind.PAYMENT:
        fields |= {"invoice_id": parent or "-", "amount": amount, "paid_on": day}
        fields |= {"method": PaymentMethod.OTHER.value, "collected_by_dunahub": True}
    return _encode(fields)


def fingerprint(text: str) -> str:
    """Return the SHA-256 (64 hex digits) of the part of a snapshot that is sent."""
    head, mark, _ = text.partition(_LOCAL_MARK)
    sent = f"{head}}}" if mark else text
    return hashlib.sha256(sent.encode()).hexdigest()


def _number(value: Decimal) -> str:
    """Format a number so that equal numbers give equal text, whatever their trailing zeros."""
    text = str(value)
    if "E" in text or len(text) > _LONGEST_PLAIN:
        return _odd_number(value)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _odd_number(value: Decimal) -> str:
    """Format as `_number` does, for exponents and for more digits than an amount has."""
    sign, digits, exponent = value.as_tuple()
    significant = "".join(map(str, digits[:_MOST_DIGITS])).rstrip("0")
    if not significant:
        return "0"
    power = int(exponent) + len(digits) - len(significant)
    scientific = f"{'-' if sign else ''}{significant}E{power}"
    if abs(power) > _LONGEST_PLAIN:
        return scientific
    plain = f"{Decimal(scientific):f}"
    return plain if len(plain) <= _LONGEST_PLAIN else scientific


def _texts(value: Lead | Address, names: tuple[str, ...]) -> Fields:
    return {name: text for name in names if (text := getattr(value, name))}


def _lead_fields(lead: Lead) -> Fields:
    fields = _texts(lead, _LEAD)
    fields["id"] = lead.id
    if address := _texts(lead.address, _ADDRESS):
        fields["address"] = address
    return fields


def _line_fields(line: LineItem) -> Fields:
    fields: Fields = {"amount": _number(line.amount), "unit_price": _number(line.unit_price)}
    if line.quantity != _ONE:
        fields["quantity"] = _number(line.quantity)
    if line.description:
        fields["description"] = line.description
    if line.service_id is not None:
        fields["service_id"] = line.service_id
    if line.service_name:
        fields["service_name"] = line.service_name
    if line.taxable:
        fields["taxable"] = True
    return fields


def _invoice_fields(invoice: Invoice) -> Fields:
    fields: Fields = {
        "id": invoice.id,
        "issued_on": invoice.issued_on.isoformat(),
        "lead_id": invoice.lead.id,
        "lines": [_line_fields(line) for line in invoice.lines],
        "total": _number(invoice.total),
    }
    if invoice.number:
        fields["number"] = invoice.number
    if invoice.discount:
        fields["discount"] = _number(invoice.discount)
    if invoice.tax:
        fields["tax"] = _number(invoice.tax)
    if invoice.due_on is not None:
        fields["due_on"] = invoice.due_on.isoformat()
    if invoice.message:
        fields["message"] = invoice.message
    if invoice.status is not InvoiceStatus.OPEN:
        fields["status"] = invoice.status.value
    local: Fields = {}
    if name := display_name(invoice.lead):
        local["lead_name"] = name
    if invoice.source is not InvoiceSource.OTHER:
        local["source"] = invoice.source.value
    if local:
        fields[_LOCAL] = local
    return fields


def _payment_fields(payment: Payment) -> Fields:
    fields: Fields = {
        "amount": _number(payment.amount),
        "collected_by_dunahub": payment.collected_by_dunahub,
        "id": payment.id,
        "invoice_id": payment.invoice_id,
        "method": payment.method.value,
        "paid_on": payment.paid_on.isoformat(),
    }
    if payment.reference:
        fields["reference"] = payment.reference
    if payment.invoice_number:
        fields[_LOCAL] = {"invoice_number": payment.invoice_number}
    return fields


def _pick(fields: Mapping[str, Any], *names: str) -> Fields:
    return {name: fields[name] for name in names if name in fields}


def _numbers(fields: Mapping[str, Any], *names: str) -> Fields:
    return {name: Decimal(fields[name]) for name in names if name in fields}


def _load_lead(fields: Mapping[str, Any]) -> Lead:
    address = Address(**_pick(fields.get("address", {}), *_ADDRESS))
    return Lead(id=fields["id"], address=address, **_pick(fields, *_LEAD))


def _load_line(fields: Mapping[str, Any]) -> LineItem:
    return LineItem(
        **_numbers(fields, "amount", "unit_price", "quantity"),
        **_pick(fields, "description", "service_id", "service_name", "taxable"),
    )


def _load_invoice(fields: Mapping[str, Any]) -> Invoice:
    local = fields.get(_LOCAL, {})
    due_on = fields.get("due_on")
    return Invoice(
        id=fields["id"],
        lead=Lead(id=fields["lead_id"], name=local.get("lead_name", "")),
        lines=[_load_line(line) for line in fields["lines"]],
        issued_on=date.fromisoformat(fields["issued_on"]),
        due_on=None if due_on is None else date.fromisoformat(due_on),
        **_numbers(fields, "total", "discount", "tax"),
        **_pick(fields, "number", "message", "status"),
        **_pick(local, "source"),
    )


def _load_payment(fields: Mapping[str, Any]) -> Payment:
    return Payment(
        id=fields["id"],
        invoice_id=fields["invoice_id"],
        amount=Decimal(fields["amount"]),
        method=fields["method"],
        collected_by_dunahub=fields["collected_by_dunahub"],
        paid_on=date.fromisoformat(fields["paid_on"]),
        **_pick(fields, "reference"),
        **_pick(fields.get(_LOCAL, {}), "invoice_number"),
    )


_READERS: Final[Mapping[Kind, Callable[[Mapping[str, Any]], Value]]] = {
    Kind.CUSTOMER: _load_lead,
    Kind.INVOICE: _load_invoice,
    Kind.PAYMENT: _load_payment,
}
