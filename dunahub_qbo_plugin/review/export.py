"""CSV for the bookkeeper: what was not sent, in the columns that QuickBooks Online imports.

Invoices and customers go in through QuickBooks' own Import data page; payments have no import
there, so their file is for entering them by hand.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.mapping.money import cents
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.snapshot import display_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from dunahub_hookspecs import Invoice, Lead, Payment
    from dunahub_qbo_plugin.review.monthly import MonthlyReport

INVOICE_COLUMNS: Final = (
    "*InvoiceNo",
    "*Customer",
    "*InvoiceDate",
    "*DueDate",
    "Terms",
    "Location",
    "Memo",
    "Item(Product/Service)",
    "ItemDescription",
    "ItemQuantity",
    "ItemRate",
    "*ItemAmount",
    "Service Date",
)
"""Those of the sample file on QuickBooks Online's "Import invoices" page (United States)."""
CUSTOMER_COLUMNS: Final = (
    "Name",
    "Company",
    "Email",
    "Phone",
    "Street",
    "City",
    "State",
    "ZIP",
    "Country",
)
"""Of those on its "Import customers" page, the ones that a lead has."""
PAYMENT_COLUMNS: Final = ("Date", "Invoice", "Amount", "Method", "Reference")
MONTH_COLUMNS: Final = (
    "Month",
    "Kind",
    "Sent",
    "Sent amount",
    "Amount in QuickBooks",
    "Variance",
    "With variance",
    "Waiting",
    "Waiting amount",
    "Needs attention",
    "Needs attention amount",
    "Not sent",
    "Not sent amount",
    "Dismissed",
    "Dismissed amount",
)
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings by which a spreadsheet takes a text for a formula."""
PHONE: Final = re.compile(r"\+[0-9 ().-]+")


def invoices_csv(invoices: Iterable[Invoice]) -> bytes:
    """Write invoices, one row a line; the invoice's own columns stand in its first row.

    A discount and tax are rows of their own, since the import has no column for them.
    """
    rows: list[Sequence[object]] = []
    for invoice in invoices:
        due = invoice.due_on or invoice.issued_on
        memo = " ".join(invoice.message.split())
        head: list[object] = [
            _safe(display_name(invoice.lead)),
            _day(invoice.issued_on),
            _day(due),
            "",
            "",
            _safe(memo),
        ]
        blank: list[object] = [""] * len(head)
        number = _safe(invoice.number)
        lines: list[list[object]] = [
            [
                _safe(line.service_name),
                _safe(" ".join(line.description.split())),
                format(line.quantity.normalize(), "f"),
                format(line.unit_price, "f"),
                cents(line.amount),
                "",
            ]
            for line in invoice.lines
        ]
        if invoice.discount:
            lines.append(
                ["", "Discount", "1", -cents(invoice.discount), -cents(invoice.discount), ""]
            )
        if invoice.tax:
            lines.append(["", "Sales tax", "1", cents(invoice.tax), cents(invoice.tax), ""])
        rows += [[number, *(head if first else blank), *line] for first, line in _marked(lines)]
    return _write(INVOICE_COLUMNS, rows)


def customers_csv(leads: Iterable[Lead]) -> bytes:
    """Write leads as customers."""
    return _write(
        CUSTOMER_COLUMNS,
        [
            [
                _safe(display_name(lead)),
                _safe(lead.company),
                _safe(lead.email),
                _safe(lead.phone),
                _safe(" ".join(f"{lead.address.line1} {lead.address.line2}".split())),
                _safe(lead.address.city),
                _safe(lead.address.state),
                _safe(lead.address.postal_code),
                _safe(lead.address.country),
            ]
            for lead in leads
        ],
    )


def payments_csv(payments: Iterable[Payment]) -> bytes:
    """Write payments."""
    return _write(
        PAYMENT_COLUMNS,
        [
            [
                _day(payment.paid_on),
                _safe(payment.invoice_number),
                cents(payment.amount),
                payment.method.value,
                _safe(payment.reference),
            ]
            for payment in payments
        ],
    )


WRITERS: Final = {
    Kind.CUSTOMER: customers_csv,
    Kind.INVOICE: invoices_csv,
    Kind.PAYMENT: payments_csv,
}
"""What writes the records of a kind."""


def months_csv(report: MonthlyReport) -> bytes:
    """Write the month's report."""
    words = {Kind.INVOICE: "Invoices", Kind.PAYMENT: "Payments", Kind.CUSTOMER: "Customers"}
    return _write(
        MONTH_COLUMNS,
        [
            [
                row.month,
                words[row.kind],
                row.synced.count,
                row.synced.amount,
                row.there,
                row.variance,
                row.variances,
                row.waiting.count,
                row.waiting.amount,
                row.attention.count,
                row.attention.amount,
                row.not_sent.count,
                row.not_sent.amount,
                row.dismissed.count,
                row.dismissed.amount,
            ]
            for row in report.months
        ],
    )


def _marked(lines: list[list[object]]) -> list[tuple[bool, list[object]]]:
    return [(position == 0, line) for position, line in enumerate(lines)]


def _safe(text: str) -> str:
    """Keep a spreadsheet from running a text as a formula.

    A phone number may begin with a plus: nothing but digits and signs cannot do harm, and the
    import would take the apostrophe for a part of it.
    """
    if text.startswith(FORMULA) and not PHONE.fullmatch(text):
        return f"'{text}"
    return text


def _day(day: date) -> str:
    return day.strftime("%m/%d/%Y")


def _write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Write a file that spreadsheets open as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()
