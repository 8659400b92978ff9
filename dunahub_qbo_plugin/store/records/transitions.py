"""What an event makes of a record's row: pure, and the one place where that is decided.

Only the hook's write stands beside it (`store.records.upsert`): one statement, which may not read
first.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.mapping.merge import changed_fields
from dunahub_qbo_plugin.model import (
    GONE,
    KEEP_THEIRS,
    PARENT_SKIPPED,
    PARENT_UNKNOWN,
    QUESTIONS,
    VOIDED,
    ErrorInfo,
    Operation,
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
from dunahub_qbo_plugin.store.convert import cut, to_cents, to_ms
from dunahub_qbo_plugin.store.records.row_events import (
    Answered,
    Committed,
    DismissalUndone,
    Dismissed,
    LinkAsked,
    LostInQuickBooks,
    ParentReady,
    RetryAsked,
    RoomAppeared,
    SendAsked,
)

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.model import Intent
    from dunahub_qbo_plugin.store.records.row import Row
    from dunahub_qbo_plugin.store.records.row_events import Event

NO_REQUEST: Final[dict[str, Any]] = {
    "request_key": None,
    "request_body": None,
    "request_base": None,
    "request_operation": None,
    "request_fingerprint": None,
    "request_total": None,
    "request_at": None,
    "request_sent_at": None,
}
NO_ERROR: Final[dict[str, Any]] = {
    "error_code": None,
    "error_cause": None,
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
DEALT_WITH: Final[dict[str, Any]] = {"error_code": None, "error_cause": None}
"""An error that a person has dealt with; what was offered stays known as declined."""
RELEASED: Final = (PARENT_SKIPPED, PARENT_UNKNOWN)
"""Errors that are over once the parent is in QuickBooks."""


def next_row(row: Row, event: Event, *, now: datetime) -> Row:
    """Return what an event makes of a row; the row itself where it changes nothing.

    Args:
        row: as it is, locked.
        event: what happened.
        now: when, aware UTC.
    """
    at = to_ms(now)
    changes = _changes(row, event, at)
    if not changes:
        return row
    made = attrs.evolve(row, **changes, updated_at=at)
    # What is not to be sent is due only for what became of an earlier write.
    over = made.skip_reason is not None and made.request_key is None
    return attrs.evolve(made, next_attempt_at=None, blocked=False) if over else made


def _changes(row: Row, event: Event, at: int) -> dict[str, Any]:  # noqa: C901, PLR0911  a case each
    match event:
        case Committed(intent=intent):
            return _committed(row, intent, at)
        case Answered():
            return _answered(row, event, at)
        case ParentReady():
            return _released(row, at)
        case RoomAppeared(connection_period=period):
            if row.qbo_id is None or row.skip_reason is not None or row.error_code in QUESTIONS:
                return {}
            again = {"synced_fingerprint": None, "connection_period": period}
            return again | {"next_attempt_at": _earlier(row.next_attempt_at, at)}
        case LostInQuickBooks(info=info):
            if row.next_attempt_at is not None:
                return {}  # it is about to find out itself
            return error_values(row, info, at) | {"synced_fingerprint": None}
        case RetryAsked():
            return _retried(row, event, at)
        case SendAsked(connection_period=period, batch=batch):
            return _now(row, at) | {"connection_period": period, "batch": batch} | DEALT_WITH
        case LinkAsked(connection_period=period):
            return _linked(row, at, period)
        case Dismissed(reason=reason):
            values = {"skip_reason": SkipReason.DISMISSED.value, "skip_note": cut(reason)}
            due = _earlier(row.next_attempt_at, at)
            return values | {"blocked": False, "next_attempt_at": due}
        case DismissalUndone():
            return {"skip_reason": None, "skip_note": None, "next_attempt_at": at}


def _committed(row: Row, intent: Intent, at: int) -> dict[str, Any]:
    if row.request_key is not None:
        return {"request_sent_at": at}
    return {
        "request_key": intent.request_key,
        "request_body": intent.body,
        "request_base": intent.base or None,
        "request_operation": intent.operation.value,
        "request_fingerprint": intent.fingerprint,
        "request_total": to_cents(intent.total),
        "request_at": at,
        "request_sent_at": at,
    }


def _answered(row: Row, event: Answered, at: int) -> dict[str, Any]:  # noqa: PLR0911  a case each
    outcome = event.outcome
    changed = row.version != event.version
    due_if_changed = at if changed else None  # a change that came meanwhile stays due
    match outcome:
        case Synced() if event.is_anothers is None:
            return _synced(row, outcome, event.intent, at)
        case Synced():
            # Two invoices can agree in all there is; each needs its own: the next look leaves it
            # out.
            again = ErrorInfo(code="not-carried-out")
            values = error_values(row, again, at) | {"candidate_id": event.is_anothers}
            return values | {"next_attempt_at": at}
        case Skipped(skip_reason=reason):
            values = NO_ERROR | _key_ended(row, doubtful=row.request_operation != _CREATE)
            kept = row.skip_reason if changed else reason.value
            return values | {"skip_reason": kept, "next_attempt_at": due_if_changed}
        case Unchanged():
            return _unchanged(outcome) | {"next_attempt_at": due_if_changed}
        case Waiting():
            return _waiting(event, at, changed=changed)
        case Retry():
            return _retry(row, event, outcome, at)
        case Rejected():
            return _rejected(row, outcome, at) | {"next_attempt_at": due_if_changed}
        case ParentGone():
            return NO_ERROR | _key_ended(row) | {"blocked": True, "next_attempt_at": None}
        case Paused(keeps_key=keeps):
            return {} if keeps else _key_ended(row)


_CREATE: Final = Operation.CREATE.value


def _unchanged(outcome: Unchanged) -> dict[str, Any]:
    values = NO_ERROR | {"blocked": False, "attempts": 0, "consent": None}
    if not outcome.sent:
        return values
    values |= {"sent_body": outcome.sent, "synced_fingerprint": outcome.fingerprint}
    values |= {"qbo_object": outcome.kept} if outcome.kept else {}
    return values | {"synced_total": to_cents(outcome.total)}


def _synced(row: Row, outcome: Synced, intent: Intent | None, at: int) -> dict[str, Any]:
    assert intent is not None  # noqa: S101  what was not sent is in QuickBooks by nobody's doing
    written = outcome.written
    voided = intent.operation is Operation.VOID
    dismissed = row.skip_reason == SkipReason.DISMISSED.value
    # What QuickBooks has after all is kept up to date, whatever was decided before.
    skip_reason = None if dismissed else row.skip_reason
    agrees = row.fingerprint == intent.fingerprint and not outcome.again
    due = None if agrees else at
    return (
        _key_ended(row)
        | NO_ERROR
        | {
            "qbo_id": written.remote.id,
            "sync_token": written.remote.sync_token,
            "qbo_object": written.kept or None,
            "qbo_customer_id": written.customer_id,
            "qbo_total": to_cents(written.total),
            "qbo_number": written.number or row.qbo_number,
            "unapplied": to_cents(written.unapplied),
            "synced_total": 0 if voided else to_cents(intent.total),
            "synced_fingerprint": None if outcome.again else intent.fingerprint,
            "synced_at": at,
            "sent_body": _sent_body(row, outcome, intent),
            "doubtful_fields": row.doubtful_fields if voided else None,
            "consent": None,
            "attempts": 0,
            "blocked": False,
            "skip_reason": skip_reason,
            "next_attempt_at": due,
        }
    )


def _sent_body(row: Row, outcome: Synced, intent: Intent) -> str | None:
    """Return what QuickBooks holds by our own doing, as far as we know."""
    if outcome.again:
        return None
    if intent.operation is Operation.VOID:
        return row.sent_body
    return outcome.sent or intent.base or intent.body


def _waiting(event: Answered, at: int, *, changed: bool) -> dict[str, Any]:
    due = None if event.retry_at is None else to_ms(event.retry_at)
    if event.parent_ready or changed:
        due = at
    return NO_ERROR | {"blocked": not event.parent_ready, "next_attempt_at": due}


def _retry(row: Row, event: Answered, outcome: Retry, at: int) -> dict[str, Any]:
    values = error_values(row, outcome.info, at)
    values["attempts"] = row.attempts + 1
    due: int | None = at if event.retry_at is None else to_ms(event.retry_at)
    if not outcome.keeps_key:
        values |= _key_ended(row, doubtful=outcome.doubtful)
    elif row.request_sent_at is not None and row.request_sent_at > at:
        values["request_sent_at"] = at  # the clock was set back since: it left before now at least
    if outcome.seen is not None:
        values["sync_token"] = outcome.seen.remote.sync_token
        values["qbo_object"] = outcome.seen.kept or None
        values["qbo_total"] = to_cents(outcome.seen.total)
        values["unapplied"] = to_cents(outcome.seen.unapplied)
    if outcome.sent:
        values |= {"sent_body": outcome.sent, "doubtful_fields": row.doubtful_fields}
    return values | {"next_attempt_at": due}


def _rejected(row: Row, outcome: Rejected, at: int) -> dict[str, Any]:
    candidate = outcome.candidate
    values = error_values(row, outcome.info, at) | {
        "candidate_id": candidate.id if candidate else None,
        "candidate_token": candidate.sync_token if candidate else None,
        "candidate_name": cut(outcome.candidate_name) or None,
        "attempts": row.attempts + 1,
    }
    if outcome.made is not None:
        values |= {"qbo_id": outcome.made.id, "sync_token": outcome.made.sync_token}
    if outcome.doubtful or outcome.info.code == GONE:
        values["synced_fingerprint"] = None
    if outcome.info.code == VOIDED:
        values["qbo_total"] = 0
    return values if outcome.keeps_key else values | _key_ended(row)


def _released(row: Row, at: int) -> dict[str, Any]:
    if not row.blocked and row.error_code not in RELEASED:
        return {}
    return {"blocked": False, "next_attempt_at": at}


def _retried(row: Row, event: RetryAsked, at: int) -> dict[str, Any]:
    """Try again; a question is answered with yes by its own name only (rule 42)."""
    question = row.error_code if row.error_code in QUESTIONS else None
    if question and not event.by_name:
        return {}
    values = _now(row, at)
    if event.keep_theirs:
        values["consent"] = KEEP_THEIRS
    elif question:
        values["consent"] = question
    if question == GONE:
        # The same create under the same key would be answered with the object that is gone.
        values |= {"qbo_id": None, "sync_token": None, "qbo_object": None, "sent_body": None}
        values |= {"doubtful_fields": None}
        values |= {"request_seq": row.request_seq + 1}
    return values


def _linked(row: Row, at: int, period: int) -> dict[str, Any]:
    return (
        _now(row, at)
        | DEALT_WITH
        | NO_REQUEST
        | {
            "qbo_id": row.candidate_id,
            "sync_token": row.candidate_token,
            "qbo_object": None,
            "sent_body": None,
            "doubtful_fields": None,
            "candidate_id": None,
            "connection_period": period,
        }
    )


def _now(row: Row, at: int) -> dict[str, Any]:
    return {"next_attempt_at": _earlier(row.next_attempt_at, at), "blocked": False, "attempts": 0}


def _earlier(moment: int | None, at: int) -> int:
    return at if moment is None else min(moment, at)


def _key_ended(row: Row, *, doubtful: bool = False) -> dict[str, Any]:
    """The request is over: the next one has another key.

    Args:
        row: the row.
        doubtful: True when QuickBooks may hold what was sent.
    """
    if row.request_key is None:
        return {"synced_fingerprint": None} if doubtful else {}
    values = NO_REQUEST | {"request_seq": row.request_seq + 1}
    if not doubtful:
        return values
    return values | {"synced_fingerprint": None, "doubtful_fields": _doubtful_fields(row)}


def _doubtful_fields(row: Row) -> str | None:
    """Name what the request that is over may have changed, and what others before it may have."""
    if row.request_operation != Operation.UPDATE.value:
        return row.doubtful_fields
    wanted = row.request_base or row.request_body or "{}"
    body, sent = json.loads(wanted), json.loads(row.sent_body or "{}")
    before = json.loads(row.doubtful_fields or "[]")
    return json.dumps(sorted(changed_fields(body, sent) | set(before)))


def error_values(row: Row, info: ErrorInfo, at: int) -> dict[str, Any]:
    """Return what an error changes; texts are cut to what every database takes."""
    return {
        "error_code": info.code,
        "error_cause": info.cause or None,
        "error_text": info.text,
        "error_status": info.status,
        "error_element": info.element,
        "error_tid": info.intuit_tid,
        "error_subject": cut(info.subject),
        "error_facts": json.dumps(dict(info.facts)) if info.facts else None,
        "error_at": at,
        "first_failed_at": at if row.first_failed_at is None else row.first_failed_at,
    }
