"""Stop sending for organizations outside the US, and resume when they are in the US again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime


def close_region(db: sa.Connection, org_id: str, *, now: datetime) -> bool:
    """Stop all sending of an organization that is no longer in the US (rule 13)."""
    statement = (
        sa.update(connections)
        .where(connections.c.org_id == org_id, connections.c.region_closed_at.is_(None))
        .values(region_closed_at=to_ms(now), fence=connections.c.fence + 1, lease_owner=None)
    )
    return db.execute(statement).rowcount > 0


def open_region(db: sa.Connection, org_id: str) -> bool:
    """Resume sending for an organization that is in the US again."""
    statement = (
        sa.update(connections)
        .where(connections.c.org_id == org_id, connections.c.region_closed_at.is_not(None))
        .values(region_closed_at=None)
    )
    return db.execute(statement).rowcount > 0


def region_is_open(db: sa.Connection, org_id: str) -> bool:
    """Return whether an organization has a connection that is not stopped by its region."""
    statement = sa.select(connections.c.id).where(
        connections.c.org_id == org_id, connections.c.region_closed_at.is_(None)
    )
    return db.execute(statement.limit(1)).first() is not None


def region_is_stopped(db: sa.Connection, org_id: str) -> bool:
    """Return whether an organization has a connection that its region stopped."""
    statement = sa.select(connections.c.id).where(
        connections.c.org_id == org_id, connections.c.region_closed_at.is_not(None)
    )
    return db.execute(statement.limit(1)).first() is not None
