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
    Forbidden,
    LeaseLost,
    QboError,
    Refused,
    Stale,
    Unauthorized,
    Unreachable,
)
from dunahub_qbo_plugin.model import (
    Claim,
    ErrorInfo,
    Halted,
    Intent,
    Operation,
    Outcome,
    Rejected,
    RemoteRef,
    Retry,
    Synced,
)
from dunahub_qbo_plugin.store.asks import GONE
from dunahub_qbo_plugin.sync import conflicts
from dunahub_qbo_plugin.sync.lookup import (
    Agreement,
    Found,
    compare,
    filled,
    look_for,
    written_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient

log = logging.getLogger(__name__)

LOOK_FIRST_AFTER: Final = timedelta(minutes=3)
"""Age of an unanswered create from which we look before we resend: how long QuickBooks remembers a
request key is not documented."""
THROTTLE_REST: Final = 60.0
"""Seconds that a company rests after a 429 that names none."""
SUBSCRIPTION: Final = "6190"
MAINTENANCE: Final = frozenset({"140", "150"})


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
        resend = claim.intent is not None
        try:
            return self._reconcile(grant, claim, intent, now, check)
        except LeaseLost:
            return Halted(info=ErrorInfo(code="lease-lost"), unknown=resend)
        except QboError as error:
            return _outcome_of(error, unknown=resend)
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
        resend = claim.intent is not None
        if resend and _is_old(claim, now):
            return self._look_first(grant, claim, intent, check)
        if claim.look_first and not resend and intent.operation is Operation.CREATE:
            found = look_for(self._client, grant, intent, check=check)
            if found.agreement is not Agreement.NONE:
                return _adopt_or_ask(found, intent)
        return self._send(grant, claim, intent, check)

    def _send(
        self, grant: Grant, claim: Claim, intent: Intent, check: Callable[[], None]
    ) -> Outcome:
        try:
            written = self._client.write(grant, intent, check=check)
        except Stale as error:
            return self._after_stale(grant, claim, intent, error, check)
        except DuplicateName as error:
            return self._after_name_taken(grant, claim, intent, error, check)
        except DuplicateNumber as error:
            return self._after_number_taken(grant, intent, error, check)
        except DuplicateRequest:
            return self._look_first(grant, claim, intent, check)
        except BadReference as error:
            return conflicts.explain_reference(
                self._client, grant, claim, intent, error, check=check
            )
        if claim.intent is not None and intent.operation is Operation.CREATE:
            return self._confirmed(grant, intent, written.remote, check)
        return Synced(written=written, fingerprint=intent.fingerprint, sent_fields=filled(intent))

    def _confirmed(
        self, grant: Grant, intent: Intent, remote: RemoteRef, check: Callable[[], None]
    ) -> Outcome:
        """Make sure that a replayed answer speaks of an object that still is there.

        QuickBooks replays the first answer even when the object was deleted since (measured
        2026-09); such a record is made anew, under a new key.
        """
        entity = self._client.read(grant, intent.entity, remote.id, check=check)
        if entity is None:
            info = ErrorInfo(code="replay-of-deleted")
            return Retry(info=info, after=0, note="It was deleted in QuickBooks meanwhile.")
        return Synced(
            written=written_of(entity),
            fingerprint=intent.fingerprint,
            sent_fields=filled(intent),
            note="QuickBooks had accepted it; its answer had been lost.",
        )

    def _look_first(
        self, grant: Grant, claim: Claim, intent: Intent, check: Callable[[], None]
    ) -> Outcome:
        """Settle a write whose answer never came, by looking at what QuickBooks holds."""
        if intent.operation is not Operation.CREATE:
            return self._reread(grant, claim, intent, check, note="")
        found = look_for(self._client, grant, intent, check=check)
        if found.agreement is Agreement.NONE:
            return Retry(info=ErrorInfo(code="not-carried-out"), after=0)
        return _adopt_or_ask(found, intent)

    def _reread(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        check: Callable[[], None],
        *,
        note: str,
    ) -> Outcome:
        """Learn the object's present SyncToken; the update is then written anew and sent again."""
        assert claim.remote is not None  # noqa: S101  only what is there is updated
        entity = self._client.read(grant, intent.entity, claim.remote.id, check=check)
        if entity is None:
            return Rejected(info=ErrorInfo(code=GONE, subject=claim.label))
        fresh = RemoteRef(id=claim.remote.id, sync_token=str(entity["SyncToken"]))
        repeated = claim.attempts > 0 and claim.remote == fresh
        return Retry(
            info=ErrorInfo(code="5010"),
            after=None if repeated else 0,
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
            return Rejected(info=error.info)
        note = "It had changed in QuickBooks since we last sent it."
        return self._reread(grant, claim, intent, check, note=note)

    def _after_name_taken(
        self,
        grant: Grant,
        claim: Claim,
        intent: Intent,
        error: DuplicateName,
        check: Callable[[], None],
    ) -> Outcome:
        if claim.intent is not None and intent.operation is Operation.CREATE:
            found = look_for(self._client, grant, intent, check=check)
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


def _is_old(claim: Claim, now: datetime) -> bool:
    return claim.intent_at is not None and now - claim.intent_at >= LOOK_FIRST_AFTER


def _adopt_or_ask(found: Found, intent: Intent) -> Outcome:
    assert found.written is not None  # noqa: S101  something was found
    if found.agreement is Agreement.ALL:
        return Synced(
            written=found.written,
            fingerprint=intent.fingerprint,
            sent_fields=filled(intent),
            note="It was found in QuickBooks; the answer had been lost.",
        )
    return Rejected(
        info=ErrorInfo(code="ambiguous", subject=found.name),
        candidate=found.written.remote,
        candidate_name=found.name,
    )


def _outcome_of(error: QboError, *, unknown: bool) -> Outcome:
    """Decide what follows from an error.

    Args:
        error: what was raised.
        unknown: True when an earlier try of the same intent may have been carried out.
    """
    info = error.info
    match error:
        case Unreachable(sent=sent):
            return Retry(info=info, unknown=unknown or sent)
        case Busy(throttled=True, retry_after=after):
            rest = THROTTLE_REST if after is None else after
            return Retry(info=info, after=rest, unknown=unknown, company_wide=True)
        case Busy(carried_out=carried_out, retry_after=after):
            maybe = unknown or carried_out is None
            if info.code in MAINTENANCE:
                return Halted(info=info, unknown=maybe)
            return Retry(info=info, after=after, unknown=maybe)
        case Unauthorized():
            return Halted(info=info, unknown=unknown, reauthorize=True)
        case Forbidden():
            return Halted(info=info, unknown=unknown)
        case Refused() if info.code == SUBSCRIPTION:
            return Halted(info=info, unknown=unknown)
        case _:
            return Rejected(info=info)
