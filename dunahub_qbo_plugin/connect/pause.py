"""The pause of a company, and whether a person may end it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.qbo.fault_table import Meaning, row_of
from dunahub_qbo_plugin.store.companies import pauses

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dunahub_qbo_plugin.store.companies.connection import Connection

_HTTP_ERRORS: Final = range(400, 600)


def paused_by(connection: Connection) -> ErrorInfo:
    """Return the error for which the company was paused."""
    code = connection.pause_code or ""
    status = int(code) if code.isdigit() and int(code) in _HTTP_ERRORS else None
    return ErrorInfo(code=code, text=connection.pause_text or "", status=status)


def may_resume(connection: Connection) -> bool:
    """Return whether a person may end the company's pause: not where QuickBooks asked for it."""
    return row_of(paused_by(connection)).meaning is not Meaning.THROTTLED


def resume(db: sa.Connection, connection: Connection) -> None:
    """End the company's pause, unless QuickBooks asked for it."""
    if connection.paused_until is not None and may_resume(connection):
        pauses.resume(db, connection.id)
