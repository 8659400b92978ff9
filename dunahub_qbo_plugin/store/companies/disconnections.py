"""The periods in which an organization was disconnected from its company."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import disconnections_table

if TYPE_CHECKING:
    from datetime import datetime


@attrs.frozen(kw_only=True)
class Disconnection:
    """One period without a connection.

    Attributes:
        connection_period: records of this connection period were saved while it lasted; those of
            the one before were still unsent when it began.
        ended_at: None while it lasts.
    """

    connection_period: int
    started_at: datetime
    started_by: str
    ended_at: datetime | None


def begin(
    db: sa.Connection, company_id: str, *, connection_period: int, by: str, now: datetime
) -> None:
    """Record that a company was disconnected."""
    db.execute(
        sa.insert(disconnections_table).values(
            company_id=company_id,
            connection_period=connection_period,
            started_at=to_ms(now),
            started_by=by,
        )
    )


def end(db: sa.Connection, company_id: str, *, now: datetime) -> None:
    """Record that it was connected again."""
    db.execute(
        sa.update(disconnections_table)
        .where(
            disconnections_table.c.company_id == company_id,
            disconnections_table.c.ended_at.is_(None),
        )
        .values(ended_at=to_ms(now))
    )


def of_company(db: sa.Connection, company_id: str) -> list[Disconnection]:
    """Return a company's disconnected periods, newest first."""
    rows = db.execute(
        sa.select(disconnections_table)
        .where(disconnections_table.c.company_id == company_id)
        .order_by(disconnections_table.c.id.desc())
    )
    return [
        Disconnection(
            connection_period=row.connection_period,
            started_at=from_ms(row.started_at),
            started_by=row.started_by,
            ended_at=from_ms(row.ended_at),
        )
        for row in rows
    ]
