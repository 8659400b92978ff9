"""Find what needs a person, over all companies; the cost grows with trouble, not with records."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import READS_USED_UP
from dunahub_qbo_plugin.model.conditions import Condition, ConditionKind
from dunahub_qbo_plugin.store.convert import from_cents, from_ms, to_ms
from dunahub_qbo_plugin.store.queries.reads import STILL_TRUE
from dunahub_qbo_plugin.store.state import failed, in_counts, is_open, live, of_connection
from dunahub_qbo_plugin.store.tables import conditions, connections, records

if TYPE_CHECKING:
    from datetime import datetime

WARN_BEFORE: Final = timedelta(days=7)
"""Time before the end of a company's access from which the host is told."""
SILENT_FOR: Final = timedelta(days=3)
"""Time without anything going through after which it is told, if there was something to send."""
MAX_COMPANIES: Final = 1000
"""Companies of one kind of trouble that are told of at once; the next look finds others."""


_connected: Final = sa.and_(
    connections.c.current,
    connections.c.disconnected_at.is_(None),
    connections.c.region_closed_at.is_(None),
)
"""A company that records belong to, whether its access has expired or not."""


def current(db: sa.Connection, *, now: datetime) -> list[Condition]:
    """Return all that is the case now, but for what the database cannot know of itself."""
    return [
        *_access_lost(db),
        *_access_ending(db, now),
        *_attention(db),
        *_silence(db, now),
        *_reads(db, now),
    ]


def _access_lost(db: sa.Connection) -> list[Condition]:
    row = connections.c
    statement = sa.select(row.id, row.org_id, row.company_name, row.expired_at).where(
        row.current,
        row.expired_at.is_not(None),
        row.disconnected_at.is_(None),
        row.pending_at.is_(None),
        row.region_closed_at.is_(None),
    )
    return [
        Condition(
            kind=ConditionKind.ACCESS_LOST,
            since=from_ms(one.expired_at),
            company_id=one.id,
            org_id=one.org_id,
            facts={"company": one.company_name},
        )
        for one in db.execute(statement.limit(MAX_COMPANIES))
    ]


def _access_ending(db: sa.Connection, now: datetime) -> list[Condition]:
    row = connections.c
    statement = sa.select(row.id, row.org_id, row.company_name, row.grant_expires_at).where(
        live, row.grant_expires_at <= to_ms(now + WARN_BEFORE)
    )
    return [
        Condition(
            kind=ConditionKind.ACCESS_ENDING,
            since=from_ms(one.grant_expires_at) - WARN_BEFORE,
            company_id=one.id,
            org_id=one.org_id,
            facts={
                "company": one.company_name,
                "ends": from_ms(one.grant_expires_at).isoformat(timespec="seconds"),
            },
        )
        for one in db.execute(statement.limit(MAX_COMPANIES))
    ]


def _attention(db: sa.Connection) -> list[Condition]:
    number = sa.func.count().label("n")
    row = records.c
    statement = (
        sa.select(
            row.company_id,
            connections.c.org_id,
            connections.c.company_name,
            row.kind,
            row.error_code,
            sa.func.max(row.error_cause).label("cause"),
            number,
            sa.func.sum(row.amount).label("amount"),
            sa.func.min(row.first_failed_at).label("since"),
        )
        .select_from(connections.join(records, of_connection))
        .where(_connected, failed, is_open, in_counts)
        .group_by(
            row.company_id,
            connections.c.org_id,
            connections.c.company_name,
            row.kind,
            row.error_code,
        )
        .order_by(row.company_id, number.desc(), row.kind, row.error_code)
    )
    found: dict[str, list[sa.Row[tuple[str, ...]]]] = {}
    for one in db.execute(statement):
        found.setdefault(one.company_id, []).append(one)
    return [_needs_attention(causes) for causes in found.values()]


def _needs_attention(causes: list[sa.Row[tuple[str, ...]]]) -> Condition:
    """Sum up one company's causes, the one of most records first."""
    worst = causes[0]
    amount = from_cents(sum(int(one.amount or 0) for one in causes))
    return Condition(
        kind=ConditionKind.ATTENTION,
        since=from_ms(min(one.since or 0 for one in causes)),
        company_id=worst.company_id,
        org_id=worst.org_id,
        facts={
            "company": worst.company_name,
            "count": str(sum(one.n for one in causes)),
            "amount": str(amount),
            "worst_kind": worst.kind,
            "worst_code": worst.error_code,
            "worst_cause": worst.cause or "",
            "worst_count": str(worst.n),
        },
    )


def _silence(db: sa.Connection, now: datetime) -> list[Condition]:
    """Find companies in which records wait for days and nothing has gone through meanwhile."""
    row, long_ago = records.c, to_ms(now - SILENT_FOR)
    sent = records.alias("sent")
    statement = (
        sa.select(
            connections.c.id,
            connections.c.org_id,
            connections.c.company_name,
            sa.func.count().label("n"),
            sa.func.min(row.saved_at).label("since"),
        )
        .select_from(connections.join(records, of_connection))
        .where(
            live,
            is_open,
            row.skip_reason.is_(None),
            row.saved_at < long_ago,
            sa.not_(failed),
            connections.c.connected_at < long_ago,
            sa.not_(
                sa.exists().where(
                    sent.c.company_id == connections.c.id, sent.c.synced_at >= long_ago
                )
            ),
        )
        .group_by(connections.c.id, connections.c.org_id, connections.c.company_name)
        .limit(MAX_COMPANIES)
    )
    return [
        Condition(
            kind=ConditionKind.SILENCE,
            since=from_ms(one.since),
            company_id=one.id,
            org_id=one.org_id,
            facts={"company": one.company_name, "count": str(one.n)},
        )
        for one in db.execute(statement)
    ]


def _reads(db: sa.Connection, now: datetime) -> list[Condition]:
    statement = sa.select(conditions.c.since).where(
        conditions.c.name == READS_USED_UP, conditions.c.heard_at >= to_ms(now - STILL_TRUE)
    )
    return [
        Condition(kind=ConditionKind.READS_USED_UP, since=from_ms(since))
        for since in db.execute(statement).scalars()
    ]
