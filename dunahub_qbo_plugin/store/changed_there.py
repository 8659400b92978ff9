"""What Intuit's webhooks told of: records of ours that were changed in QuickBooks, by its Ids."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model import Kind
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import changes_there, connections, events, records

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

Transaction = sa.Connection

REMEMBERED: Final = timedelta(days=14)
"""Time for which an event's id is kept; Intuit repeats one for some days (its best practices)."""
OUR_OWN: Final = timedelta(minutes=2)
"""How near to a write of ours a change may be that QuickBooks made because of it."""
NO_OFTENER: Final = timedelta(days=1)
"""Age below which lists and settings are not read again because something changed in them."""
LONG_AGO: Final = timedelta(days=8)
"""As how old they then count, so that they are looked at before the next record is sent."""


@attrs.frozen(kw_only=True)
class ChangedThere:
    """A change in QuickBooks that nobody has looked at yet.

    Attributes:
        operation: ``updated``, ``deleted``, ``void`` or ``merged``.
        at: when, aware UTC.
    """

    operation: str
    at: datetime


def fresh(db: sa.Connection, ids: Collection[str], *, now: datetime) -> set[str]:
    """Store event ids, and return those that were not known: a repeat is dropped."""
    known = set(db.execute(sa.select(events.c.id).where(events.c.id.in_(ids))).scalars())
    new = set(ids) - known
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    for event_id in sorted(new):
        row = insert(events).values(id=event_id, came_at=to_ms(now))
        db.execute(row.on_conflict_do_nothing(index_elements=["id"]))
    db.execute(sa.delete(events).where(events.c.came_at < to_ms(now - REMEMBERED)))
    return new


def note(
    db: sa.Connection,
    company_id: str,
    entity: str,
    object_id: str,
    *,
    operation: str,
    at: datetime,
    now: datetime,
) -> None:
    """Note that an object was changed in QuickBooks, if it is a record of ours, and not by us.

    Our own writes come back as events, and so does what they change in passing (a payment's
    customer and invoice): what is updated near a write of ours is taken for that.
    """
    kind = Kind(entity)
    mine = sa.and_(
        records.c.company_id == company_id,
        records.c.kind == kind.value,
        records.c.qbo_id == object_id,
    )
    row = db.execute(sa.select(records.c.synced_at, records.c.request_key).where(mine)).first()
    if row is None or operation == "created":
        return
    if operation == "updated":
        near = sa.and_(
            records.c.company_id == company_id,
            sa.or_(
                records.c.request_key.is_not(None),
                records.c.synced_at.between(to_ms(at - OUR_OWN), to_ms(at + OUR_OWN)),
            ),
        )
        if db.execute(sa.select(records.c.id).where(near).limit(1)).first() is not None:
            return
    elif row.request_key is not None or _is_near(row.synced_at, at):
        return
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    told = {"operation": operation, "at": to_ms(at), "came_at": to_ms(now)}
    db.execute(
        insert(changes_there)
        .values(company_id=company_id, kind=kind.value, qbo_id=object_id, **told)
        .on_conflict_do_update(
            index_elements=["company_id", "kind", "qbo_id"],
            set_=told,
            # Deliveries are in no order; what was deleted stays so.
            where=sa.and_(
                changes_there.c.at <= to_ms(at),
                sa.or_(changes_there.c.operation == "updated", sa.literal(operation != "updated")),
            ),
        )
    )


def _is_near(synced_at: int | None, at: datetime) -> bool:
    return synced_at is not None and abs(to_ms(at) - synced_at) <= OUR_OWN.total_seconds() * 1000


def of_record(
    db: sa.Connection, company_id: str, kind: Kind, qbo_id: str | None, synced_at: datetime | None
) -> ChangedThere | None:
    """Return the change of a record in QuickBooks that came after our last write of it."""
    if qbo_id is None:
        return None
    row = changes_there.c
    mine = sa.and_(row.company_id == company_id, row.kind == kind.value, row.qbo_id == qbo_id)
    found = db.execute(sa.select(row.operation, row.at).where(mine)).one_or_none()
    if found is None or (synced_at is not None and from_ms(found.at) <= synced_at):
        return None
    return ChangedThere(operation=found.operation, at=from_ms(found.at))


def looked_at(db: sa.Connection, company_id: str, *, until: datetime) -> None:
    """Forget what was told before a comparison of everything, which has looked at it."""
    row = changes_there.c
    mine = sa.and_(row.company_id == company_id, row.came_at <= to_ms(until))
    db.execute(sa.delete(changes_there).where(mine))


def hasten_lists(db: sa.Connection, company_id: str, *, now: datetime) -> None:
    """Have a company's lists looked at before the next record, once a day at most."""
    _hasten(db, company_id, connections.c.profile_at, now)


def hasten_settings(db: sa.Connection, company_id: str, *, now: datetime) -> None:
    """Have a company's settings read before the next record, once a day at most."""
    at = connections.c.settings_at
    old = sa.and_(connections.c.id == company_id, at < to_ms(now - NO_OFTENER))
    db.execute(sa.update(connections).where(old).values(settings_stale=True))


def _hasten(db: sa.Connection, company_id: str, at: sa.ColumnElement[int], now: datetime) -> None:
    long_ago = to_ms(now - LONG_AGO)
    between = sa.and_(at < to_ms(now - NO_OFTENER), at > long_ago)
    mine = sa.and_(connections.c.id == company_id, between)
    db.execute(sa.update(connections).where(mine).values(profile_at=long_ago))
