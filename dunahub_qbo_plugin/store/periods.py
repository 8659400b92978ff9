"""The periods in which an organization was disconnected from its company."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.edge import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import outages

if TYPE_CHECKING:
    from datetime import datetime


@attrs.frozen(kw_only=True)
class Period:
    """One such period.

    Attributes:
        epoch: records of this epoch were made while it lasted, those of the one before it were
            still unsent when it began.
        ended_at: None while it lasts.
    """

    epoch: int
    started_at: datetime
    started_by: str
    ended_at: datetime | None


def begin(db: sa.Connection, company_id: str, *, epoch: int, by: str, now: datetime) -> None:
    """Note that a company was disconnected."""
    db.execute(
        sa.insert(outages).values(
            company_id=company_id, epoch=epoch, started_at=to_ms(now), started_by=by
        )
    )


def end(db: sa.Connection, company_id: str, *, now: datetime) -> None:
    """Note that it was connected again."""
    db.execute(
        sa.update(outages)
        .where(outages.c.company_id == company_id, outages.c.ended_at.is_(None))
        .values(ended_at=to_ms(now))
    )


def of_company(db: sa.Connection, company_id: str) -> list[Period]:
    """Give a company's disconnected periods, newest first."""
    rows = db.execute(
        sa.select(outages).where(outages.c.company_id == company_id).order_by(outages.c.id.desc())
    )
    return [
        Period(
            epoch=row.epoch,
            started_at=from_ms(row.started_at),
            started_by=row.started_by,
            ended_at=from_ms(row.ended_at),
        )
        for row in rows
    ]
