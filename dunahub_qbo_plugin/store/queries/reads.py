"""Metered reads by month and reason, for each company: what is spent of Intuit's allowance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model import ReadReason
from dunahub_qbo_plugin.store.tables import metered_reads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MONTHS_KEPT: Final = 13
"""Months of which the counts are kept."""


def month_of(now: datetime) -> str:
    """Return the month of a time, as ``2026-03``: UTC, since Intuit's own is not known."""
    return f"{now:%Y-%m}"


def months(now: datetime) -> tuple[str, str]:
    """Return the month of a time, and the one before."""
    return month_of(now), month_of(now.replace(day=1) - timedelta(days=1))


def add(db: sa.Connection, counted: Mapping[tuple[str, ReadReason], int], *, now: datetime) -> None:
    """Add reads, by company and reason, to those of the month."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    for (company_id, reason), reads in sorted(counted.items()):
        statement = insert(metered_reads).values(
            company_id=company_id, month=month_of(now), reason=reason.value, reads=reads
        )
        db.execute(
            statement.on_conflict_do_update(
                index_elements=["company_id", "month", "reason"],
                set_={"reads": metered_reads.c.reads + reads},
            )
        )


def of_month(
    db: sa.Connection, month: str, *, company_id: str | None = None
) -> dict[ReadReason, int]:
    """Return the reads of a month by reason, of one company or of all."""
    statement = (
        sa.select(metered_reads.c.reason, sa.func.sum(metered_reads.c.reads).label("n"))
        .where(metered_reads.c.month == month)
        .group_by(metered_reads.c.reason)
    )
    if company_id is not None:
        statement = statement.where(metered_reads.c.company_id == company_id)
    found = {row.reason: int(row.n) for row in db.execute(statement)}
    return {reason: found[reason.value] for reason in ReadReason if reason.value in found}


def prune(db: sa.Connection, *, now: datetime) -> None:
    """Delete the counts of months long past."""
    months = now.year * 12 + now.month - 1 - MONTHS_KEPT
    oldest = f"{months // 12:04d}-{months % 12 + 1:02d}"
    db.execute(sa.delete(metered_reads).where(metered_reads.c.month < oldest))
