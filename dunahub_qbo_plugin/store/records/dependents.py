"""Records that stand on others: an invoice on its customer, a payment on its invoice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import (
    GONE,
    Kind,
    Note,
    Operation,
    ParentGone,
    Rejected,
    Skipped,
    Synced,
    Unchanged,
)
from dunahub_qbo_plugin.store.convert import to_cents
from dunahub_qbo_plugin.store.records.history import Entry, Event
from dunahub_qbo_plugin.store.records.row import lock_where, save
from dunahub_qbo_plugin.store.records.row_events import LostInQuickBooks, ParentReady, RoomAppeared
from dunahub_qbo_plugin.store.records.transitions import RELEASED, next_row
from dunahub_qbo_plugin.store.state import CHILD_KIND, PARENT_KIND
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.model import Claim, RecordKey
    from dunahub_qbo_plugin.store.companies.leases import Lease
    from dunahub_qbo_plugin.store.records.row import Row
    from dunahub_qbo_plugin.store.records.settle import Settlement

_waits: Final = sa.and_(
    sa.or_(records.c.blocked, records.c.error_code.in_(RELEASED)), records.c.skip_reason.is_(None)
)
_parent = records.alias("parent")
_is_parent: Final = sa.and_(
    _parent.c.company_id == records.c.company_id,
    _parent.c.kind
    == sa.case(*((records.c.kind == kind.value, of.value) for kind, of in PARENT_KIND.items())),
    _parent.c.local_id == records.c.parent,
)
_is_ready: Final = sa.and_(
    _parent.c.qbo_id.is_not(None),
    sa.or_(
        _parent.c.next_attempt_at.is_(None),
        _parent.c.connection_period != records.c.connection_period,
    ),
    sa.func.coalesce(_parent.c.error_code, "") != GONE,
    # A payment goes to the customer of its invoice.
    sa.or_(records.c.kind != Kind.PAYMENT.value, _parent.c.qbo_customer_id.is_not(None)),
)
_is_decided: Final = sa.and_(
    _parent.c.skip_reason.is_not(None), _parent.c.next_attempt_at.is_(None)
)


def parent_is_ready(db: sa.Connection, lease: Lease, row: Row) -> bool:
    """Return whether the parent of a record arrived between our look and now."""
    statement = sa.select(records.c.id).where(
        records.c.id == row.id,
        records.c.company_id == lease.company_id,
        sa.exists(sa.select(_parent.c.id).where(_is_parent, _is_ready)),
    )
    return db.execute(statement).first() is not None


def release_ready(db: sa.Connection, company_id: str, now: datetime, *, limit: int = 1000) -> int:
    """Have looked at again whatever waits for a parent that is there, or was decided on.

    What `after` does at each answer, for what it had to leave out: a row that a host had locked.
    """
    arrived = sa.exists(sa.select(_parent.c.id).where(_is_parent, sa.or_(_is_ready, _is_decided)))
    mine = records.c.company_id == company_id
    return _release(db, [mine, records.c.blocked, arrived], now, limit=limit)


def companies_with_ready(db: sa.Connection, *, limit: int) -> list[str]:
    """Name companies of which something waits for a parent that is there."""
    arrived = sa.exists(sa.select(_parent.c.id).where(_is_parent, _is_ready))
    statement = sa.select(records.c.company_id).where(records.c.blocked, arrived).distinct()
    return list(db.execute(statement.limit(limit)).scalars())


def release_from_dismissed(db: sa.Connection, company_id: str, now: datetime) -> None:
    """Have looked at again what waited for a record that is not to be sent now.

    A payment that waited for a change of its invoice can go. What QuickBooks has nothing to put
    it on for needs a person.
    """
    decided = sa.exists(sa.select(_parent.c.id).where(_is_parent, _is_decided))
    _release(db, [records.c.company_id == company_id, records.c.blocked, decided], now)


def after(
    db: sa.Connection, lease: Lease, settlements: Sequence[Settlement], now: datetime
) -> list[Entry]:
    """Do what the ends of some claims mean for other records; gives what their histories tell."""
    entries: list[Entry] = []
    freed = [one.claim for one in settlements if _frees_children(one)]
    for kind, child in CHILD_KIND.items():
        parents = [claim.key.local_id for claim in freed if claim.key.kind is kind]
        if parents:
            _release(db, [*_children(lease, child, parents), _waits], now)
    for one in settlements:
        if isinstance(one.outcome, ParentGone):
            entries += _mark_parent(db, lease.company_id, one.outcome, now)
        entries += _after_money(db, lease, one, now)
    return entries


def _after_money(
    db: sa.Connection, lease: Lease, settlement: Settlement, now: datetime
) -> list[Entry]:
    """Put money on an invoice that has room for it again; tell of an invoice that was voided."""
    claim, intent, outcome = settlement.claim, settlement.intent, settlement.outcome
    if intent is None or not isinstance(outcome, Synced):
        return []
    if claim.key.kind is Kind.PAYMENT:
        _after_payment(db, lease, claim, outcome, now)
    if claim.key.kind is not Kind.INVOICE:
        return []
    if intent.operation is Operation.VOID:
        return _note_voided(db, lease.company_id, claim, now)
    if _is_another_object(claim, intent.operation):
        _send_again(db, lease, claim, now)
    elif claim.remote_total is not None and (outcome.written.total or 0) > claim.remote_total:
        invoice = claim.key.local_id
        silently = _applied(db, lease, invoice) > (to_cents(claim.remote_total) or 0)
        _send_loose(db, lease, invoice, now, any_may_be=silently)
    return []


def _after_payment(
    db: sa.Connection, lease: Lease, claim: Claim, outcome: Synced, now: datetime
) -> None:
    """Use the room that a payment left to its siblings, or that it was not told of itself."""
    if claim.parent is None:
        return
    invoice, unapplied = claim.parent.key.local_id, outcome.written.unapplied
    now_applied = (to_cents(outcome.written.total) or 0) - (to_cents(unapplied) or 0)
    less = 0 if claim.applied is None else (to_cents(claim.applied) or 0) - now_applied
    # What is heard late was perhaps so only until the invoice was raised.
    late = bool(unapplied) and (outcome.adopted or claim.intent is not None)
    if less <= 0 and not late:
        return
    applied, total = _applied(db, lease, invoice), _total(db, lease, invoice)
    if less > 0:
        silently = applied + less > total
        _send_loose(db, lease, invoice, now, any_may_be=silently, without=claim.record_id)
    if late and applied < total:
        _room_appeared(db, lease, invoice, [records.c.id == claim.record_id], now)


def _is_another_object(claim: Claim, operation: Operation) -> bool:
    """Return whether an invoice that may have had payments has none in QuickBooks now.

    It was deleted there and created again, or voided and made valid again.
    """
    if operation is Operation.CREATE:
        return claim.request_seq > 0
    return claim.synced_total == 0 or claim.remote_total == 0


def _applied(db: sa.Connection, lease: Lease, invoice: str) -> int:
    """Return the cents of an invoice's payments that were applied when each was last heard of.

    More than the invoice comes to where QuickBooks unapplied some of it since without a word.
    """
    applied = sa.func.sum(records.c.qbo_total - sa.func.coalesce(records.c.unapplied, 0))
    asked = sa.select(sa.func.coalesce(applied, 0)).where(
        *_children(lease, Kind.PAYMENT, [invoice]), records.c.qbo_id.is_not(None)
    )
    return int(db.execute(asked).scalar_one())


def _total(db: sa.Connection, lease: Lease, invoice: str) -> int:
    """Return the cents that QuickBooks was last heard to total for an invoice."""
    asked = sa.select(records.c.qbo_total).where(
        records.c.company_id == lease.company_id,
        records.c.kind == Kind.INVOICE.value,
        records.c.local_id == invoice,
    )
    return int(db.execute(asked).scalar() or 0)


def _frees_children(settlement: Settlement) -> bool:
    """Return whether records that wait for this one may be looked at again."""
    known = settlement.claim.remote is not None
    return isinstance(settlement.outcome, Synced | Unchanged | Skipped) or (
        known and isinstance(settlement.outcome, Rejected)
    )


def _children(lease: Lease, child: Kind, parents: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    return [
        records.c.company_id == lease.company_id,
        records.c.kind == child.value,
        records.c.parent.in_(parents),
    ]


def _release(
    db: sa.Connection,
    where: Iterable[sa.ColumnElement[bool]],
    now: datetime,
    *,
    limit: int | None = None,
) -> int:
    rows = lock_where(db, where, limit=limit)
    save(db, [(row, next_row(row, ParentReady(), now=now)) for row in rows])
    return len(rows)


def _send_loose(
    db: sa.Connection,
    lease: Lease,
    invoice: str,
    now: datetime,
    *,
    any_may_be: bool,
    without: int | None = None,
) -> None:
    """Have payments sent again of which something is applied nowhere: their invoice has room.

    Args:
        db: a transaction.
        lease: of the company.
        invoice: local id.
        now: when.
        any_may_be: QuickBooks unapplied some of the money without a word, when the invoice was
            lowered: any of its payments may be that one.
        without: a record that is left as it is.
    """
    loose = [records.c.id != (without or 0)]
    _room_appeared(
        db, lease, invoice, loose if any_may_be else [*loose, records.c.unapplied > 0], now
    )


def _send_again(db: sa.Connection, lease: Lease, claim: Claim, now: datetime) -> None:
    """Have all payments of an invoice sent again: as it is now, it has none of them."""
    _room_appeared(db, lease, claim.key.local_id, [], now)


def _room_appeared(
    db: sa.Connection,
    lease: Lease,
    invoice: str,
    also: list[sa.ColumnElement[bool]],
    now: datetime,
) -> None:
    there = [records.c.qbo_id.is_not(None), records.c.skip_reason.is_(None)]
    rows = lock_where(db, [*_children(lease, Kind.PAYMENT, [invoice]), *there, *also])
    event = RoomAppeared(connection_period=lease.connection_period)
    save(db, [(row, next_row(row, event, now=now)) for row in rows])


def _note_voided(db: sa.Connection, company_id: str, claim: Claim, now: datetime) -> list[Entry]:
    """Tell, of an invoice that was voided, what becomes of its payments (measured 2026-09)."""
    asked = sa.select(records.c.id).where(
        records.c.company_id == company_id,
        records.c.kind == Kind.PAYMENT.value,
        records.c.parent == claim.key.local_id,
        records.c.qbo_id.is_not(None),
    )
    ids = list(db.execute(asked).scalars())
    told = [(claim.record_id, Note.VOIDED_WITH_PAYMENTS)] if ids else []
    told += [(id_, Note.INVOICE_VOIDED) for id_ in ids]
    return [Entry(record_id=id_, at=now, event=Event.NOTED, code=note.value) for id_, note in told]


def _mark_parent(
    db: sa.Connection, company_id: str, outcome: ParentGone, now: datetime
) -> list[Entry]:
    """Have the parent need attention: what QuickBooks had of it is gone."""
    rows = lock_where(db, [records.c.company_id == company_id, *_is(outcome.parent)])
    changes = [(row, next_row(row, LostInQuickBooks(info=outcome.info), now=now)) for row in rows]
    save(db, changes)
    return [
        Entry(
            record_id=before.id,
            at=now,
            event=Event.REJECTED,
            code=outcome.info.code,
            text=outcome.info.text,
            tid=outcome.info.intuit_tid or None,
        )
        for before, after_ in changes
        if before != after_
    ]


def _is(key: RecordKey) -> list[sa.ColumnElement[bool]]:
    return [records.c.kind == key.kind.value, records.c.local_id == key.local_id]
