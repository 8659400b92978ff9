"""The guards around a connection: region, back-off of a whole company, single-flight refresh."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.edge import to_ms
from dunahub_qbo_plugin.store.tables import connections, records

if TYPE_CHECKING:
    from datetime import datetime

REFRESH_CLAIM: Final = timedelta(minutes=5)
"""How long one worker has to renew a token before another may try: longer than its time-outs. These
are two minutes each to learn Intuit's address and to be answered, and then some tries to store."""


def close_region(db: sa.Connection, org_id: str, *, now: datetime) -> bool:
    """Stop everything of an organization that is no longer in the US (product rule 13)."""
    statement = (
        sa.update(connections)
        .where(connections.c.org_id == org_id, connections.c.region_closed_at.is_(None))
        .values(region_closed_at=to_ms(now), fence=connections.c.fence + 1, lease_owner=None)
    )
    return db.execute(statement).rowcount > 0


def region_is_open(db: sa.Connection, org_id: str) -> bool:
    """Tell whether an organization has a connection that is not stopped by its region."""
    statement = sa.select(connections.c.id).where(
        connections.c.org_id == org_id, connections.c.region_closed_at.is_(None)
    )
    return db.execute(statement.limit(1)).first() is not None


def open_region(db: sa.Connection, org_id: str) -> bool:
    """Let an organization go on that is in the US again."""
    statement = (
        sa.update(connections)
        .where(connections.c.org_id == org_id, connections.c.region_closed_at.is_not(None))
        .values(region_closed_at=None)
    )
    return db.execute(statement).rowcount > 0


def reopen_where_saved(db: sa.Connection) -> None:
    """Let companies go on for which a record was saved after their region had stopped them.

    Hooks store nothing for other regions, so such a record proves that the organization is in
    the US again.
    """
    saved_since = sa.exists(
        sa.select(records.c.id).where(
            records.c.company_id == connections.c.id,
            records.c.epoch == connections.c.epoch,
            records.c.due_at.is_not(None),
            records.c.saved_at > connections.c.region_closed_at,
        )
    )
    db.execute(
        sa.update(connections)
        .where(connections.c.region_closed_at.is_not(None), saved_since)
        .values(region_closed_at=None)
    )


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


def claim_refresh(db: sa.Connection, company_id: str, *, owner: str, now: datetime) -> bool:
    """Be the one that renews a company's tokens; False when somebody else is at it."""
    stamp = to_ms(now)
    free = sa.or_(
        connections.c.refresh_owner.is_(None),
        connections.c.refresh_until <= stamp,
        connections.c.refresh_until > to_ms(now + 2 * REFRESH_CLAIM),
    )
    statement = (
        sa.update(connections)
        .where(connections.c.id == company_id, connections.c.refresh_enc.is_not(None), free)
        .values(refresh_owner=owner, refresh_until=to_ms(now + REFRESH_CLAIM))
    )
    return db.execute(statement).rowcount == 1


def drop_refresh(db: sa.Connection, company_id: str, *, owner: str) -> None:
    """Let others try after a renewal failed."""
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id, connections.c.refresh_owner == owner)
        .values(refresh_owner=None, refresh_until=0)
    )


def any_region_closed(db: sa.Connection) -> bool:
    """Tell whether any company is stopped by its region."""
    statement = sa.select(connections.c.id).where(connections.c.region_closed_at.is_not(None))
    return db.execute(statement.limit(1)).first() is not None


def region_is_stopped(db: sa.Connection, org_id: str) -> bool:
    """Tell whether an organization has a connection that its region stopped."""
    statement = sa.select(connections.c.id).where(
        connections.c.org_id == org_id, connections.c.region_closed_at.is_not(None)
    )
    return db.execute(statement.limit(1)).first() is not None


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
