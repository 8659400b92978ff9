"""Pauses of a company, and the mode in which each create is preceded by a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import cut, to_ms
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.model import ErrorInfo


def pause(
    db: sa.Connection, company_id: str, info: ErrorInfo, *, until: datetime, now: datetime
) -> None:
    """Pause a company until a time, and keep why."""
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(
            paused_at=to_ms(now),
            paused_until=to_ms(until),
            pause_code=info.code,
            pause_cause=info.cause or None,
            pause_text=cut(info.text, 500),
        )
    )


def resume(db: sa.Connection, company_id: str) -> None:
    """End a pause."""
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(paused_at=0, paused_until=0, pause_cause=None, pause_code=None, pause_text=None)
    )


def look_first(db: sa.Connection, company_id: str, *, until: datetime) -> None:
    """Look in QuickBooks before each create until a time.

    For use after a backup was restored: QuickBooks has records made since then, which the database
    does not know. It costs one metered read for each new record.
    """
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id)
        .values(look_first_until=to_ms(until))
    )
