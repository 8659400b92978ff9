"""Map an invoice to QuickBooks' Invoice.

Limits and rules are those of Intuit's API reference, Invoice, unless stated otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.items import ItemFinder
from dunahub_qbo_plugin.mapping.money import (
    cents,
    invoice_total,
    is_plausible,
    line_price,
    lines_total,
)
from dunahub_qbo_plugin.mapping.tax import tax_payload
from dunahub_qbo_plugin.mapping.text import block, check_length, one_line
from dunahub_qbo_plugin.model import SalesTax
from dunahub_qbo_plugin.model.bounds import MAX_LINES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date
    from decimal import Decimal

    from dunahub_hookspecs import Invoice, LineItem
    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.model import CompanyProfile, RemoteRef

NUMBER_LIMIT: Final = 21
MESSAGE_LIMIT: Final = 1000
DESCRIPTION_LIMIT: Final = 4000


@attrs.frozen(kw_only=True)
class InvoiceExpectation:
    """What identifies an invoice in QuickBooks as the one that was sent.

    Attributes:
        number: its DocNumber; empty when QuickBooks numbers it.
        total: its TotalAmt, dollars.
        issued_on: its TxnDate.
        marker: the marker in its PrivateNote.
    """

    number: str
    total: Decimal
    issued_on: date
    marker: str


def invoice_payload(
    invoice: Invoice,
    *,
    customer_id: str,
    profile: CompanyProfile,
    remote: RemoteRef | None = None,
    sent_fields: Collection[str] = (),
) -> Payload:
    """Return the Invoice that an invoice becomes.

    An update is sparse and has every line, since QuickBooks replaces its lines by those of the
    update; it keeps what DunaHub does not own (terms, the bookkeeper's private note). Only a create
    has a marker.

    Args:
        invoice: the invoice; for a voided one see `void_payload`.
        customer_id: QuickBooks' id of the customer.
        profile: what is known of the company: its items, its sales tax.
        remote: the invoice to update; None to create one.
        sent_fields: the fields that our last write filled in; only those are ever cleared.

    Raises:
        MappingError: QuickBooks would refuse it or would show another total.
    """
    _check_money(invoice)
    payload: Payload = {}
    if remote is not None:
        payload |= {"Id": remote.id, "SyncToken": remote.sync_token, "sparse": True}
    payload["CustomerRef"] = {"value": customer_id}
    if profile.multicurrency:
        payload["CurrencyRef"] = {"value": "USD"}
    payload["TxnDate"] = invoice.issued_on.isoformat()
    if invoice.due_on is not None:
        payload["DueDate"] = invoice.due_on.isoformat()
    elif "DueDate" in sent_fields:
        payload["DueDate"] = invoice.issued_on.isoformat()  # QuickBooks' own without terms
    if number := _checked_number(invoice):
        payload["DocNumber"] = number
    payload["Line"] = _lines(invoice, profile)
    payload |= tax_payload(invoice, profile)
    message = block(invoice.message)
    check_length(
        message, MESSAGE_LIMIT, code="message-too-long", facts={"number": one_line(invoice.number)}
    )
    if message or "CustomerMemo" in sent_fields:
        payload["CustomerMemo"] = {"value": message}
    if remote is None:
        payload["PrivateNote"] = invoice_marker(invoice.id)
    return payload


def void_payload(remote: RemoteRef) -> Payload:
    """Return the body that voids an invoice (recorded 2022: ``{Id, SyncToken}``)."""
    return {"Id": remote.id, "SyncToken": remote.sync_token}


def invoice_expectation(invoice: Invoice) -> InvoiceExpectation:
    """Return what identifies the invoice in QuickBooks."""
    return InvoiceExpectation(
        number=one_line(invoice.number),
        total=cents(invoice.total),
        issued_on=invoice.issued_on,
        marker=invoice_marker(invoice.id),
    )


def invoice_marker(local_id: str) -> str:
    """Return the note that marks an invoice in QuickBooks as created by the plugin.

    Search for it within PrivateNote: QuickBooks puts "Voided" before it, and people add to it. The
    brackets keep the marker of invoice 12 from matching that of 123. A copy made in QuickBooks has
    it too, so it is a hint beside number, customer, total and date, and no proof by itself.
    """
    return f"[DunaHub invoice {one_line(local_id)}]"


def _checked_number(invoice: Invoice) -> str:
    number = one_line(invoice.number)
    check_length(number, NUMBER_LIMIT, code="number-too-long", subject=number)
    return number


def _check_money(invoice: Invoice) -> None:
    """Refuse amounts that QuickBooks would not accept unchanged."""
    number = one_line(invoice.number)
    if not invoice.lines:
        raise MappingError("no-lines", facts={"number": number})
    if len(invoice.lines) > MAX_LINES:
        raise MappingError("too-many-lines", facts={"number": number, "limit": MAX_LINES})
    parts = [invoice.total, invoice.discount, invoice.tax]
    for line in invoice.lines:
        parts += [line.amount, line.quantity, line.unit_price]
    if not all(map(is_plausible, parts)):
        raise MappingError("amount-too-large", facts={"number": number})
    for code, amount in (
        ("discount-negative", cents(invoice.discount)),
        ("tax-negative", cents(invoice.tax)),
    ):
        if amount < 0:
            raise MappingError(code, facts={"number": number, "amount": str(amount)})
    discount, lines = cents(invoice.discount), lines_total(invoice.lines)
    if 0 < discount > lines:
        raise MappingError(
            "discount-too-large",
            facts={"number": number, "amount": str(discount), "worth": str(lines)},
        )
    _check_total(invoice, number)


def _check_total(invoice: Invoice, number: str) -> None:
    total, sum_of_parts = cents(invoice.total), invoice_total(invoice)
    if total != sum_of_parts:
        raise MappingError(
            "total-mismatch",
            facts={
                "number": number,
                "total": str(total),
                "lines": str(lines_total(invoice.lines)),
                "discount": str(cents(invoice.discount)),
                "tax": str(cents(invoice.tax)),
                "parts": str(sum_of_parts),
            },
        )
    if total < 0:
        raise MappingError("total-negative", facts={"number": number, "total": str(total)})


def _lines(invoice: Invoice, profile: CompanyProfile) -> list[Payload]:
    finder, number = ItemFinder(profile=profile), one_line(invoice.number)
    lines = [
        _line(line, position, finder, profile, number)
        for position, line in enumerate(invoice.lines, start=1)
    ]
    if discount := cents(invoice.discount):
        lines.append(
            {
                "DetailType": "DiscountLineDetail",
                "Amount": discount,
                "DiscountLineDetail": {"PercentBased": False},
            }
        )
    return lines


def _line(
    line: LineItem, position: int, finder: ItemFinder, profile: CompanyProfile, number: str
) -> Payload:
    detail: Payload = {"ItemRef": {"value": finder.item_id(line, position=position, number=number)}}
    price = line_price(line)
    if price.quantity is not None:
        detail["Qty"] = price.quantity
        detail["UnitPrice"] = price.unit_price
    if profile.sales_tax is not SalesTax.NONE:
        detail["TaxCodeRef"] = {"value": "TAX" if line.taxable else "NON"}
    payload: Payload = {"DetailType": "SalesItemLineDetail", "Amount": price.amount}
    if description := block(line.description):
        check_length(
            description,
            DESCRIPTION_LIMIT,
            code="description-too-long",
            facts={"line": position, "number": number},
        )
        payload["Description"] = description
    payload["SalesItemLineDetail"] = detail
    return payload
