"""How much of a company is due, for the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Status
from dunahub_qbo_plugin.store.edge import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.connection import Connection


@attrs.frozen(kw_only=True)
class Backlog:
    """What is to be sent of one company.

    Attributes:
        due: records whose time has come.
        oldest_due_at: since when the one that waits longest could have been sent.
        later: records that are tried at a later time.
        next_due_at: the first such time.
    """

    due: int = 0
    oldest_due_at: datetime | None = None
    later: int = 0
    next_due_at: datetime | None = None


def backlog(db: sa.Connection, connection: Connection, *, now: datetime) -> Backlog:
    """Tell what is due; nothing is while the company is not connected."""
    if connection.status is Status.NOT_CONNECTED:
        return Backlog()
    stamp = to_ms(now)
    has_come = records.c.due_at <= stamp
    row = db.execute(
        sa.select(
            sa.func.count(sa.case((has_come, 1))).label("due"),
            sa.func.min(sa.case((has_come, records.c.due_at))).label("oldest"),
            sa.func.count(sa.case((sa.not_(has_come), 1))).label("later"),
            sa.func.min(sa.case((sa.not_(has_come), records.c.due_at))).label("next"),
        ).where(
            records.c.company_id == connection.id,
            records.c.epoch == connection.epoch,
            records.c.due_at.is_not(None),
        )
    ).one()
    return Backlog(
        due=row.due,
        oldest_due_at=from_ms(row.oldest),
        later=row.later,
        next_due_at=from_ms(row.next),
    )
