"""What a drain writes after it heard from QuickBooks.

A change that arrived meanwhile stays due: a record is done only when what was sent is what is
desired *now*.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import (
    GONE,
    Claim,
    ErrorInfo,
    Halted,
    Hold,
    Intent,
    Kept,
    Kind,
    Operation,
    Outcome,
    ParentGone,
    Rejected,
    Retry,
    Synced,
    Waiting,
)
from dunahub_qbo_plugin.store import history, search
from dunahub_qbo_plugin.store.claims import CHILD_KIND
from dunahub_qbo_plugin.store.edge import to_cents, to_ms
from dunahub_qbo_plugin.store.history import Entry, Event
from dunahub_qbo_plugin.store.leases import Lease, renew
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

NO_REQUEST: Final[dict[str, Any]] = {
    "request_seq": records.c.request_seq + 1,
    "request_key": None,
    "request_body": None,
    "request_operation": None,
    "request_fingerprint": None,
    "request_total": None,
    "request_at": None,
}
NO_ERROR: Final[dict[str, Any]] = {
    "error_code": None,
    "error_text": None,
    "error_status": None,
    "error_element": None,
    "error_tid": None,
    "error_subject": None,
    "error_at": None,
    "first_failed_at": None,
    "candidate_id": None,
    "candidate_token": None,
    "candidate_name": None,
}


@attrs.frozen(kw_only=True)
class Settlement:
    """How one claim ended.

    Attributes:
        intent: what was sent; None when nothing was.
        retry_at: for a `Retry`, when to try again.
    """

    claim: Claim
    outcome: Outcome
    intent: Intent | None = None
    retry_at: datetime | None = None


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
        if not isinstance(settlement.outcome, Halted):
            labels[settlement.claim.record_id] = settlement.claim.label
        if isinstance(settlement.outcome, ParentGone):
            _mark_parent(connection, lease.company_id, settlement.outcome, now)
        if _frees_children(settlement):
            _release_children(connection, lease.company_id, settlement.claim, now)
        entries += _entries(settlement, now)
    history.add(connection, lease.company_id, entries)
    search.note(connection, lease.company_id, labels)


def _write(
    connection: sa.Connection, settlement: Settlement, extra: dict[str, str], now: datetime
) -> bool:
    """Write one outcome; False when somebody else has settled the row since."""
    claim, outcome, intent = settlement.claim, settlement.outcome, settlement.intent
    if isinstance(outcome, Synced) and intent is not None:
        values = _synced_parameters(claim, outcome, intent, to_ms(now))
        return connection.execute(_synced(), values).rowcount > 0
    where = [records.c.id == claim.record_id]
    if intent is not None:
        where.append(records.c.request_key == intent.request_key)
    changes = _values(settlement, to_ms(now)) | extra | {"touched_at": to_ms(now)}
    return connection.execute(sa.update(records).where(*where).values(changes)).rowcount > 0


def _anothers(connection: sa.Connection, company_id: str, settlement: Settlement) -> str | None:
    """Give the Id of an object that was found and belongs to another record of ours already.

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


def _values(settlement: Settlement, now: int) -> dict[str, Any]:
    claim, outcome = settlement.claim, settlement.outcome
    unless_changed = sa.case((records.c.generation == claim.generation, None), else_=now)
    match outcome:
        case Synced():
            raise ValueError("what was not sent is in QuickBooks by nobody's doing")
        case Kept(hold=hold):
            return {**NO_ERROR, **NO_REQUEST, "hold": hold.value, "due_at": unless_changed}
        case Waiting():
            ready = _parent_is_ready(claim)
            return {
                "waiting": sa.not_(ready),
                "due_at": sa.case((ready, now), else_=unless_changed),
            }
        case Retry(info=info):
            forget = {"qbo_id": None, "sync_token": None} if outcome.forget_remote else {}
            seen = outcome.remote
            learned = (
                {"sync_token": seen.sync_token, "deposit_account": seen.deposit_account}
                if seen
                else {}
            )
            return {
                **({} if outcome.unknown else NO_REQUEST),
                **_error_values(info, now),
                **forget,
                **learned,
                "attempts": records.c.attempts + 1,
                "due_at": now if settlement.retry_at is None else to_ms(settlement.retry_at),
            }
        case Rejected(info=info, candidate=candidate):
            return {
                **({} if outcome.unknown else NO_REQUEST),
                **_error_values(info, now),
                "candidate_id": candidate.id if candidate else None,
                "candidate_token": candidate.sync_token if candidate else None,
                "candidate_name": outcome.candidate_name or None,
                "attempts": records.c.attempts + 1,
                "due_at": unless_changed,
            }
        case ParentGone():
            return {**NO_REQUEST, "waiting": True, "due_at": None}
        case Halted():
            return {} if outcome.unknown else dict(NO_REQUEST)


