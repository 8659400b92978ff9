"""What became of a write that had no definite answer: found out in one way, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.mapping.merge import changed_fields
from dunahub_qbo_plugin.model import (
    AMBIGUOUS,
    GONE,
    VOIDED,
    ErrorInfo,
    Note,
    Operation,
    Outcome,
    ReadReason,
    Rejected,
    Retry,
    Skipped,
    Synced,
)
from dunahub_qbo_plugin.qbo.exact_json import encode
from dunahub_qbo_plugin.qbo.payloads import is_voided, paid_since, written_of
from dunahub_qbo_plugin.sync.attempt import STILL_RUNNING
from dunahub_qbo_plugin.sync.lookup import Agreement, Found, look_for
from dunahub_qbo_plugin.sync.sent import as_object, found_sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.model import Claim, Written
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.sync.attempt import Attempt


def settle_unknown(client: QboClient, attempt: Attempt) -> Outcome | None:
    """Find out what became of a write, by looking at what QuickBooks holds.

    The one way for whatever leaves it open: a write of minutes ago, a refusal of a resend, a record
    that is not to be sent any more, a restored backup.

    Returns:
        what came of it; None when nothing is there and every try must have ended, so that the
        write was surely not carried out and its key ends.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    if not attempt.creates:
        skipped = attempt.claim.skip_reason
        return reread(client, attempt) if skipped is None else Skipped(skip_reason=skipped)
    found = look_for(client, attempt)
    if found.agreement is not Agreement.NONE:
        return _adopt_or_ask(found, attempt)
    if running := attempt.still_running:
        return Retry(info=ErrorInfo(code=STILL_RUNNING), after=running, keeps_key=True)
    return None


def _adopt_or_ask(found: Found, attempt: Attempt) -> Synced | Rejected:
    """Take what was found for ours, or ask a person whether it is."""
    assert found.written is not None  # noqa: S101  something was found
    if found.is_ours:
        note = Note.FOUND_AGAIN if attempt.is_resend else Note.SENT_BEFORE
        if found.agreement is not Agreement.ALL:
            note = Note.FOUND_CHANGED
        again = attempt.claim.look_first is not None
        return Synced(written=found.written, adopted=True, again=again, note=note)
    # The key is kept: unless a person says otherwise, it may be the one that we sent.
    return Rejected(
        info=ErrorInfo(code=AMBIGUOUS, subject=found.name),
        keeps_key=True,
        candidate=found.written.remote,
        candidate_name=found.name,
    )


def _as_seen(entity: Mapping[str, Any], claim: Claim, kind: str, sent: str) -> Written:
    """Read an object that somebody may have changed: with what it was after our last write.

    Args:
        entity: the object.
        claim: what was known of it.
        kind: QuickBooks' entity, in lower case.
        sent: JSON of what of it is ours, where that is another than was known.
    """
    seen = written_of(entity, kind)
    known, now = as_object(claim.current), as_object(seen.kept)
    before = known.pop("before", None) or known
    if not before:
        return seen
    taken = changed_fields(as_object(sent), as_object(claim.sent)) if sent else ()
    before = before | {name: now.get(name) for name in taken}
    return attrs.evolve(seen, kept=encode({**now, "before": before}))


def reread(client: QboClient, attempt: Attempt, *, stale: bool = False) -> Outcome:
    """Learn what QuickBooks has of an object; the update is then planned anew and sent again.

    An update that was carried out twice is harmless: the second one meets another SyncToken.

    Args:
        client: whom to ask.
        attempt: an update or a void.
        stale: True when QuickBooks said that it was changed there (5010).

    Raises:
        QboError: QuickBooks could not be asked.
    """
    claim, intent = attempt.claim, attempt.intent
    assert claim.remote is not None  # noqa: S101  only what is there is updated
    entity = client.read(
        attempt.grant,
        intent.entity,
        claim.remote.id,
        reason=ReadReason.CHANGED,
        check=attempt.check,
    )
    if entity is None:
        return Rejected(info=ErrorInfo(code=GONE, subject=claim.label), doubtful=True)
    doubtful = attempt.is_resend or not stale
    sent = found_sent(entity, claim, intent) if doubtful else ""
    seen = _as_seen(entity, claim, intent.entity, sent)
    if is_voided(entity):
        if intent.operation is Operation.VOID:
            return Synced(written=seen, note=Note.FOUND_VOIDED)
        by_us = claim.synced_total == 0
        if not by_us and claim.consent != VOIDED:
            info = ErrorInfo(code=VOIDED, subject=claim.label)
            return Rejected(info=info, doubtful=True)
    repeated = claim.attempts > 0 and claim.remote.sync_token == seen.remote.sync_token
    note = None
    if stale and not attempt.is_resend and not repeated:
        routine = paid_since(entity, claim.remote.sync_token)
        note = Note.PAID_SINCE if routine else Note.CHANGED_SINCE
    return Retry(
        info=ErrorInfo(code="stale"),
        after=None if repeated else 0,
        doubtful=doubtful,
        seen=seen,
        sent=sent,
        note=note,
    )
