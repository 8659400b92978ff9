"""Makes QuickBooks agree with one claim, and turns every answer and every error into an outcome."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import (
    BadReference,
    Busy,
    DuplicateName,
    DuplicateNumber,
    DuplicateRequest,
    LeaseLost,
    QboError,
    Stale,
)
from dunahub_qbo_plugin.model import (
    GONE,
    Claim,
    ErrorInfo,
    Intent,
    Note,
    Operation,
    Outcome,
    Paused,
    Rejected,
    RemoteRef,
    Retry,
    Skipped,
    Synced,
)
from dunahub_qbo_plugin.qbo.consequences import Meaning
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.qbo.payloads import is_voided, paid_since, remote_ref, written_of
from dunahub_qbo_plugin.sync import conflicts
from dunahub_qbo_plugin.sync.attempt import LOOK_FIRST_AFTER
from dunahub_qbo_plugin.sync.backoff import delay
from dunahub_qbo_plugin.sync.lookup import Agreement, Found, compare, look_for
from dunahub_qbo_plugin.sync.planner import filled

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import SkipReason, Written
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.sync.attempt import Attempt

log = logging.getLogger(__name__)

FORGET_KEY_AFTER: Final = timedelta(hours=24)
"""Age from which an unanswered create that is not to be found gets a new key. Until then the resend
keeps the key, since a look may miss what was written a moment ago; not for ever, since an answer
that QuickBooks keeps for a key may be a fault."""


class Reconciler:
    """Sends intents. Safe to use from several threads; it touches no database."""

    def __init__(self, client: QboClient) -> None:
        self._client = client

    def reconcile(self, attempt: Attempt) -> Outcome:
        """Send what was committed and tell what came of it. Never raises."""
        try:
            return self._reconcile(attempt)
        except LeaseLost:
            return Paused(info=ErrorInfo(code="lease-lost"), unknown=True)
        except QboError as error:
            # A look failed, before or after a write: the key is kept, which does no harm.
            return outcome_of(error, attempt.claim, unknown=True, looked=True)
        except Exception:
            log.exception("the %s could not be reconciled", attempt.claim.key.kind.word)
            return Retry(info=ErrorInfo(code="internal"), unknown=True)

    def _reconcile(self, attempt: Attempt) -> Outcome:
        if attempt.claim.skip_reason is not None:
            return self._find_out(attempt, attempt.claim.skip_reason)
        old = attempt.is_resend and attempt.age >= LOOK_FIRST_AFTER
        if old or (attempt.claim.look_first and attempt.creates):
            return self._look_first(attempt)
        return self._send(attempt)

    def _look(self, attempt: Attempt) -> Found:
        return look_for(
            self._client,
            attempt.grant,
            attempt.intent,
            check=attempt.check,
            without=attempt.claim.declined,
        )

    def _send(self, attempt: Attempt) -> Outcome:
        try:
            written = self._client.write(attempt.grant, attempt.intent, check=attempt.check)
        except LeaseLost:
            return Paused(info=ErrorInfo(code="lease-lost"), unknown=attempt.is_resend)
        except QboError as error:
            return self._after_refusal(attempt, error)
        if (attempt.is_resend or attempt.claim.look_first) and attempt.creates:
            return self._confirmed(attempt, written.remote)
        note, sent = _unapplied_note(written), filled(attempt.intent)
        return Synced(
            written=written, fingerprint=attempt.intent.fingerprint, sent_fields=sent, note=note
        )

    def _after_refusal(self, attempt: Attempt, error: QboError) -> Outcome:
        match error:
            case Stale():
                return self._after_stale(attempt, error)
            case DuplicateName():
                return self._after_name_taken(attempt, error)
            case DuplicateNumber():
                return self._after_number_taken(attempt, error)
            case DuplicateRequest():
                return self._after_key_used(attempt, error)
            case BadReference():
                return conflicts.explain_reference(self._client, attempt, error)
            case _:
                return outcome_of(error, attempt.claim, unknown=attempt.is_resend)

    def _confirmed(self, attempt: Attempt, remote: RemoteRef) -> Outcome:
        """Make sure that a replayed answer speaks of an object that still is there.

        QuickBooks replays the first answer even when the object was deleted since (measured
        2026-09); such a record is made anew, under a new key. Not at once: whether a read finds
        what was written a moment ago is not documented.
        """
        entity = self._client.read(
            attempt.grant, attempt.intent.entity, remote.id, check=attempt.check
        )
        if entity is None and attempt.is_resend and attempt.age < LOOK_FIRST_AFTER:
            return Retry(info=ErrorInfo(code="no-answer"), unknown=True)
        if entity is None or entity.get("Active") is False:
            info = ErrorInfo(code="replay-of-deleted")
            return Retry(info=info, after=0, note=Note.DELETED_MEANWHILE)
        return Synced(
            written=written_of(entity),
            fingerprint=attempt.intent.fingerprint,
            sent_fields=filled(attempt.intent),
            note=Note.ACCEPTED_BEFORE,
        )

    def _look_first(self, attempt: Attempt) -> Outcome:
        """Settle a write whose answer never came, by looking at what QuickBooks holds."""
        if not attempt.creates:
            return self._reread(attempt)
        found = self._look(attempt)
        if found.agreement is not Agreement.NONE:
            return _adopt_or_ask(found, attempt.intent)
        if attempt.age >= FORGET_KEY_AFTER:
            return Retry(info=ErrorInfo(code="not-carried-out"), after=0)
        return self._send(attempt)

    def _find_out(self, attempt: Attempt, skip_reason: SkipReason) -> Outcome:
        """Learn whether QuickBooks has a record that is not to be sent any more; send nothing."""
        if not attempt.creates:
            return Skipped(skip_reason=skip_reason)
        found = self._look(attempt)
        if found.agreement is not Agreement.NONE:
            return _adopt_or_ask(found, attempt.intent)
        if attempt.age >= LOOK_FIRST_AFTER:
            return Skipped(skip_reason=skip_reason)
        return Retry(info=ErrorInfo(code="no-answer"), unknown=True)

    def _after_key_used(self, attempt: Attempt, error: DuplicateRequest) -> Outcome:
        """Find out what became of the request that had the key before.

        QuickBooks may say so while that one still runs; only when it must have ended long ago and
        left nothing is a new key taken.
        """
        if not attempt.creates:
            return self._reread(attempt)
        found = self._look(attempt)
        if found.agreement is not Agreement.NONE:
            return _adopt_or_ask(found, attempt.intent)
        if attempt.age >= LOOK_FIRST_AFTER:
            return Retry(info=ErrorInfo(code="not-carried-out"), after=0)
        return outcome_of(error, attempt.claim, unknown=True)

    def _reread(self, attempt: Attempt, *, stale: bool = False) -> Outcome:
        """Learn the object's present SyncToken; the update is then written anew and sent again."""
        assert attempt.claim.remote is not None  # noqa: S101  only what is there is updated
        entity = self._client.read(
            attempt.grant, attempt.intent.entity, attempt.claim.remote.id, check=attempt.check
        )
        if entity is None:
            return Rejected(info=ErrorInfo(code=GONE, subject=attempt.claim.label))
        if attempt.intent.operation is Operation.VOID and is_voided(entity):
            return Synced(
                written=written_of(entity),
                fingerprint=attempt.intent.fingerprint,
                note=Note.FOUND_VOIDED,
            )
        fresh = remote_ref(entity)
        repeated = (
            attempt.claim.attempts > 0 and attempt.claim.remote.sync_token == fresh.sync_token
        )
        note = None
        voided = attempt.intent.operation is Operation.UPDATE and is_voided(entity)
        if voided:
            note = Note.VOIDED_THERE
        elif stale and not attempt.is_resend and not repeated:
            routine = paid_since(entity, attempt.claim.remote.sync_token)
            note = Note.PAID_SINCE if routine else Note.CHANGED_SINCE
        return Retry(
            info=ErrorInfo(code="5010"),
            after=None if repeated else 0,
            doubtful=not stale,
            voided=voided,
            remote=fresh,
            note=note,
        )

    def _after_stale(self, attempt: Attempt, error: Stale) -> Outcome:
        if attempt.claim.remote is None:
            # Of a create it is what it stands on that was being changed: a payment's invoice.
            return outcome_of(error, attempt.claim, unknown=False)
        return self._reread(attempt, stale=True)

    def _after_name_taken(self, attempt: Attempt, error: DuplicateName) -> Outcome:
        if attempt.is_resend and attempt.creates:
            found = self._look(attempt)
            if found.agreement is Agreement.ALL:
                return _adopt_or_ask(found, attempt.intent)
        return conflicts.explain_name(self._client, attempt, error)

    def _after_number_taken(self, attempt: Attempt, error: DuplicateNumber) -> Outcome:
        """Adopt the invoice that has the number only when it is the one that was sent."""
        rejected = Rejected(info=error.info)
        if not attempt.creates:
            return rejected
        if not error.info.subject:
            found = look_for(self._client, attempt.grant, attempt.intent, check=attempt.check)
        else:
            entity = self._client.read(
                attempt.grant, attempt.intent.entity, error.info.subject, check=attempt.check
            )
            found = (
                compare(attempt.intent, entity)
                if entity is not None
                else Found(agreement=Agreement.NONE)
            )
        if found.agreement is not Agreement.ALL:
            return rejected
        return _adopt_or_ask(found, attempt.intent)


