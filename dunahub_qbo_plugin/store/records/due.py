"""What a drain reads before it sends: due records, and the intents it commits."""

from __future__ import annotations

import json
import logging
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import (
    GONE,
    Claim,
    Intent,
    Kind,
    Operation,
    Parent,
    RecordKey,
    RemoteRef,
    SkipReason,
)
from dunahub_qbo_plugin.model.snapshot import load
from dunahub_qbo_plugin.store.companies.leases import Lease, renew
from dunahub_qbo_plugin.store.convert import from_cents, from_ms, to_ms
from dunahub_qbo_plugin.store.records.row import Row, lock, save
from dunahub_qbo_plugin.store.records.row_events import Committed
from dunahub_qbo_plugin.store.records.transitions import next_row
from dunahub_qbo_plugin.store.state import CLOCK_SLACK, PARENT_KIND, due_between, may_leave
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.model import Value

log = logging.getLogger(__name__)


_READ: Final = (
    *("id", "local_id", "label", "version", "fingerprint", "snapshot", "parent", "attempts"),
    *(
        "qbo_id",
        "sync_token",
        "qbo_object",
        "sent_body",
        "doubtful_fields",
        "candidate_id",
        "error_code",
        "skip_reason",
        "consent",
    ),
    *("synced_fingerprint", "synced_total", "qbo_total", "unapplied", "saved_at", "request_seq"),
    *("request_key", "request_body", "request_base", "request_operation", "request_fingerprint"),
    *("request_total", "request_at", "request_sent_at"),
)

_parent = records.alias("parent")
_grandparent = records.alias("grandparent")


SNAPSHOTS_AT_ONCE: Final = 300_000
"""Characters of the snapshots that are prepared together, some hundred times what usual invoices
have: the database is held meanwhile, and an SQLite file is the host's own as well."""


def due_claims(
    connection: sa.Connection,
    lease: Lease,
    kind: Kind,
    *,
    now: datetime,
    limit: int,
    without: Collection[int] = (),
) -> list[Claim]:
    """Return due records of one kind, longest due first.

    Args:
        connection: a transaction, or a consistent read.
        lease: of the company; records of another connection_period are left behind.
        kind: which kind.
        now: records due until then are given.
        limit: how many at most.
        without: ids of records that are under way already.
    """
    found = connection.execute(
        _due(kind),
        {
            "p_company": lease.company_id,
            "p_connection_period": lease.connection_period,
            "p_now": to_ms(now),
            "p_slack": to_ms(now + CLOCK_SLACK),
            "p_most": limit + len(without),
        },
    )
    free = [row for row in found if row.id not in without]
    return [_claim(row, kind, look_first=lease.look_first) for row in _together(free[:limit])]


def _together(rows: Sequence[Any]) -> Sequence[Any]:
    """Return the rows of which not too much is prepared in one transaction, and one at least."""
    sizes = accumulate(len(row.snapshot) for row in rows)
    return rows[: max(1, sum(size <= SNAPSHOTS_AT_ONCE for size in sizes))]


@cache
def _due(kind: Kind) -> sa.Select[Any]:
    """Make the question once: putting it together takes longer than the database's answer."""
    row, big = records, sa.BigInteger()
    now = sa.bindparam("p_now", type_=big)
    columns: list[Any] = [
        *(row.c[name] for name in _READ),
        _parent.c.label.label("parent_label"),
        _parent.c.qbo_id.label("parent_qbo_id"),
        # What a disconnect left behind does not go out by itself: nobody waits for that.
        sa.case(
            (_parent.c.connection_period == row.c.connection_period, _parent.c.next_attempt_at)
        ).label("parent_next_attempt_at"),
        _parent.c.error_code.label("parent_error"),
        sa.and_(
            _parent.c.skip_reason.is_not(None),
            sa.or_(_parent.c.qbo_id.is_(None), _parent.c.error_code == GONE),
            _parent.c.next_attempt_at.is_(None),
        ).label("parent_skipped"),
        _parent.c.id.label("parent_row"),
        # Where the invoice is booked, which may not be where DunaHub wants it by now.
        sa.func.coalesce(_parent.c.qbo_customer_id, _grandparent.c.qbo_id).label("customer_id"),
    ]
    joined = row.outerjoin(
        _parent,
        sa.and_(
            _parent.c.company_id == row.c.company_id,
            _parent.c.kind == PARENT_KIND.get(kind, Kind.CUSTOMER).value,
            _parent.c.local_id == row.c.parent,
        ),
    ).outerjoin(
        _grandparent,
        sa.and_(
            _grandparent.c.company_id == row.c.company_id,
            _grandparent.c.kind == Kind.CUSTOMER.value,
            _grandparent.c.local_id == _parent.c.parent,
        ),
    )
    return (
        sa.select(*columns)
        .select_from(joined)
        .where(
            row.c.company_id == sa.bindparam("p_company", type_=sa.String()),
            row.c.connection_period == sa.bindparam("p_connection_period", type_=sa.Integer()),
            row.c.kind == kind.value,
            due_between(now, sa.bindparam("p_slack", type_=big)),
            sa.not_(_parent_goes_first(kind, now)),
            may_leave,
        )
        .order_by(row.c.next_attempt_at, row.c.id)
        .limit(sa.bindparam("p_most", type_=sa.Integer()))
    )


