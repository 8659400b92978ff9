"""Files for the bookkeeper: records that were not sent, and totals by month."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Download
from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.panel.formats import Formats
from dunahub_qbo_plugin.panel.panel_action import InRead, PanelAction
from dunahub_qbo_plugin.review import files

if TYPE_CHECKING:
    from dunahub_qbo_plugin.panel.panel_action import Transaction

CSV: Final = "text/csv; charset=utf-8"
ZIP: Final = "application/zip"
MONTHS: Final = 12
"""Months in the bookkeeper's file."""


def _months(work: Transaction) -> Download:
    local = Formats.of(work.request.org.timezone, work.now)
    body = files.months_file(
        work.db, work.connection, today=local.today, months=MONTHS, zone=local.zone
    )
    return Download(filename="quickbooks-months.csv", content_type=CSV, body=body)


def _not_sent(work: Transaction, *, kind: Kind) -> Download:
    """Return one CSV file, or several in a ZIP file."""
    bodies = files.not_sent_files(work.db, work.connection, kind)
    if len(bodies) == 1:
        ((name, body),) = bodies.items()
        return Download(filename=name, content_type=CSV, body=body)
    body = files.packed(bodies)
    return Download(filename=f"not-sent-{kind.word}s.zip", content_type=ZIP, body=body)


ACTIONS: Final = (
    *(
        PanelAction(
            name=f"export-{kind.word}s", method="GET", run=InRead(partial(_not_sent, kind=kind))
        )
        for kind in Kind
    ),
    PanelAction(name="export-months", method="GET", run=InRead(_months)),
)
