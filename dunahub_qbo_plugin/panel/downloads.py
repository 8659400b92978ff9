"""Files for the bookkeeper: what was not sent, and the months."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Download
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.panel import form_input
from dunahub_qbo_plugin.panel.formats import Formats
from dunahub_qbo_plugin.review import files

if TYPE_CHECKING:
    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.flash import Answer

CSV: Final = "text/csv; charset=utf-8"
ZIP: Final = "application/zip"
MONTHS: Final = 12
"""Months in the bookkeeper's file."""


def customers(context: PanelContext, request: ActionRequest) -> Answer:
    """Return the customers that were not sent, for QuickBooks' own import."""
    return _left_behind(context, request, Kind.CUSTOMER)


def invoices(context: PanelContext, request: ActionRequest) -> Answer:
    """Return the invoices that were not sent, for QuickBooks' own import."""
    return _left_behind(context, request, Kind.INVOICE)


def payments(context: PanelContext, request: ActionRequest) -> Answer:
    """Return the payments that were not sent, to be entered by hand."""
    return _left_behind(context, request, Kind.PAYMENT)


def months(context: PanelContext, request: ActionRequest) -> Answer:
    """Return the last twelve months, added up."""
    with context.database.read.connect() as db:
        connection = form_input.company(context, db, request, connected=False)
        local = Formats.of(request.org.timezone, context.clock.now())
        body = files.months_file(db, connection, today=local.today, months=MONTHS, zone=local.zone)
    return Download(filename="quickbooks-months.csv", content_type=CSV, body=body)


def _left_behind(context: PanelContext, request: ActionRequest, kind: Kind) -> Download:
    with context.database.read.connect() as db:
        connection = form_input.company(context, db, request, connected=False)
        bodies = files.not_sent_files(db, connection, kind)
    if len(bodies) == 1:
        ((name, body),) = bodies.items()
        return Download(filename=name, content_type=CSV, body=body)
    body = files.packed(bodies)
    return Download(filename=f"not-sent-{kind.word}s.zip", content_type=ZIP, body=body)


ACTIONS: Final = {
    "export-customers": customers,
    "export-invoices": invoices,
    "export-payments": payments,
    "export-months": months,
}
