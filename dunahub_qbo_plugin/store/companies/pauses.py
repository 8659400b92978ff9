"""Send nothing of a whole company for a while, or look before each create."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime


def pause(db: sa.Connection, company_id: str, *, until: datetime, code: str, text: str) -> None:
    """Send nothing of a company before a moment."""
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(paused_until=to_ms(until), pause_code=code, pause_text=text)
    )


def resume(db: sa.Connection, company_id: str) -> None:
    """Lift a pause."""
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(paused_until=0, pause_code=None, pause_text=None)
    )


def look_first(db: sa.Connection, company_id: str, *, until: datetime) -> None:
    """Look in QuickBooks before each create until a moment.

    For after a backup was restored: records made since then are in QuickBooks, and we do not know
    it. It costs one metered read for each new record.
    """
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(look_first_until=to_ms(until))
    )
