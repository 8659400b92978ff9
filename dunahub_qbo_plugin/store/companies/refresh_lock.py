"""The claim to renew a company's tokens, which one worker has at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import connections

if TYPE_CHECKING:
    from datetime import datetime

REFRESH_CLAIM: Final = timedelta(minutes=5)
"""Duration of a claim: longer than a renewal's time-outs, which are two minutes each for Intuit's
discovery document and for the token, and then some attempts to store it."""


def claim_refresh(db: sa.Connection, company_id: str, *, owner: str, now: datetime) -> bool:
    """Claim the renewal of a company's tokens; return False if another has the claim."""
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
    """Give the claim up after a failed renewal."""
    db.execute(
        sa.update(connections)
        .where(connections.c.id == company_id, connections.c.refresh_owner == owner)
        .values(refresh_owner=None, refresh_until=0)
    )
