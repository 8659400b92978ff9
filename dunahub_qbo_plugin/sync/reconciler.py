"""Makes QuickBooks agree with one claim, and turns every answer and every error into an outcome."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Lead
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
from dunahub_qbo_plugin.mapping.customer import details_left_out
from dunahub_qbo_plugin.model import (
    GONE,
    READS_REST,
    ErrorInfo,
    Note,
    Outcome,
    Paused,
    ReadReason,
    Rejected,
    Retry,
    Skipped,
    SkipReason,
    Synced,
)
from dunahub_qbo_plugin.qbo.consequences import Meaning
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.qbo.payloads import written_of
from dunahub_qbo_plugin.sync import conflicts
from dunahub_qbo_plugin.sync.attempt import STILL_RUNNING, looks_only
from dunahub_qbo_plugin.sync.backoff import delay
from dunahub_qbo_plugin.sync.lookup import CREATED_WITHIN
from dunahub_qbo_plugin.sync.sent import lines_unknown, refuses_sparse_lines, remembered
from dunahub_qbo_plugin.sync.settling import reread, settle_unknown

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import Claim, RemoteRef, Written
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.sync.attempt import Attempt

log = logging.getLogger(__name__)

LEASE_LOST: Final = ErrorInfo(code="lease-lost")
NOT_CARRIED_OUT: Final = ErrorInfo(code="not-carried-out")


class Reconciler:
    """Sends intents. Safe to use from several threads; it touches no database."""

    def __init__(self, client: QboClient) -> None:
        self._client = client

    def silence(self, company_id: str) -> float:
        """Return the seconds for which QuickBooks has owed an answer to whatever has left."""
        return self._client.silence(company_id)

    def reconcile(self, attempt: Attempt) -> Outcome:
        """Send what was committed and tell what came of it. Never raises."""
        try:
            return remembered(self._reconcile(attempt), attempt.claim, attempt.intent)
        except LeaseLost:
            return Paused(info=LEASE_LOST, keeps_key=True)
        except QboError as error:
            # A look failed, before or after a write: the key is kept, which does no harm.
            return outcome_of(error, attempt, keeps_key=True)
        except Exception:
            log.exception("the %s could not be reconciled", attempt.claim.key.kind.word)
            return Retry(info=ErrorInfo(code="internal"), keeps_key=True)

    def _reconcile(self, attempt: Attempt) -> Outcome:
        skipped = attempt.claim.skip_reason
        if lines_unknown(attempt):
            return reread(self._client, attempt)
        restored = attempt.claim.look_first is not None and attempt.creates
        if not looks_only(attempt.claim, attempt.now) and not restored:
            return self._send(attempt)
        if skipped is None and attempt.creates and attempt.still_running:
            # Neither a look nor a resend can tell before that: it costs nothing to wait.
            return Retry(
                info=ErrorInfo(code=STILL_RUNNING), after=attempt.still_running, keeps_key=True
            )
        settled = settle_unknown(self._client, attempt)
        if settled is not None:
            return settled
        if skipped is not None:
            return Skipped(skip_reason=skipped)
        if attempt.is_resend:
            return Retry(info=NOT_CARRIED_OUT, after=0)
        if attempt.is_voided:
            return Skipped(skip_reason=SkipReason.VOIDED_UNSENT)
        return self._send(attempt)

    def _send(self, attempt: Attempt) -> Outcome:
        try:
            written = self._client.write(attempt.grant, attempt.intent, check=attempt.may_leave)
        except LeaseLost:
            return Paused(info=LEASE_LOST, keeps_key=attempt.is_resend)
        except QboError as error:
            return self._after_error(attempt, error)
        if (attempt.is_resend or attempt.claim.look_first is not None) and attempt.creates:
            return self._confirmed(attempt, written.remote)
        return Synced(written=written, note=_note_of(attempt.claim, written))

    def _after_error(self, attempt: Attempt, error: QboError) -> Outcome:
        """Act on a refusal or on the lack of an answer."""
        if not attempt.keeps_key(error):
            return self._after_refusal(attempt, error)
        if not attempt.creates and isinstance(error, Stale):
            return reread(self._client, attempt, stale=True)
        refused_again = attempt.is_resend and error.refuses
        paused = row_of(error.info).consequence.becomes == "paused"
        if paused or not (refused_again or isinstance(error, DuplicateRequest)):
            return outcome_of(error, attempt, keeps_key=True)
        # An earlier try may have been carried out, and this be refused just because of it.
        settled = settle_unknown(self._client, attempt)
        if settled is not None:
            return settled
        if not attempt.is_resend:  # the key was used by a request that may run still
            return outcome_of(error, attempt, keeps_key=True)
        return self._after_refusal(attempt, error)

    def _after_refusal(self, attempt: Attempt, error: QboError) -> Outcome:
        """Explain a refusal of what was surely not carried out."""
        if refuses_sparse_lines(attempt, error):
            return Retry(info=error.info, after=0)
        try:
            match error:
                case Stale() if attempt.claim.remote is not None:
                    return reread(self._client, attempt, stale=True)
                case DuplicateName():
                    return conflicts.explain_name(self._client, attempt, error)
                case DuplicateNumber():
                    return conflicts.explain_number(self._client, attempt, error)
                case BadReference():
                    return conflicts.explain_reference(self._client, attempt, error)
        except LeaseLost:
            return Paused(info=LEASE_LOST)
        except QboError as unasked:
            return _unexplained(attempt, error, unasked)
        return outcome_of(error, attempt, keeps_key=False)

    def _confirmed(self, attempt: Attempt, remote: RemoteRef) -> Outcome:
        """Make sure that a replayed answer speaks of an object that still is there.

        QuickBooks replays the first answer even when the object was deleted since (measured
        2026-09). Not at once: whether a read finds what was written a moment ago is not documented.
        """
        intent = attempt.intent
        entity = self._client.read(
            attempt.grant, intent.entity, remote.id, reason=ReadReason.LOOK, check=attempt.check
        )
        if entity is None and attempt.still_running and not self._is_deleted(attempt, remote):
            return Retry(info=ErrorInfo(code="no-answer"), keeps_key=True)
        if entity is None or entity.get("Active") is False:
            return Rejected(info=ErrorInfo(code=GONE, subject=attempt.claim.label), made=remote)
        written = written_of(entity, intent.entity)
        again = attempt.claim.look_first is not None
        return Synced(written=written, again=again, note=Note.ACCEPTED_BEFORE)

    def _is_deleted(self, attempt: Attempt, remote: RemoteRef) -> bool:
        """Return whether QuickBooks says that an object which it made is gone again."""
        name = attempt.intent.entity.capitalize()
        since = (attempt.claim.intent_at or attempt.now) - CREATED_WITHIN
        changed = self._client.cdc(
            attempt.grant, [name], since, reason=ReadReason.LOOK, check=attempt.check
        )[name]
        return any(one.get("Id") == remote.id and one.get("status") == "Deleted" for one in changed)


def _unexplained(attempt: Attempt, error: QboError, unasked: QboError) -> Outcome:
    """Decide what becomes of a refusal whose reason could not be looked up."""
    if unasked.info.code == READS_REST:
        return outcome_of(unasked, attempt, keeps_key=False)
    if unasked.info.status is None:  # it was not asked: it is tried again with the write
        return Retry(info=error.info)
    # A person has to act anyway: QuickBooks' own words must do.
    log.info("a refusal could not be explained: %s", unasked.info.code)
    return outcome_of(error, attempt, keeps_key=False)


def outcome_of(error: QboError, attempt: Attempt, *, keeps_key: bool) -> Outcome:
    """Do what `dunahub_qbo_plugin.qbo.fault_table` says of an error.

    Args:
        error: what was raised.
        attempt: what was tried.
        keeps_key: True when the write may have been carried out.
    """
    info = error.info
    row = row_of(info)
    follows = row.consequence
    if follows.becomes == "paused":
        renew = row.meaning is Meaning.UNAUTHORIZED
        return Paused(info=info, keeps_key=keeps_key, reauthorize=renew)
    if follows.becomes == "rejected":
        return Rejected(info=info, keeps_key=keeps_key)
    after = error.retry_after if isinstance(error, Busy) else None
    if after is not None:
        # A "Retry-After: 0" that comes again and again must not be answered in a loop.
        claim = attempt.claim
        after = max(after, delay(claim.attempts, claim.record_id).total_seconds())
    return Retry(
        info=info,
        after=follows.pause if after is None else after,
        keeps_key=keeps_key,
        company_wide=follows.pause is not None,
    )


def _note_of(claim: Claim, written: Written) -> Note | None:
    """Note that a customer is there without all of its details, or a payment not wholly applied.

    QuickBooks takes more than an invoice has open, and takes a payment of a voided one (measured
    2026-09); what becomes of the money is for the books to decide.
    """
    if isinstance(claim.value, Lead) and details_left_out(claim.value):
        return Note.DETAILS_LEFT_OUT
    return Note.UNAPPLIED if written.unapplied else None
