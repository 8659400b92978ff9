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
    Halted,
    Intent,
    Kept,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    Retry,
    Synced,
)
from dunahub_qbo_plugin.qbo.answers import remote_ref
from dunahub_qbo_plugin.qbo.consequences import Meaning
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.sync import conflicts
from dunahub_qbo_plugin.sync.backoff import delay
from dunahub_qbo_plugin.sync.lookup import (
    Agreement,
    Found,
    compare,
    filled,
    is_voided,
    look_for,
    loose_money,
    paid_since,
    written_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_qbo_plugin.model import Hold
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient

log = logging.getLogger(__name__)

LOOK_FIRST_AFTER: Final = timedelta(minutes=3)
"""Age of an unanswered create from which we look before we resend: how long QuickBooks remembers a
request key is not documented."""
FORGET_KEY_AFTER: Final = timedelta(hours=24)
"""Age from which an unanswered create that is not to be found gets a new key. Until then the resend
keeps the key, since a look may miss what was written a moment ago; not for ever, since an answer
that QuickBooks keeps for a key may be a fault."""

CHANGED_SINCE: Final = "It had been changed in QuickBooks since it was last sent."
VOIDED_THERE: Final = "It had been voided in QuickBooks; DunaHub has it as valid."
PAID_SINCE: Final = "Its payments had moved it on in QuickBooks."


class Reconciler:
    """Sends intents. Safe to use from several threads; it touches no database."""

    def __init__(self, client: QboClient) -> None:
        self._client = client

    def reconcile(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        *,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        """Send what was committed and tell what came of it. Never raises.

        Args:
            grant: for the company.
            claim: the record.
            intent: what was committed for it; a resend when the claim carries it already.
            now: to tell how old an unanswered intent is.
            check: called right before each request leaves; raises when nothing may leave.
        """
        try:
            return self._reconcile(grant, claim, intent, now, check)
        except LeaseLost:
            return Halted(info=ErrorInfo(code="lease-lost"), unknown=True)
        except QboError as error:
            # A look failed, before or after a write: the key is kept, which does no harm.
            return outcome_of(error, claim, unknown=True, looked=True)
        except Exception:
            log.exception("the %s could not be reconciled", claim.key.kind.word)
            return Retry(info=ErrorInfo(code="internal"), unknown=True)

    def _reconcile(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        if claim.hold is not None:
            return self._find_out(grant, claim, intent, claim.hold, now, check)
        resend = claim.intent is not None
        creates = intent.operation is Operation.CREATE
        old = resend and _age(claim, now) >= LOOK_FIRST_AFTER
        if old or (claim.look_first and creates):
            return self._look_first(grant, claim, intent, now, check)
        return self._send(grant, claim, intent, now, check)

    def _look(self, grant: Grant, claim: Claim, intent: Intent, check: Callable[[], None]) -> Found:
        return look_for(self._client, grant, intent, check=check, without=claim.declined)

    def _send(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        resend = claim.intent is not None
        try:
            written = self._client.write(grant, intent, check=check)
        except LeaseLost:
            return Halted(info=ErrorInfo(code="lease-lost"), unknown=resend)
        except QboError as error:
            return self._after_refusal(grant, claim, intent, error, now, check)
        if (resend or claim.look_first) and intent.operation is Operation.CREATE:
            return self._confirmed(grant, claim, intent, written.remote, now, check)
        note, sent = loose_money(written), filled(intent)
        return Synced(written=written, fingerprint=intent.fingerprint, sent_fields=sent, note=note)

    def _after_refusal(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        error: QboError,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        match error:
            case Stale():
                return self._after_stale(grant, claim, intent, error, check)
            case DuplicateName():
                return self._after_name_taken(grant, claim, intent, error, check)
            case DuplicateNumber():
                return self._after_number_taken(grant, intent, error, check)
            case DuplicateRequest():
                return self._after_key_used(grant, claim, intent, error, now, check)
            case BadReference():
                return conflicts.explain_reference(
                    self._client, grant, claim, intent, error, check=check
                )
            case _:
                return outcome_of(error, claim, unknown=claim.intent is not None)

    def _confirmed(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        remote: RemoteRef,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        """Make sure that a replayed answer speaks of an object that still is there.

        QuickBooks replays the first answer even when the object was deleted since (measured
        2026-09); such a record is made anew, under a new key. Not at once: whether a read finds
        what was written a moment ago is not documented.
        """
        entity = self._client.read(grant, intent.entity, remote.id, check=check)
        if entity is None and claim.intent is not None and _age(claim, now) < LOOK_FIRST_AFTER:
            return Retry(info=ErrorInfo(code="no-answer"), unknown=True)
        if entity is None or entity.get("Active") is False:
            info = ErrorInfo(code="replay-of-deleted")
            return Retry(info=info, after=0, note="It was deleted in QuickBooks meanwhile.")
        return Synced(
            written=written_of(entity),
            fingerprint=intent.fingerprint,
            sent_fields=filled(intent),
            note="QuickBooks had accepted it; its answer had been lost.",
        )

    def _look_first(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        """Settle a write whose answer never came, by looking at what QuickBooks holds."""
        if intent.operation is not Operation.CREATE:
            return self._reread(grant, claim, intent, check)
        found = self._look(grant, claim, intent, check)
        if found.agreement is not Agreement.NONE:
            return _adopt_or_ask(found, intent)
        if _age(claim, now) >= FORGET_KEY_AFTER:
            return Retry(info=ErrorInfo(code="not-carried-out"), after=0)
        return self._send(grant, claim, intent, now, check)

    def _find_out(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        hold: Hold,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        """Learn whether QuickBooks has a record that is not to be sent any more; send nothing."""
        if intent.operation is not Operation.CREATE:
            return Kept(hold=hold)
        found = self._look(grant, claim, intent, check)
        if found.agreement is not Agreement.NONE:
            return _adopt_or_ask(found, intent)
        if _age(claim, now) >= LOOK_FIRST_AFTER:
            return Kept(hold=hold)
        return Retry(info=ErrorInfo(code="no-answer"), unknown=True)

    def _after_key_used(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        error: DuplicateRequest,
        now: datetime,
        check: Callable[[], None],
    ) -> Outcome:
        """Find out what became of the request that had the key before.

        QuickBooks may say so while that one still runs; only when it must have ended long ago and
        left nothing is a new key taken.
        """
        if intent.operation is not Operation.CREATE:
            return self._reread(grant, claim, intent, check)
        found = self._look(grant, claim, intent, check)
        if found.agreement is not Agreement.NONE:
            return _adopt_or_ask(found, intent)
        if _age(claim, now) >= LOOK_FIRST_AFTER:
            return Retry(info=ErrorInfo(code="not-carried-out"), after=0)
        return outcome_of(error, claim, unknown=True)

    def _reread(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        check: Callable[[], None],
        *,
        stale: bool = False,
    ) -> Outcome:
        """Learn the object's present SyncToken; the update is then written anew and sent again."""
        assert claim.remote is not None  # noqa: S101  only what is there is updated
        entity = self._client.read(grant, intent.entity, claim.remote.id, check=check)
        if entity is None:
            return Rejected(info=ErrorInfo(code=GONE, subject=claim.label))
        if intent.operation is Operation.VOID and is_voided(entity):
            return Synced(
                written=written_of(entity),
                fingerprint=intent.fingerprint,
                note="It was found voided in QuickBooks.",
            )
        fresh = remote_ref(entity)
        repeated = claim.attempts > 0 and claim.remote.sync_token == fresh.sync_token
        note = ""
        voided = intent.operation is Operation.UPDATE and is_voided(entity)
        if voided:
            note = VOIDED_THERE
        elif stale and claim.intent is None and not repeated:
            routine = paid_since(entity, claim.remote.sync_token)
            note = PAID_SINCE if routine else CHANGED_SINCE
        return Retry(
            info=ErrorInfo(code="5010"),
            after=None if repeated else 0,
            doubtful=not stale,
            voided=voided,
            remote=fresh,
            note=note,
        )

    def _after_stale(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        error: Stale,
        check: Callable[[], None],
    ) -> Outcome:
        if claim.remote is None:
            # Of a create it is what it stands on that was being changed: a payment's invoice.
            return outcome_of(error, claim, unknown=False)
        return self._reread(grant, claim, intent, check, stale=True)

    def _after_name_taken(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        error: DuplicateName,
        check: Callable[[], None],
    ) -> Outcome:
        if claim.intent is not None and intent.operation is Operation.CREATE:
            found = self._look(grant, claim, intent, check)
            if found.agreement is Agreement.ALL:
                return _adopt_or_ask(found, intent)
        return conflicts.explain_name(self._client, grant, intent, error, check=check)

    def _after_number_taken(
        self,
        grant: Grant,
        intent: Intent,
        error: DuplicateNumber,
        check: Callable[[], None],
    ) -> Outcome:
        """Adopt the invoice that has the number only when it is the one that was sent."""
        rejected = Rejected(info=error.info)
        if intent.operation is not Operation.CREATE:
            return rejected
        if not error.info.subject:
            found = look_for(self._client, grant, intent, check=check)
        else:
            entity = self._client.read(grant, intent.entity, error.info.subject, check=check)
            found = (
                compare(intent, entity) if entity is not None else Found(agreement=Agreement.NONE)
            )
        if found.agreement is not Agreement.ALL:
            return rejected
        return _adopt_or_ask(found, intent)


def _age(claim: Claim, now: datetime) -> timedelta:
    """Give how long ago an unanswered intent was committed; nothing for one that is new."""
    if claim.intent is None or claim.intent_at is None:
        return timedelta(0)
    age = now - claim.intent_at
    # A clock that was set back since does not tell how long ago it was.
    return age if age >= timedelta(0) else LOOK_FIRST_AFTER


def _adopt_or_ask(found: Found, intent: Intent) -> Outcome:
    assert found.written is not None  # noqa: S101  something was found
    if found.agreement is Agreement.ALL:
        return Synced(
            written=found.written,
            fingerprint=intent.fingerprint,
            sent_fields=filled(intent),
            adopted=True,
            note="It was found in QuickBooks; the answer had been lost.",
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
    if follows.becomes == "halted":
        return Halted(info=info, unknown=maybe, reauthorize=row.meaning is Meaning.UNAUTHORIZED)
    if follows.becomes == "rejected":
        return Rejected(info=info, unknown=unknown and looked)
    after = error.retry_after if isinstance(error, Busy) else None
    if after is not None:
        # A "Retry-After: 0" that comes again and again must not be answered in a loop.
        after = max(after, delay(claim.attempts, claim.record_id).total_seconds())
    return Retry(
        info=info,
        after=follows.rest if after is None else after,
        unknown=maybe,
        company_wide=follows.rest is not None,
    )
