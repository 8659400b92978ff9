"""Gauges over all companies, for monitoring: read-only.

Due and open rows are found through partial indexes, so the cost depends on what is to be done, not
on the size of the table. Payments that are never sent are open too: an organization with a million
cash payments makes it take about a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import RecordState, Status
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.state import (
    due,
    in_counts,
    is_open,
    live,
    of_connection,
    state_column,
)
from dunahub_qbo_plugin.store.tables import connections, history, records

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.companies.connection import Connection

MAX_HISTORY_ENTRIES: Final = 20_000
"""Entries of the history that `recent` reads at most."""


@attrs.frozen(kw_only=True)
class Gauges:
    """Gauges of all companies, or of one.

    Attributes:
        due: records that could be sent now, including those of paused companies.
        oldest_due_at: when the record that is due longest became due.
        waiting: records that wait for another record or for their next attempt.
        attention: records that need a person.
        not_sent: records that are kept back, without payments that are never sent.
        connected, expired, stopped, unconfirmed, disconnected: companies in these states.
        resting: connected companies that are paused.
        leased: companies that a worker is draining.
        idle_since: when the access token that has been unused longest expired.
        refresh_ends_at: when the first refresh token expires, as Intuit says.
    """

    due: int = 0
    oldest_due_at: datetime | None = None
    waiting: int = 0
    attention: int = 0
    not_sent: int = 0
    connected: int = 0
    expired: int = 0
    stopped: int = 0
    unconfirmed: int = 0
    disconnected: int = 0
    resting: int = 0
    leased: int = 0
    idle_since: datetime | None = None
    refresh_ends_at: datetime | None = None


def gauges(db: sa.Connection, *, now: datetime, company_id: str | None = None) -> Gauges:
    """Return the gauges.

    Args:
        db: a consistent read.
        now: records due until then count as due.
        company_id: only this company; None for all current ones.
    """
    mine = connections.c.current if company_id is None else connections.c.id == company_id
    found = _due(db, mine, now)
    opened = _open(db, mine)
    companies = _companies(db, mine, now)
    return Gauges(
        due=found.n,
        oldest_due_at=from_ms(found.oldest),
        # Both queries see the same state where the database gives a consistent read.
        waiting=max(0, opened.get(RecordState.WAITING, 0) - found.n),
        attention=opened.get(RecordState.ATTENTION, 0),
        not_sent=opened.get(RecordState.NOT_SENT, 0),
        connected=companies.connected,
        expired=companies.expired,
        stopped=companies.stopped,
        unconfirmed=companies.unconfirmed,
        disconnected=companies.disconnected,
        resting=companies.resting,
        leased=companies.leased,
        idle_since=from_ms(companies.idle_since),
        refresh_ends_at=from_ms(companies.refresh_ends),
    )


def _due(db: sa.Connection, mine: sa.ColumnElement[bool], now: datetime) -> Any:  # noqa: ANN401  a Row
    statement = (
        sa.select(
            sa.func.count().label("n"), sa.func.min(records.c.next_attempt_at).label("oldest")
        )
        .select_from(connections.join(records, of_connection))
        .where(mine, live, due(now))
    )
    return db.execute(statement).one()


def _open(db: sa.Connection, mine: sa.ColumnElement[bool]) -> dict[RecordState, int]:
    """Count open records by state."""
    state = state_column()
    statement = (
        sa.select(state.label("state"), sa.func.count().label("n"))
        .select_from(connections.join(records, records.c.company_id == connections.c.id))
        .where(mine, is_open, in_counts)
        .group_by(state)
    )
    return {RecordState(row.state): row.n for row in db.execute(statement)}


def _companies(db: sa.Connection, mine: sa.ColumnElement[bool], now: datetime) -> Any:  # noqa: ANN401  a Row
    stamp, row = to_ms(now), connections.c
    gone = row.disconnected_at.is_not(None)
    asked = row.pending_at.is_not(None)
    stopped = sa.and_(sa.not_(gone), sa.not_(asked), row.region_closed_at.is_not(None))
    expired = sa.and_(
        sa.not_(gone), sa.not_(asked), row.region_closed_at.is_(None), row.expired_at.is_not(None)
    )

    def number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.count(sa.case((condition, 1)))

    statement = sa.select(
        number(live).label("connected"),
        number(expired).label("expired"),
        number(stopped).label("stopped"),
        number(asked).label("unconfirmed"),
        number(sa.and_(gone, sa.not_(asked))).label("disconnected"),
        number(sa.and_(live, row.paused_until > stamp)).label("resting"),
        number(sa.and_(row.lease_owner.is_not(None), row.lease_until > stamp)).label("leased"),
        sa.func.min(sa.case((live, row.access_expires_at))).label("idle_since"),
        sa.func.min(sa.case((live, row.refresh_expires_at))).label("refresh_ends"),
    ).where(mine)
    return db.execute(statement).one()


def recent(
    db: sa.Connection, *, since: datetime, company_id: str | None = None
) -> dict[tuple[str, str], int]:
    """Count entries of the history since a time, by event and code.

    Only the newest `MAX_HISTORY_ENTRIES` are read, so that it never takes long.

    Args:
        db: a consistent read.
        since: entries from then on.
        company_id: only this company's; None for all.
    """
    newest = sa.select(history.c.event, history.c.code, history.c.at)
    if company_id is not None:
        newest = newest.where(history.c.company_id == company_id)
    looked_at = newest.order_by(history.c.id.desc()).limit(MAX_HISTORY_ENTRIES).subquery()
    statement = (
        sa.select(looked_at.c.event, looked_at.c.code, sa.func.count().label("n"))
        .where(looked_at.c.at >= to_ms(since))
        .group_by(looked_at.c.event, looked_at.c.code)
    )
    return {(row.event, row.code or ""): row.n for row in db.execute(statement)}


@attrs.frozen(kw_only=True)
class Backlog:
    """What is still to be sent of one company.

    Attributes:
        due: records that are due.
        oldest_due_at: when the record that is due longest became due.
        later: records whose next attempt is later.
        next_due_at: the first such time.
    """

    due: int = 0
    oldest_due_at: datetime | None = None
    later: int = 0
    next_due_at: datetime | None = None


def backlog(db: sa.Connection, connection: Connection, *, now: datetime) -> Backlog:
    """Return the backlog; it is empty while the company is not connected."""
    if connection.status is Status.NOT_CONNECTED:
        return Backlog()
    has_come = due(now)
    row = db.execute(
        sa.select(
            sa.func.count(sa.case((has_come, 1))).label("due"),
            sa.func.min(sa.case((has_come, records.c.next_attempt_at))).label("oldest"),
            sa.func.count(sa.case((sa.not_(has_come), 1))).label("later"),
            sa.func.min(sa.case((sa.not_(has_come), records.c.next_attempt_at))).label("next"),
        ).where(
            records.c.company_id == connection.id,
            records.c.connection_period == connection.connection_period,
            records.c.next_attempt_at.is_not(None),
        )
    ).one()
    return Backlog(
        due=row.due,
        oldest_due_at=from_ms(row.oldest),
        later=row.later,
        next_due_at=from_ms(row.next),
    )