@cache
def _synced() -> sa.Update:
    """Make the commonest statement once: putting it together takes longer than carrying it out."""
    text, big = sa.String(), sa.BigInteger()
    now = sa.bindparam("p_now", type_=big)
    fingerprint = sa.bindparam("p_fingerprint", type_=text)
    agrees = records.c.fingerprint == fingerprint
    number = sa.bindparam("p_number", type_=text)
    return (
        sa.update(records)
        .where(records.c.id == sa.bindparam("p_id"), records.c.request_key == sa.bindparam("p_key"))
        .values(
            **NO_REQUEST,
            **NO_ERROR,
            qbo_id=sa.bindparam("p_qbo_id", type_=text),
            sync_token=sa.bindparam("p_sync_token", type_=text),
            deposit_account=sa.bindparam("p_deposit_account", type_=text),
            qbo_total=sa.bindparam("p_qbo_total", type_=big),
            qbo_number=sa.func.coalesce(number, records.c.qbo_number),
            synced_total=sa.bindparam("p_synced_total", type_=big),
            synced_fingerprint=fingerprint,
            synced_at=now,
            touched_at=now,
            sent_fields=sa.bindparam("p_sent_fields", type_=text),
            attempts=0,
            waiting=False,
            hold=sa.case((records.c.hold == Hold.DISMISSED.value, None), else_=records.c.hold),
            due_at=sa.case((agrees, None), (records.c.hold.is_not(None), None), else_=now),
        )
    )


def _synced_parameters(claim: Claim, outcome: Synced, intent: Intent, now: int) -> dict[str, Any]:
    written = outcome.written
    return {
        "p_id": claim.record_id,
        "p_key": intent.request_key,
        "p_now": now,
        "p_qbo_id": written.remote.id,
        "p_sync_token": written.remote.sync_token,
        "p_deposit_account": written.remote.deposit_account,
        "p_qbo_total": to_cents(written.total),
        "p_number": written.number or None,
        "p_synced_total": 0 if intent.operation is Operation.VOID else to_cents(intent.total),
        "p_fingerprint": outcome.fingerprint,
        "p_sent_fields": " ".join(sorted(outcome.sent_fields)),
    }


def _error_values(info: ErrorInfo, now: int) -> dict[str, Any]:
    return {
        "error_code": info.code,
        "error_text": info.text,
        "error_status": info.status,
        "error_element": info.element,
        "error_tid": info.intuit_tid,
        "error_subject": info.subject,
        "error_at": now,
        "first_failed_at": sa.func.coalesce(records.c.first_failed_at, now),
    }


def _parent_is_ready(claim: Claim) -> sa.Exists:
    """Tell whether the parent arrived between our look and now."""
    parent = records.alias("ready")
    assert claim.parent is not None  # noqa: S101  only a record with a parent waits for one
    return sa.exists(
        sa.select(parent.c.id).where(
            parent.c.company_id == records.c.company_id,
            parent.c.kind == claim.parent.key.kind.value,
            parent.c.local_id == claim.parent.key.local_id,
            parent.c.qbo_id.is_not(None),
            sa.or_(parent.c.due_at.is_(None), parent.c.epoch != records.c.epoch),
            sa.func.coalesce(parent.c.error_code, "") != GONE,
        )
    )


def _frees_children(settlement: Settlement) -> bool:
    """Tell whether records that wait for this one may be looked at again."""
    known = settlement.claim.remote is not None
    return isinstance(settlement.outcome, Synced) or (
        known and isinstance(settlement.outcome, Rejected)
    )


def _release_children(
    connection: sa.Connection, company_id: str, claim: Claim, now: datetime
) -> None:
    child = CHILD_KIND.get(claim.key.kind)
    if child is None:
        return
    values = {
        "p_company": company_id,
        "p_kind": child.value,
        "p_parent": claim.key.local_id,
        "p_now": to_ms(now),
    }
    connection.execute(_release(), values)


@cache
def _release() -> sa.Update:
    return (
        sa.update(records)
        .where(
            records.c.company_id == sa.bindparam("p_company"),
            records.c.kind == sa.bindparam("p_kind"),
            records.c.parent == sa.bindparam("p_parent"),
            records.c.waiting,
        )
        .values(waiting=False, due_at=sa.bindparam("p_now"))
    )


def _mark_parent(
    connection: sa.Connection, company_id: str, outcome: ParentGone, now: datetime
) -> None:
    """Have the parent need attention: what QuickBooks had of it is gone."""
    statement = (
        sa.update(records)
        .where(
            records.c.company_id == company_id,
            records.c.kind == outcome.parent.kind.value,
            records.c.local_id == outcome.parent.local_id,
            records.c.due_at.is_(None),
        )
        .values(
            **_error_values(outcome.info, to_ms(now)),
            synced_fingerprint=None,
            touched_at=to_ms(now),
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


def _entries(settlement: Settlement, now: datetime) -> list[Entry]:
    claim, outcome, intent = settlement.claim, settlement.outcome, settlement.intent
    entry = Entry(
        record_id=claim.record_id,
        at=now,
        event=Event.SENT,
        operation=intent.operation.value if intent else None,
    )
    match outcome:
        case Synced(written=written, note=note):
            sent = attrs.evolve(
                entry, qbo_id=written.remote.id, tid=written.intuit_tid or None, text=note or None
            )
            return [sent]
        case Waiting(parent=parent) | ParentGone(parent=parent):
            return [attrs.evolve(entry, event=Event.WAITING, text=str(parent))]
        case Retry(info=info) | Rejected(info=info):
            event = Event.RETRY if isinstance(outcome, Retry) else Event.REJECTED
            failed = attrs.evolve(
                entry, event=event, code=info.code, text=info.text, tid=info.intuit_tid or None
            )
            note = outcome.note if isinstance(outcome, Retry) else ""
            return [failed, attrs.evolve(entry, event=Event.NOTED, text=note)] if note else [failed]
        case Kept(hold=hold):
            return [attrs.evolve(entry, event=Event.NOTED, text=hold.value)]
        case Halted():
            return []
