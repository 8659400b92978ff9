"""Files for the bookkeeper: what was not sent, and the months."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dunahub_hookspecs import Download
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.panel import asked
from dunahub_qbo_plugin.panel.formats import Formats
from dunahub_qbo_plugin.review import export
from dunahub_qbo_plugin.review.monthly import monthly_report
from dunahub_qbo_plugin.store import ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    import sqlalchemy as sa

    from dunahub_hookspecs import ActionRequest
    from dunahub_qbo_plugin.panel.context import PanelContext
    from dunahub_qbo_plugin.panel.flash import Answer
    from dunahub_qbo_plugin.store.connections import Connection

CSV: Final = "text/csv; charset=utf-8"
MONTHS: Final = 12
"""Months in the bookkeeper's file."""


def customers(context: PanelContext, request: ActionRequest) -> Answer:
    """Give the customers that were not sent, for QuickBooks' own import."""
    return _left_behind(context, request, Kind.CUSTOMER)


def invoices(context: PanelContext, request: ActionRequest) -> Answer:
    """Give the invoices that were not sent, for QuickBooks' own import."""
    return _left_behind(context, request, Kind.INVOICE)


def payments(context: PanelContext, request: ActionRequest) -> Answer:
    """Give the payments that were not sent, to be entered by hand."""
    return _left_behind(context, request, Kind.PAYMENT)


def months(context: PanelContext, request: ActionRequest) -> Answer:
    """Give the last twelve months, added up."""
    with context.database.read.connect() as db:
        connection = asked.company(context, db, request, connected=False)
        formats = Formats.of(request.org.timezone, context.clock.now())
        report = monthly_report(db, connection, today=formats.today, months=MONTHS)
    body = export.months_csv(report)
    return Download(filename="quickbooks-months.csv", content_type=CSV, body=body)


def _left_behind(context: PanelContext, request: ActionRequest, kind: Kind) -> Download:
    write: Any = export.WRITERS[kind]
    with context.database.read.connect() as db:
        connection = asked.company(context, db, request, connected=False)
        body = write(_values(db, connection, kind))
    return Download(filename=f"not-sent-{kind.word}s.csv", content_type=CSV, body=body)


def _values(db: sa.Connection, connection: Connection, kind: Kind) -> Iterator[Any]:
    """Give every record of a kind that was left behind, read in parts."""
    after = 0
    while found := ledger.values_left_behind(db, connection, kind, after=after):
        after = found[-1][0]
        yield from (value for _, value in found)


ACTIONS: Final = {
    "export-customers": customers,
    "export-invoices": invoices,
    "export-payments": payments,
    "export-months": months,
}
