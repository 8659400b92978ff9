"""One worker at a time renews a company's tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime

REFRESH_CLAIM: Final = timedelta(minutes=5)
"""How long one worker has to renew a token before another may try: longer than its time-outs. These
are two minutes each to learn Intuit's address and to be answered, and then some tries to store."""


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