def _parent_goes_first(kind: Kind, now: sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Return whether this very drain is about to send the parent, so that the child keeps its turn.

    An invoice can go as soon as its customer exists. A payment waits for a change of its invoice
    too: QuickBooks would leave money unapplied that the old total has no room for.
    """
    parent_is_due = sa.and_(
        _parent.c.next_attempt_at.is_not(None),
        _parent.c.next_attempt_at <= now,
        _parent.c.connection_period == records.c.connection_period,
    )
    if kind is Kind.INVOICE:
        parent_is_due = sa.and_(parent_is_due, _parent.c.qbo_id.is_(None))
    # A row without a parent gives NULL here, which must not keep it back.
    return sa.func.coalesce(parent_is_due, sa.false())


def _claim(row: Any, kind: Kind, *, look_first: datetime | None) -> Claim:  # noqa: ANN401  a Row of the statement above
    return Claim(
        record_id=row.id,
        key=RecordKey(kind=kind, local_id=row.local_id),
        label=row.label,
        version=row.version,
        fingerprint=row.fingerprint,
        value=_value(kind, row),
        remote=None if row.qbo_id is None else RemoteRef(id=row.qbo_id, sync_token=row.sync_token),
        sent=row.sent_body or "",
        doubtful_fields=frozenset(json.loads(row.doubtful_fields or "[]")),
        current=row.qbo_object or "",
        parent=None
        if row.parent is None
        else Parent(
            key=RecordKey(kind=PARENT_KIND[kind], local_id=row.parent),
            label=row.parent_label or "",
            # What was deleted in QuickBooks is nothing to stand on until a person has decided.
            remote_id=None if row.parent_error == GONE else row.parent_qbo_id,
            pending=row.parent_next_attempt_at is not None,
            skipped=bool(row.parent_skipped),
            known=row.parent_row is not None,
        ),
        customer_id=row.customer_id,
        skip_reason=None if row.skip_reason is None else SkipReason(row.skip_reason),
        synced_fingerprint=row.synced_fingerprint,
        synced_total=from_cents(row.synced_total),
        remote_total=from_cents(row.qbo_total),
        applied=None if row.qbo_total is None else from_cents(row.qbo_total - (row.unapplied or 0)),
        attempts=row.attempts,
        request_seq=row.request_seq,
        look_first=look_first,
        error_code=row.error_code,
        declined=row.candidate_id,
        consent=row.consent,
        saved_at=from_ms(row.saved_at),
        intent=_intent(row, kind),
        intent_at=from_ms(row.request_at),
        intent_sent_at=from_ms(row.request_sent_at),
    )


def _value(kind: Kind, row: Any) -> Value | None:  # noqa: ANN401  as above
    try:
        return load(kind, row.snapshot)
    except Exception:
        # Nothing that is wrong with one record may keep its company from sending the others.
        log.exception("record %s cannot be read", row.id)
        return None


def _intent(row: Any, kind: Kind) -> Intent | None:  # noqa: ANN401  as above
    if row.request_key is None:
        return None
    return Intent(
        entity=kind.value,
        operation=Operation(row.request_operation),
        body=row.request_body,
        request_key=row.request_key,
        fingerprint=row.request_fingerprint,
        total=from_cents(row.request_total),
        base=row.request_base or "",
    )


def commit_intents(
    connection: sa.Connection,
    lease: Lease,
    intents: Sequence[tuple[Claim, Intent]],
    *,
    now: datetime,
    looking: Collection[int] = (),
) -> tuple[Lease, list[tuple[Claim, Intent]]]:
    """Write down what is about to be sent, and under which key, before any of it leaves.

    An intent that was committed earlier keeps its key, its body and its first time. A record that
    was changed since it was read, or that a host's own transaction is writing to, keeps its turn:
    that transaction may be long, and others must not wait for it.

    Args:
        connection: a transaction.
        lease: on the company.
        intents: what is to be sent.
        now: when.
        looking: ids of records that are only looked for this time.

    Returns:
        the lease, and what may be sent.

    Raises:
        LeaseLost: the company is not ours any more; nothing was written.
    """
    lease = renew(connection, lease, now=now)
    rows = lock(connection, [claim.record_id for claim, _ in intents])
    free = [
        (claim, intent)
        for claim, intent in intents
        if (row := rows.get(claim.record_id)) is not None and _is_as_claimed(row, claim)
    ]
    save(
        connection,
        [
            (row, next_row(row, Committed(intent=intent), now=now))
            for claim, intent in free
            for row in [rows[claim.record_id]]
            if claim.record_id not in looking
        ],
    )
    return lease, free


def _is_as_claimed(row: Row, claim: Claim) -> bool:
    """Return whether nobody has saved, sent or dismissed a record since it was read."""
    if claim.intent is not None:
        return row.request_key == claim.intent.request_key
    return (
        row.version == claim.version
        and row.request_key is None
        and row.next_attempt_at is not None
        and row.skip_reason is None
    )
