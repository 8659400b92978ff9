"""The pause of a company, and whether a person may end it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.qbo.fault_table import Meaning, row_of
from dunahub_qbo_plugin.store.companies import pauses

if TYPE_CHECKING:
    import sqlalchemy as sa

    from dunahub_qbo_plugin.store.companies.connection import Connection


def may_resume(connection: Connection) -> bool:
    """Return whether a person may end the company's pause: not where QuickBooks asked for it."""
    return row_of(connection.paused_by).meaning is not Meaning.THROTTLED


def resume(db: sa.Connection, connection: Connection) -> None:
    """End the company's pause, unless QuickBooks asked for it."""
    if connection.paused_until is not None and may_resume(connection):
        pauses.resume(db, connection.id)
