"""One try to send what was committed for a record, and the rule of its request key."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import Invoice, InvoiceStatus
from dunahub_qbo_plugin.errors import QboError, Unreachable
from dunahub_qbo_plugin.model import Claim, ErrorInfo, Intent, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.qbo.auth import Grant

LOOK_FIRST_AFTER: Final = timedelta(minutes=3)
"""Age of an unanswered create from which we look instead of resending it: how long QuickBooks
remembers a request key is not documented."""
LEAVES_WITHIN: Final = timedelta(minutes=1)
"""Time after its commit within which a write leaves, or not at all: so that whoever reads the row
knows when it may have left last."""
REQUEST_ENDS: Final = timedelta(minutes=3)
"""Time after which a request that left must have ended: Intuit ends one after two minutes."""
DELAYED: Final = ErrorInfo(code="busy")
"""A write could not leave in time, behind others that QuickBooks does not answer."""

STILL_RUNNING: Final = "request-running"
"""The code of a record of which an earlier try may still be carried out; nothing was asked."""


@attrs.frozen(kw_only=True)
class Attempt:
    """One try to send what was committed for a record.

    Attributes:
        grant: for the company.
        claim: the record.
        intent: what was committed for it.
        committed_at: when, for this try.
        clock: tells how old an unanswered intent is, at the moment when that matters: a request
            may wait for long before it can leave.
        check: called right before each request leaves; raises when nothing may leave.
    """

    grant: Grant
    claim: Claim
    intent: Intent
    committed_at: datetime
    clock: Clock
    check: Callable[[], None]

    @property
    def now(self) -> datetime:
        """The time, aware UTC."""
        return self.clock.now()

    @property
    def is_resend(self) -> bool:
        """Whether the claim carries the intent already: an earlier try had no definite answer."""
        return self.claim.intent is not None

    @property
    def creates(self) -> bool:
        """Whether it would make an object that is not in QuickBooks yet."""
        return self.intent.operation is Operation.CREATE

    @property
    def is_voided(self) -> bool:
        """Whether DunaHub has voided what it is about: it is looked for, and never made."""
        value = self.claim.value
        return isinstance(value, Invoice) and value.status is InvoiceStatus.VOID

    @property
    def still_running(self) -> float:
        """Seconds for which an earlier try may still be carried out; 0.0 when it must have ended.

        A clock that was set back since does not tell how long ago that was; the row then notes the
        present, as the latest that it can have been.
        """
        if not self.is_resend:
            return 0.0
        left = self.claim.intent_sent_at or self.claim.intent_at or self.now
        since = max(self.now - left, timedelta(0))
        return max((LEAVES_WITHIN + REQUEST_ENDS - since).total_seconds(), 0.0)

    def may_leave(self) -> None:
        """Let a write leave in time: soon after its commit, and while its key is known.

        Raises:
            Unreachable: it has waited for too long; nothing was sent.
        """
        self.check()
        now = self.now
        waited = _since(self.committed_at, now) >= LEAVES_WITHIN
        if waited or (self.creates and looks_only(self.claim, now)):
            raise Unreachable(DELAYED, sent=False)

    def keeps_key(self, error: QboError) -> bool:
        """Return whether the key and the body stay after an error: the key rule.

        A key ends by success, by a QuickBooks Fault that refuses the first try under it, or by a
        look that finds nothing once every try must have ended (`sync.settling`). Nothing else
        proves that no earlier try was, or will be, carried out: no answer, a 5xx, a 4xx without a
        Fault, QuickBooks' own failures, and any refusal of a resend. What never left, as the first
        try, was never carried out either.
        """
        if self.is_resend:
            return True
        if isinstance(error, Unreachable):
            return error.sent
        return not error.refuses


def looks_only(claim: Claim, now: datetime) -> bool:
    """Return whether a claim is only looked for: it is not to be sent any more, or not resent.

    After some minutes QuickBooks may have forgotten the request key of a try.
    """
    if claim.intent is None:
        return False
    return claim.skip_reason is not None or _since(claim.intent_at, now) >= LOOK_FIRST_AFTER


def _since(moment: datetime | None, now: datetime) -> timedelta:
    age = timedelta(0) if moment is None else now - moment
    return age if age >= timedelta(0) else LOOK_FIRST_AFTER
