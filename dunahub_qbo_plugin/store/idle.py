"""Connections whose tokens nobody has used for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.edge import to_ms
from dunahub_qbo_plugin.store.leases import live
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime


def companies(db: sa.Connection, *, before: datetime, limit: int) -> list[str]:
    """Name live companies whose access token ended before a moment, the longest idle first."""
    statement = (
        sa.select(connections.c.id)
        .where(
            live,
            connections.c.refresh_enc.is_not(None),
            connections.c.access_expires_at < to_ms(before),
        )
        .order_by(connections.c.access_expires_at)
        .limit(limit)
    )
    return list(db.execute(statement).scalars())
