"""What an outcome makes of a record's row, and what it adds to its history."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import (
    GONE,
    Claim,
    ErrorInfo,
    Intent,
    Note,
    Operation,
    Outcome,
    ParentGone,
    Paused,
    Rejected,
    Retry,
    Skipped,
    SkipReason,
    Synced,
    Unchanged,
    Waiting,
)
from dunahub_qbo_plugin.store.convert import to_cents, to_ms
from dunahub_qbo_plugin.store.records.dependents import parent_is_ready
from dunahub_qbo_plugin.store.records.history import Entry, Event
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
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
    "error_facts": None,
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


def row_values(settlement: Settlement, now: int) -> dict[str, Any]:
    """Return what an outcome that is not a sent record's success changes in the row.

    Args:
        settlement: how the claim ended.
        now: milliseconds.
    """
    values = _row_values(settlement, now)
    if settlement.intent is not None and _left_all_as_it_was(settlement):
        values["synced_fingerprint"] = settlement.claim.synced_fingerprint
    return values


def _left_all_as_it_was(settlement: Settlement) -> bool:
    """Return whether QuickBooks surely holds what it held before this was sent.

    The claim of a write that is sent once more says already that nobody knows.
    """
    match settlement.outcome:
        case Retry(unknown=unknown, doubtful=doubtful):
            return not (unknown or doubtful)
        case Rejected(unknown=unknown, info=info):
            return not unknown and info.code != GONE
        case Paused(unknown=unknown):
            return not unknown
        case ParentGone():
            return True
        case _:
            return False


def _row_values(settlement: Settlement, now: int) -> dict[str, Any]:
    claim, outcome = settlement.claim, settlement.outcome
    unchanged = records.c.version == claim.version
    held = records.c.skip_reason.is_not(None)
    unless_changed = sa.case((sa.or_(unchanged, held), None), else_=now)
    match outcome:
        case Synced():
            raise ValueError("what was not sent is in QuickBooks by nobody's doing")
        case Skipped(skip_reason=skip_reason):
            keep = sa.case((unchanged, skip_reason.value), else_=records.c.skip_reason)
            return {
                **NO_ERROR,
                **NO_REQUEST,
                "skip_reason": keep,
                "next_attempt_at": unless_changed,
            }
        case Unchanged():
            return {**NO_ERROR, "blocked": False, "attempts": 0, "next_attempt_at": unless_changed}
        case Waiting():
            ready = sa.and_(parent_is_ready(claim), sa.not_(held))
            return {
                **NO_ERROR,
                "blocked": sa.not_(sa.or_(ready, held)),
                "next_attempt_at": sa.case((ready, now), else_=unless_changed),
            }
        case Retry(info=info):
            seen = outcome.remote
            learned: dict[str, Any] = (
                {"sync_token": seen.sync_token, "deposit_account": seen.deposit_account}
                if seen
                else {}
            )
            if outcome.voided:  # what pays it has come loose, and is sent again after it
                learned |= {"synced_total": 0, "qbo_total": 0}
            again = now if settlement.retry_at is None else to_ms(settlement.retry_at)
            return {
                **({} if outcome.unknown else NO_REQUEST),
                **error_values(info, now),
                **learned,
                "attempts": records.c.attempts + 1,
                "next_attempt_at": again if outcome.unknown else sa.case((held, None), else_=again),
            }
        case Rejected(info=info, candidate=candidate):
            return {
                **({} if outcome.unknown else NO_REQUEST),
                **error_values(info, now),
                "candidate_id": candidate.id if candidate else None,
                "candidate_token": candidate.sync_token if candidate else None,
                "candidate_name": outcome.candidate_name or None,
                "attempts": records.c.attempts + 1,
                "next_attempt_at": unless_changed,
            }
        case ParentGone():
            return {**NO_ERROR, **NO_REQUEST, "blocked": sa.not_(held), "next_attempt_at": None}
        case Paused():
            return {} if outcome.unknown else dict(NO_REQUEST)


def synced_update() -> sa.Update:
    """Make the commonest statement, for `compiled`."""
    text, big = sa.String(), sa.BigInteger()
    now = sa.bindparam("p_now", type_=big)
    fingerprint = sa.bindparam("p_fingerprint", type_=text)
    agrees = records.c.fingerprint == fingerprint
    dismissed = records.c.skip_reason == SkipReason.DISMISSED.value
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
            qbo_customer_id=sa.bindparam("p_qbo_customer_id", type_=text),
            qbo_total=sa.bindparam("p_qbo_total", type_=big),
            qbo_number=sa.func.coalesce(number, records.c.qbo_number),
            synced_total=sa.bindparam("p_synced_total", type_=big),
            synced_fingerprint=fingerprint,
            synced_at=now,
            updated_at=now,
            sent_fields=sa.bindparam("p_sent_fields", type_=text),
            attempts=0,
            blocked=False,
            # What QuickBooks has after all is kept up to date, whatever was decided before.
            skip_reason=sa.case((dismissed, None), else_=records.c.skip_reason),
            next_attempt_at=sa.case(
                (agrees, None),
                (dismissed, now),
                (records.c.skip_reason.is_not(None), None),
                else_=now,
            ),
        )
    )


def synced_parameters(claim: Claim, outcome: Synced, intent: Intent, now: int) -> dict[str, Any]:
    """Return the values for `synced_update`."""
    written = outcome.written
    return {
        "p_id": claim.record_id,
        "p_key": intent.request_key,
        "p_now": now,
        "p_qbo_id": written.remote.id,
        "p_sync_token": written.remote.sync_token,
        "p_deposit_account": written.remote.deposit_account,
        "p_qbo_customer_id": written.customer_id,
        "p_qbo_total": to_cents(written.total),
        "p_number": written.number or None,
        "p_synced_total": 0 if intent.operation is Operation.VOID else to_cents(intent.total),
        "p_fingerprint": outcome.fingerprint,
        "p_sent_fields": " ".join(sorted(outcome.sent_fields)),
    }


def error_values(info: ErrorInfo, now: int) -> dict[str, Any]:
    """Return what an error, noted at so many milliseconds, changes in the row."""
    return {
        "error_code": info.code,
        "error_text": info.text,
        "error_status": info.status,
        "error_element": info.element,
        "error_tid": info.intuit_tid,
        "error_subject": info.subject,
        "error_facts": json.dumps(dict(info.facts)) if info.facts else None,
        "error_at": now,
        "first_failed_at": sa.func.coalesce(records.c.first_failed_at, now),
    }


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
