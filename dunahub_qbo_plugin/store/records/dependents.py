"""Records that stand on others: an invoice on its customer, a payment on its invoice."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from dunahub_qbo_plugin.model import GONE, PARENT_SKIPPED, Claim, Kind, Note
from dunahub_qbo_plugin.store.convert import to_cents, to_ms
from dunahub_qbo_plugin.store.db.compiled import compiled
from dunahub_qbo_plugin.store.records import history
from dunahub_qbo_plugin.store.records.history import Entry, Event
from dunahub_qbo_plugin.store.state import CHILD_KIND
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.model import ParentGone
    from dunahub_qbo_plugin.store.companies.leases import Lease


def parent_is_ready(claim: Claim) -> sa.Exists:
    """Return whether the parent arrived between our look and now."""
    parent = records.alias("ready")
    assert claim.parent is not None  # noqa: S101  only a record with a parent waits for one
    return sa.exists(
        sa.select(parent.c.id).where(
            parent.c.company_id == records.c.company_id,
            parent.c.kind == claim.parent.key.kind.value,
            parent.c.local_id == claim.parent.key.local_id,
            parent.c.qbo_id.is_not(None),
            sa.or_(
                parent.c.next_attempt_at.is_(None),
                parent.c.connection_period != records.c.connection_period,
            ),
            sa.func.coalesce(parent.c.error_code, "") != GONE,
            # A payment goes to the customer of its invoice.
            *([parent.c.qbo_customer_id.is_not(None)] if claim.key.kind is Kind.PAYMENT else []),
        )
    )


def release_children(
    connection: sa.Connection,
    lease: Lease,
    claim: Claim,
    now: datetime,
    *,
    detached: bool = False,
) -> None:
    """Have what waits for this record looked at again.

    Args:
        connection: a transaction.
        lease: of the company, and of its connected period.
        claim: the record.
        now: aware UTC.
        detached: True when QuickBooks has it anew, so that it holds nothing of what was sent on
            top of it before: that is sent again too.
    """
    child = CHILD_KIND.get(claim.key.kind)
    if child is None:
        return
    values = {
        "p_company": lease.company_id,
        "p_kind": child.value,
        "p_parent": claim.key.local_id,
        "p_now": to_ms(now),
    }
    compiled(connection, _release).run(connection, values)
    if detached:
        connection.execute(
            _send_again(), {**values, "p_connection_period": lease.connection_period}
        )


def is_overpaid(connection: sa.Connection, lease: Lease, claim: Claim) -> bool:
    """Return whether more was paid on an invoice than QuickBooks had of it: some of it is loose."""
    paid = sa.select(sa.func.coalesce(sa.func.sum(records.c.synced_total), 0)).where(
        records.c.company_id == lease.company_id,
        records.c.kind == Kind.PAYMENT.value,
        records.c.parent == claim.key.local_id,
        records.c.qbo_id.is_not(None),
    )
    return int(connection.execute(paid).scalar_one()) > (to_cents(claim.synced_total) or 0)


def release_from_dismissed(connection: sa.Connection, company_id: str, now: datetime) -> None:
    """Have looked at again what waited for a record that is not to be sent now.

    A payment that waited for a change of its invoice can go. What QuickBooks has nothing to put
    it on for needs a person.
    """
    parent = records.alias("parent")
    decided = sa.exists(
        sa.select(parent.c.id).where(
            parent.c.company_id == records.c.company_id,
            parent.c.kind
            == sa.case(
                (records.c.kind == Kind.PAYMENT.value, Kind.INVOICE.value),
                else_=Kind.CUSTOMER.value,
            ),
            parent.c.local_id == records.c.parent,
            parent.c.skip_reason.is_not(None),
            parent.c.next_attempt_at.is_(None),
        )
    )
    connection.execute(
        sa.update(records)
        .where(
            records.c.company_id == company_id,
            records.c.blocked,
            records.c.skip_reason.is_(None),
            decided,
        )
        .values(blocked=False, next_attempt_at=to_ms(now))
    )


@cache
def _send_again() -> sa.Update:
    return (
        sa.update(records)
        .where(
            records.c.company_id == sa.bindparam("p_company"),
            records.c.kind == sa.bindparam("p_kind"),
            records.c.parent == sa.bindparam("p_parent"),
            records.c.qbo_id.is_not(None),
            records.c.skip_reason.is_(None),
        )
        .values(
            synced_fingerprint=None,
            next_attempt_at=sa.bindparam("p_now"),
            # Somebody asked for the invoice of an earlier connected period: this belongs to it.
            connection_period=sa.bindparam("p_connection_period"),
        )
    )


def _release() -> sa.Update:
    return (
        sa.update(records)
        .where(
            records.c.company_id == sa.bindparam("p_company"),
            records.c.kind == sa.bindparam("p_kind"),
            records.c.parent == sa.bindparam("p_parent"),
            sa.or_(records.c.blocked, records.c.error_code == PARENT_SKIPPED),
            records.c.skip_reason.is_(None),
        )
        .values(blocked=False, next_attempt_at=sa.bindparam("p_now"))
    )


def note_loosened(
    connection: sa.Connection, company_id: str, claim: Claim, now: datetime
) -> list[Entry]:
    """Tell, of an invoice that was voided, what becomes of its payments (measured 2026-09)."""
    asked = sa.select(records.c.id).where(
        records.c.company_id == company_id,
        records.c.kind == Kind.PAYMENT.value,
        records.c.parent == claim.key.local_id,
        records.c.qbo_id.is_not(None),
    )
    ids = list(connection.execute(asked).scalars())
    told = [(claim.record_id, Note.VOIDED_WITH_PAYMENTS)] if ids else []
    told += [(id_, Note.INVOICE_VOIDED) for id_ in ids]
    return [Entry(record_id=id_, at=now, event=Event.NOTED, code=note.value) for id_, note in told]


def mark_parent(
    connection: sa.Connection,
    company_id: str,
    outcome: ParentGone,
    values: dict[str, Any],
    now: datetime,
) -> None:
    """Have the parent need attention: what QuickBooks had of it is gone."""
    statement = (
        sa.update(records)
        .where(
            records.c.company_id == company_id,
            records.c.kind == outcome.parent.kind.value,
            records.c.local_id == outcome.parent.local_id,
            records.c.next_attempt_at.is_(None),
        )
        .values(
            **values,
            synced_fingerprint=None,
            updated_at=to_ms(now),
        )
        .returning(records.c.id)
    )
    marked = connection.execute(statement).scalar_one_or_none()
    if marked is not None:
        entry = Entry(
            record_id=marked,
            at=now,
            event=Event.REJECTED,
            code=outcome.info.code,
            text=outcome.info.text,
            tid=outcome.info.intuit_tid or None,
        )
        history.add(connection, company_id, [entry])
