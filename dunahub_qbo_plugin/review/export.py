"""CSV for the bookkeeper, in the columns that QuickBooks Online imports.

Invoices and customers go in through QuickBooks' own Import data page; payments have no import
there, so their file is for entering them by hand. So is that of invoices which the page cannot
take: its columns have no place for a discount or sales tax, and it takes no amount below zero.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.mapping.money import cents
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.model.snapshot import display_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import date, tzinfo

    from dunahub_hookspecs import Invoice, Lead, LineItem, Payment
    from dunahub_qbo_plugin.review.monthly import MonthlyReport
    from dunahub_qbo_plugin.store.companies.disconnections import Disconnection

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
MAX_INVOICES_PER_IMPORT: Final = 100
"""Invoices that QuickBooks imports at a time."""
MAX_ROWS_PER_IMPORT: Final = 1000
"""Rows of a file that it imports."""
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
    "Disconnected",
)
FORMULA_STARTS: Final = (
    *"=+-@|%",
    *("\uff1d", "\uff0b", "\uff0d", "\uff20", "\u2212", "\ufe62", "\ufe63"),
)
"""Beginnings by which a spreadsheet takes a text for a formula, also in their wide forms."""
JOINERS: Final = "\u200c\u200d"
"""Format characters that belong to names and to emoji."""
PHONE: Final = re.compile(r"\+[0-9 ().-]+")


def invoices_csv(
    invoices: Iterable[Invoice], *, product: Callable[[LineItem], str] | None = None
) -> bytes:
    """Return invoices as CSV: one row for each line, the invoice's own columns in the first.

    A discount and tax are rows of their own, to be entered by hand.

    Args:
        invoices: what to write.
        product: names the QuickBooks product of a line; without it the service is named.
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
                _safe(line.service_name if product is None else product(line)),
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


def can_be_imported(invoice: Invoice) -> bool:
    """Return whether QuickBooks' import takes an invoice as it is."""
    plain = not cents(invoice.discount) and not cents(invoice.tax)
    return plain and all(line.amount >= 0 for line in invoice.lines)


def import_batches(invoices: Iterable[Invoice]) -> Iterator[list[Invoice]]:
    """Divide invoices into parts that QuickBooks can import."""
    part: list[Invoice] = []
    rows = 1  # the headings
    for invoice in invoices:
        more = len(invoice.lines)
        if part and (len(part) == MAX_INVOICES_PER_IMPORT or rows + more > MAX_ROWS_PER_IMPORT):
            yield part
            part, rows = [], 1
        part.append(invoice)
        rows += more
    if part:
        yield part


def customers_csv(leads: Iterable[Lead]) -> bytes:
    """Return leads as CSV of customers."""
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
    """Return payments as CSV."""
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


def months_csv(report: MonthlyReport, *, zone: tzinfo = UTC) -> bytes:
    """Return the report of months as CSV.

    Args:
        report: what to write.
        zone: the organization's, in which the disconnected periods are told.
    """
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
                "; ".join(_away(period, zone) for period in _touching(report, row.month, zone)),
            ]
            for row in report.months
        ],
    )


def _touching(report: MonthlyReport, month: str, zone: tzinfo) -> list[Disconnection]:
    """Return the disconnected periods that overlap a month given as ``2026-03``, oldest first."""

    def within(period: Disconnection) -> bool:
        begun = period.started_at.astimezone(zone).strftime("%Y-%m")
        if period.ended_at is None:
            return begun <= month
        return begun <= month <= period.ended_at.astimezone(zone).strftime("%Y-%m")

    return sorted(filter(within, report.disconnections), key=lambda period: period.started_at)


def _away(period: Disconnection, zone: tzinfo) -> str:
    start = _day(period.started_at.astimezone(zone))
    return f"{start} to {_day(period.ended_at.astimezone(zone)) if period.ended_at else 'now'}"


def _marked(lines: list[list[object]]) -> list[tuple[bool, list[object]]]:
    return [(position == 0, line) for position, line in enumerate(lines)]


def _safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula.

    On one line, without characters that are not seen: spreadsheets pass over some of them, such as
    a byte order mark, and take what follows for the beginning. A phone number may begin with a
    plus: nothing but digits and signs cannot do harm, and the import would take the apostrophe for
    a part of it.
    """
    plain = "".join(
        character
        for character in one_line(text)
        if character in JOINERS or unicodedata.category(character) != "Cf"
    ).lstrip(f" {JOINERS}")
    if plain.startswith(FORMULA_STARTS) and not PHONE.fullmatch(plain):
        return f"'{plain}"
    return plain


def _day(day: date) -> str:
    return day.strftime("%m/%d/%Y")


def _write(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return CSV that spreadsheets open as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()
