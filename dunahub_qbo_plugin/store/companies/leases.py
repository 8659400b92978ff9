"""Leases on companies: one drain at a time, with a deadline and a fence that only grows.

The fence stops a worker that was paused past its deadline: every claim and every settle checks it
in the same transaction.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.errors import LeaseLost
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.db.compiled import compiled
from dunahub_qbo_plugin.store.state import (
    due,
    live,
    may_leave,
    of_connection,
    pause_is_over,
)
from dunahub_qbo_plugin.store.tables import connections, records

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

LEASE: Final = timedelta(seconds=15)
"""Duration of a lease after its worker's last write."""


@attrs.frozen(kw_only=True)
class Lease:
    """The right to drain one company.

    Attributes:
        until: its deadline unless it is renewed.
        look_first: until when each create is preceded by a look (see `pauses.look_first`).
    """

    company_id: str
    org_id: str
    owner: str
    fence: int
    connection_period: int
    until: datetime
    look_first: datetime | None = None


def acquire(
    connection: sa.Connection, company_id: str, *, owner: str, now: datetime
) -> Lease | None:
    """Take the lease of a company that is live, not paused and not leased; None otherwise."""
    statement = (
        sa.update(connections)
        .where(
            connections.c.id == company_id,
            live,
            pause_is_over(now),
            sa.not_(_is_held(now)),
        )
        .values(lease_owner=owner, lease_until=to_ms(now + LEASE), fence=connections.c.fence + 1)
        .returning(
            connections.c.org_id,
            connections.c.fence,
            connections.c.connection_period,
            connections.c.look_first_until,
        )
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    return Lease(
        company_id=company_id,
        org_id=row.org_id,
        owner=owner,
        fence=row.fence,
        connection_period=row.connection_period,
        until=now + LEASE,
        look_first=from_ms(looks) if (looks := row.look_first_until) > to_ms(now) else None,
    )


def _is_held(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        connections.c.lease_owner.is_not(None),
        connections.c.lease_until > to_ms(now),
        # A deadline further off than any worker sets comes from a clock that jumped.
        connections.c.lease_until <= to_ms(now + 2 * LEASE),
    )


def renew(connection: sa.Connection, lease: Lease, *, now: datetime) -> Lease:
    """Extend a lease, which also checks that it is still held.

    Raises:
        LeaseLost: another worker took the company over, or it was disconnected.
    """
    values = {
        "p_company": lease.company_id,
        "p_fence": lease.fence,
        "p_until": to_ms(now + LEASE),
    }
    if compiled(connection, _renew).run(connection, values).rowcount != 1:
        raise LeaseLost(f"company {lease.company_id} is no longer ours to drain")
    return attrs.evolve(lease, until=now + LEASE)


def _renew() -> sa.Update:
    """Build the statement with which every write of a drain begins."""
    return (
        sa.update(connections)
        .where(
            connections.c.id == sa.bindparam("p_company"),
            connections.c.fence == sa.bindparam("p_fence"),
        )
        .values(lease_until=sa.bindparam("p_until"))
    )


def release(connection: sa.Connection, lease: Lease) -> None:
    """Give the lease of a company back, if it is still held."""
    connection.execute(
        sa.update(connections)
        .where(connections.c.id == lease.company_id, connections.c.fence == lease.fence)
        .values(lease_owner=None, lease_until=0)
    )


def due_companies(connection: sa.Connection, *, now: datetime) -> dict[str, int]:
    """Return when each live company next has something due, in milliseconds by company.

    Leased companies are included, since their worker may have died.
    """
    moment = sa.case((due(now), 0), else_=records.c.next_attempt_at)
    paused = sa.case((pause_is_over(now), 0), else_=connections.c.paused_until)
    first = sa.func.min(moment).label("due")
    statement = (
        sa.select(connections.c.id, first, sa.func.max(paused).label("paused"))
        .select_from(connections)
        .join(records, sa.and_(of_connection, records.c.next_attempt_at.is_not(None), may_leave))
        .where(live)
        .group_by(connections.c.id)
    )
    return {row.id: max(row.due, row.paused) for row in connection.execute(statement)}


def to_ring_for(
    connection: sa.Connection,
    *,
    now: datetime,
    org_ids: Collection[str] | None = None,
    limit: int,
) -> list[str]:
    """Return live, unpaused companies that have something due.

    Args:
        connection: a consistent read.
        now: records due until then count.
        org_ids: only these organizations' companies, leased or not; None for all companies that
            are not leased, which is a sweep.
        limit: companies at most.
    """
    has_come = sa.and_(due(now), may_leave)
    asked = sa.select(connections.c.id).where(live, pause_is_over(now))
    if org_ids is not None:
        owned = connections.c.org_id.in_(org_ids)
        asked = asked.where(owned, sa.exists().where(of_connection, has_come))
    else:
        # From the few due rows to their companies, instead of a scan of all companies.
        rows = (
            sa.select(records.c.company_id, records.c.connection_period)
            .where(has_come)
            .distinct()
            .subquery()
        )
        belongs = sa.and_(
            rows.c.company_id == connections.c.id,
            rows.c.connection_period == connections.c.connection_period,
        )
        asked = asked.join(rows, belongs).where(sa.not_(_is_held(now)))
    return list(connection.execute(asked.limit(limit)).scalars())


def is_due(connection: sa.Connection, company_id: str, *, now: datetime) -> bool:
    """Return whether a company is live, not paused, and has something due."""
    org_id = sa.select(connections.c.org_id).where(connections.c.id == company_id)
    owner = connection.execute(org_id).scalar_one_or_none()
    if owner is None:
        return False
    return company_id in to_ring_for(connection, now=now, org_ids=[owner], limit=10)