def _adopt_or_ask(found: Found, intent: Intent) -> Outcome:
    assert found.written is not None  # noqa: S101  something was found
    if found.agreement is Agreement.ALL:
        return Synced(
            written=found.written,
            fingerprint=intent.fingerprint,
            sent_fields=filled(intent),
            adopted=True,
            note=Note.FOUND_AGAIN,
        )
    # The key is kept: unless a person says otherwise, it may be the one that we sent.
    return Rejected(
        info=ErrorInfo(code="ambiguous", subject=found.name),
        unknown=True,
        candidate=found.written.remote,
        candidate_name=found.name,
    )


def outcome_of(error: QboError, claim: Claim, *, unknown: bool, looked: bool = False) -> Outcome:
    """Do what `dunahub_qbo_plugin.qbo.fault_table` says of an error.

    Args:
        error: what was raised.
        claim: the record.
        unknown: True when an earlier try of the same intent may have been carried out.
        looked: True when a look failed, and not the write: it says nothing about the write.
    """
    info = error.info
    row = row_of(info)
    follows = row.consequence
    maybe = unknown or (follows.maybe_done and not looked)
    if follows.becomes == "paused":
        return Paused(info=info, unknown=maybe, reauthorize=row.meaning is Meaning.UNAUTHORIZED)
    if follows.becomes == "rejected":
        return Rejected(info=info, unknown=unknown and looked)
    after = error.retry_after if isinstance(error, Busy) else None
    if after is not None:
        # A "Retry-After: 0" that comes again and again must not be answered in a loop.
        after = max(after, delay(claim.attempts, claim.record_id).total_seconds())
    return Retry(
        info=info,
        after=follows.pause if after is None else after,
        unknown=maybe,
        company_wide=follows.pause is not None,
    )


def _unapplied_note(written: Written) -> Note | None:
    """Note that a payment is in the books, and not all of it is applied to its invoice.

    QuickBooks takes more than an invoice has open, and takes a payment of a voided one (measured
    2026-09); what becomes of the money is for the books to decide.
    """
    return Note.UNAPPLIED if written.unapplied else None
