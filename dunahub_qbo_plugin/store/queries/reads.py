"""Metered reads by month and reason, for each company: what is spent of Intuit's allowance."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model import READS_CODES, READS_USED_UP, ReadReason
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import conditions, metered_reads, records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

STILL_TRUE: Final = timedelta(hours=3)
"""Time after which that reads are used up counts as over when no process says so any more."""
MONTHS_KEPT: Final = 13
"""Months of which the counts are kept."""


def month_of(now: datetime) -> str:
    """Return the month of a time, as ``2026-03``: UTC, since Intuit's own is not known."""
    return f"{now:%Y-%m}"


def _months(now: datetime) -> tuple[str, str]:
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


def this_month(
    db: sa.Connection, *, now: datetime, company_id: str | None = None
) -> tuple[dict[ReadReason, int], int]:
    """Return this month's reads by reason, and those of the month before, of one company or all."""
    month, before = _months(now)
    row = metered_reads.c
    statement = (
        sa.select(row.month, row.reason, sa.func.sum(row.reads).label("n"))
        .where(row.month.in_((month, before)))
        .group_by(row.month, row.reason)
    )
    if company_id is not None:
        statement = statement.where(row.company_id == company_id)
    found = {(one.month, one.reason): int(one.n) for one in db.execute(statement)}
    used = {reason: n for reason in ReadReason if (n := found.get((month, reason.value), 0))}
    return used, sum(n for (of, _), n in found.items() if of == before)


def note_used_up(db: sa.Connection, *, since: datetime, now: datetime) -> None:
    """Store that the app's reads of the month are used up."""
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    told = {"name": READS_USED_UP, "since": to_ms(since), "heard_at": to_ms(now)}
    db.execute(
        insert(conditions)
        .values(told)
        .on_conflict_do_update(index_elements=["name"], set_={"heard_at": told["heard_at"]})
    )


def note_answered(db: sa.Connection, *, at: datetime) -> None:
    """Store that a read was answered: they are not used up, unless one was refused since."""
    mine = sa.and_(conditions.c.name == READS_USED_UP, conditions.c.heard_at <= to_ms(at))
    db.execute(sa.delete(conditions).where(mine))


def used_up_since(db: sa.Connection, *, now: datetime) -> datetime | None:
    """Return since when the app's reads are used up; None if not, or not heard of lately."""
    statement = sa.select(conditions.c.since).where(
        conditions.c.name == READS_USED_UP, conditions.c.heard_at >= to_ms(now - STILL_TRUE)
    )
    return from_ms(db.execute(statement).scalar_one_or_none())


def delayed(db: sa.Connection, company_id: str | None = None) -> int:
    """Return how many records wait for a look in QuickBooks, of one company or of all."""
    statement = sa.select(sa.func.count()).where(
        records.c.error_code.in_(READS_CODES), records.c.next_attempt_at.is_not(None)
    )
    if company_id is not None:
        statement = statement.where(records.c.company_id == company_id)
    return int(db.execute(statement).scalar_one())


def prune(db: sa.Connection, *, now: datetime) -> None:
    """Delete the counts of months long past."""
    months = now.year * 12 + now.month - 1 - MONTHS_KEPT
    oldest = f"{months // 12:04d}-{months % 12 + 1:02d}"
    db.execute(sa.delete(metered_reads).where(metered_reads.c.month < oldest))
