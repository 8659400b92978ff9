"""What a drain writes after it heard from QuickBooks.

A change that arrived meanwhile stays due: a record is done only when what was sent is what is
desired *now*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import (
    ErrorInfo,
    Kind,
    Operation,
    ParentGone,
    Paused,
    Rejected,
    Retry,
    Skipped,
    Synced,
    Unchanged,
)
from dunahub_qbo_plugin.store.companies.leases import Lease, renew
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.db.compiled import compiled
from dunahub_qbo_plugin.store.queries import search
from dunahub_qbo_plugin.store.records import dependents, history, transitions
from dunahub_qbo_plugin.store.records.transitions import Settlement
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.store.records.history import Entry

__all__ = ["Settlement", "settle", "settle_late"]


def settle(
    connection: sa.Connection, lease: Lease, settlements: Sequence[Settlement], *, now: datetime
) -> Lease:
    """Write outcomes down, in the connection's transaction.

    Raises:
        LeaseLost: the company is not ours any more; nothing was written (see `settle_late`).
    """
    lease = renew(connection, lease, now=now)
    _write_all(connection, lease, settlements, now)
    return lease


def settle_late(
    connection: sa.Connection, lease: Lease, settlements: Sequence[Settlement], *, now: datetime
) -> None:
    """Save what QuickBooks accepted although the lease is gone.

    That an object was made under a key is true whoever holds the lease, and the key still standing
    in the row proves that nobody has settled it since.
    """
    synced = [one for one in settlements if isinstance(one.outcome, Synced)]
    _write_all(connection, lease, synced, now)


def _write_all(
    connection: sa.Connection, lease: Lease, settlements: Sequence[Settlement], now: datetime
) -> None:
    entries: list[Entry] = []
    labels: dict[int, str] = {}
    for told in settlements:
        settlement, extra = told, {}
        if (anothers := _anothers(connection, lease.company_id, told)) is not None:
            extra = {"candidate_id": anothers}  # the next look leaves it out
            again = Retry(info=ErrorInfo(code="not-carried-out"), after=0, unknown=True)
            settlement = attrs.evolve(told, outcome=again, retry_at=now)
        if not _write(connection, settlement, extra, now):
            continue
        if not isinstance(settlement.outcome, Paused):
            labels[settlement.claim.record_id] = settlement.claim.label
        if isinstance(settlement.outcome, ParentGone):
            gone = transitions.error_values(settlement.outcome.info, to_ms(now))
            dependents.mark_parent(connection, lease.company_id, settlement.outcome, gone, now)
        if _frees_children(settlement):
            detached = _is_another_object(settlement) or (
                _is_raised(settlement)
                and dependents.is_overpaid(connection, lease, settlement.claim)
            )
            dependents.release_children(connection, lease, settlement.claim, now, detached=detached)
        entries += transitions.entries_of(settlement, now)
        if _voids_an_invoice(settlement):
            entries += dependents.note_loosened(connection, lease.company_id, settlement.claim, now)
    history.add(connection, lease.company_id, entries)
    search.note(connection, lease.company_id, labels)


def _write(
    connection: sa.Connection, settlement: Settlement, extra: dict[str, str], now: datetime
) -> bool:
    """Write one outcome; False when somebody else has settled the row since."""
    claim, outcome, intent = settlement.claim, settlement.outcome, settlement.intent
    if isinstance(outcome, Synced) and intent is not None:
        values = transitions.synced_parameters(claim, outcome, intent, to_ms(now))
        statement = compiled(connection, transitions.synced_update)
        return statement.run(connection, values).rowcount > 0
    where = [records.c.id == claim.record_id]
    if intent is not None:
        where.append(records.c.request_key == intent.request_key)
    changes = transitions.row_values(settlement, to_ms(now)) | extra | {"updated_at": to_ms(now)}
    return connection.execute(sa.update(records).where(*where).values(changes)).rowcount > 0


def _anothers(connection: sa.Connection, company_id: str, settlement: Settlement) -> str | None:
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
    return None if connection.execute(statement.limit(1)).first() is None else qbo_id


def _frees_children(settlement: Settlement) -> bool:
    """Return whether records that wait for this one may be looked at again."""
    known = settlement.claim.remote is not None
    return isinstance(settlement.outcome, Synced | Unchanged | Skipped) or (
        known and isinstance(settlement.outcome, Rejected)
    )


def _voids_an_invoice(settlement: Settlement) -> bool:
    intent = settlement.intent
    voids = intent is not None and intent.operation is Operation.VOID
    is_invoice = settlement.claim.key.kind is Kind.INVOICE
    return voids and is_invoice and isinstance(settlement.outcome, Synced)


def _is_raised(settlement: Settlement) -> bool:
    """Return whether an invoice has room for more money in QuickBooks than it had."""
    claim, intent = settlement.claim, settlement.intent
    if claim.key.kind is not Kind.INVOICE or not isinstance(settlement.outcome, Synced):
        return False
    before = claim.synced_total
    return intent is not None and before is not None and (intent.total or 0) > before


def _is_another_object(settlement: Settlement) -> bool:
    """Return whether an invoice that may have had payments has none in QuickBooks now.

    It was deleted there and made anew, or voided and made valid again.
    """
    claim, intent = settlement.claim, settlement.intent
    if claim.key.kind is not Kind.INVOICE or not isinstance(settlement.outcome, Synced):
        return False
    if intent is None or intent.operation is Operation.VOID:
        return False
    if intent.operation is Operation.CREATE:
        return claim.request_seq > 0
    return claim.synced_total == 0 and bool(intent.total)
