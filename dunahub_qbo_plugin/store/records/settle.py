"""What a drain writes after it heard from QuickBooks.

A change that arrived meanwhile stays due: a record is done only when what was sent is what is
desired *now* (`store.records.transitions`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import (
    Claim,
    Intent,
    Kind,
    Note,
    Outcome,
    ParentGone,
    Paused,
    Rejected,
    Retry,
    Skipped,
    Synced,
    Unchanged,
    Waiting,
)
from dunahub_qbo_plugin.store.companies.leases import Lease, renew
from dunahub_qbo_plugin.store.queries import search
from dunahub_qbo_plugin.store.records import dependents, history
from dunahub_qbo_plugin.store.records.history import Entry, Event
from dunahub_qbo_plugin.store.records.row import lock, save
from dunahub_qbo_plugin.store.records.row_events import Answered
from dunahub_qbo_plugin.store.records.transitions import next_row
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.store.records.row import Row


@attrs.frozen(kw_only=True)
class Settlement:
    """How one claim ended.

    Attributes:
        intent: what was sent; None when nothing was.
        retry_at: when to try again, where the outcome says so.
    """

    claim: Claim
    outcome: Outcome
    intent: Intent | None = None
    retry_at: datetime | None = None


def settle(
    db: sa.Connection, lease: Lease, settlements: Sequence[Settlement], *, now: datetime
) -> tuple[Lease, list[Settlement]]:
    """Write outcomes down, in the connection's transaction.

    Returns:
        the lease, and the settlements of rows that somebody has locked: to be written later.

    Raises:
        LeaseLost: the company is not ours any more; nothing was written (see `settle_late`).
    """
    lease = renew(db, lease, now=now)
    return lease, _write_all(db, lease, settlements, now)


def settle_late(
    db: sa.Connection, lease: Lease, settlements: Sequence[Settlement], *, now: datetime
) -> list[Settlement]:
    """Save what QuickBooks accepted although the lease is gone.

    That an object was made under a key is true whoever holds the lease, and the key still standing
    in the row proves that nobody has settled it since.

    Returns:
        as for `settle`.
    """
    synced = [one for one in settlements if isinstance(one.outcome, Synced)]
    return _write_all(db, lease, synced, now)


def _write_all(
    db: sa.Connection, lease: Lease, settlements: Sequence[Settlement], now: datetime
) -> list[Settlement]:
    rows = lock(db, [one.claim.record_id for one in settlements])
    changes: list[tuple[Row, Row]] = []
    written: list[Settlement] = []
    entries: list[Entry] = []
    later: list[Settlement] = []
    for settlement in settlements:
        row = rows.get(settlement.claim.record_id)
        if row is None:
            later.append(settlement)
            continue
        intent = settlement.intent
        if intent is not None and row.request_key != intent.request_key:
            continue  # somebody has settled it since
        event = _event(db, lease, settlement, rows)
        changes.append((row, next_row(row, event, now=now)))
        if event.is_anothers is None:
            written.append(settlement)
            entries += entries_of(settlement, now)
    save(db, changes)
    entries += dependents.after(db, lease, written, now)
    history.add(db, lease.company_id, entries)
    told = [one.claim for one in written if not isinstance(one.outcome, Paused)]
    search.note(db, lease.company_id, {claim.record_id: claim.label for claim in told})
    return _still_there(db, later)


def _event(
    db: sa.Connection, lease: Lease, settlement: Settlement, rows: dict[int, Row]
) -> Answered:
    return Answered(
        outcome=settlement.outcome,
        intent=settlement.intent,
        version=settlement.claim.version,
        retry_at=settlement.retry_at,
        parent_ready=(
            isinstance(settlement.outcome, Waiting)
            and dependents.parent_is_ready(db, lease, rows[settlement.claim.record_id])
        ),
        is_anothers=_anothers(db, lease.company_id, settlement),
    )


def _anothers(db: sa.Connection, company_id: str, settlement: Settlement) -> str | None:
    """Return the Id of an object that was found and belongs to another record of ours already.

    Two invoices can agree in number, customer, total and date; each needs its own in the books.
    Two leads may be the same customer.
    """
    outcome, claim = settlement.outcome, settlement.claim
    if not isinstance(outcome, Synced) or not outcome.adopted or claim.key.kind is Kind.CUSTOMER:
        return None
    qbo_id = outcome.written.remote.id
    statement = sa.select(records.c.id).where(
        records.c.company_id == company_id,
        records.c.kind == claim.key.kind.value,
        records.c.qbo_id == qbo_id,
        records.c.id != claim.record_id,
    )
    return None if db.execute(statement.limit(1)).first() is None else qbo_id


def _still_there(db: sa.Connection, settlements: list[Settlement]) -> list[Settlement]:
    """Leave out what was deleted meanwhile: only what is locked by somebody is to be written."""
    if not settlements:
        return []
    ids = [one.claim.record_id for one in settlements]
    there = set(db.execute(sa.select(records.c.id).where(records.c.id.in_(ids))).scalars())
    return [one for one in settlements if one.claim.record_id in there]


def entries_of(settlement: Settlement, now: datetime) -> list[Entry]:
    """Return what the history is to tell."""
    claim, outcome, intent = settlement.claim, settlement.outcome, settlement.intent
    entry = Entry(
        record_id=claim.record_id,
        at=now,
        event=Event.SENT,
        operation=intent.operation.value if intent else None,
    )
    match outcome:
        case Synced(written=written, note=note):
            sent = attrs.evolve(entry, qbo_id=written.remote.id, tid=written.intuit_tid or None)
            if note is None:
                return [sent]
            amount = str(written.unapplied) if note is Note.UNAPPLIED else None
            return [attrs.evolve(sent, code=note.value, note=amount)]
        case Waiting(parent=parent) | ParentGone(parent=parent):
            return [attrs.evolve(entry, event=Event.WAITING, code=parent.kind.value)]
        case Retry(info=info) | Rejected(info=info):
            event = Event.RETRY if isinstance(outcome, Retry) else Event.REJECTED
            failed = attrs.evolve(
                entry, event=event, code=info.code, text=info.text, tid=info.intuit_tid or None
            )
            if isinstance(outcome, Rejected) or outcome.note is None:
                return [failed]
            return [failed, attrs.evolve(entry, event=Event.NOTED, code=outcome.note.value)]
        case Skipped(skip_reason=skip_reason):
            return [attrs.evolve(entry, event=Event.NOTED, code=skip_reason.value)]
        case Unchanged() | Paused():
            return []
