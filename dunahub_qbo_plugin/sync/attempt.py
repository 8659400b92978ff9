"""One try to send what was committed for a record."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model import Claim, Intent, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.qbo.auth import Grant

LOOK_FIRST_AFTER: Final = timedelta(minutes=3)
"""Age of an unanswered create from which we look before we resend: how long QuickBooks remembers a
request key is not documented."""


@attrs.frozen(kw_only=True)
class Attempt:
    """One try to send what was committed for a record.

    Attributes:
        grant: for the company.
        claim: the record.
        intent: what was committed for it.
        now: to tell how old an unanswered intent is.
        check: called right before each request leaves; raises when nothing may leave.
    """

    grant: Grant
    claim: Claim
    intent: Intent
    now: datetime
    check: Callable[[], None]

    @property
    def is_resend(self) -> bool:
        """Whether the claim carries the intent already: an earlier try had no definite answer."""
        return self.claim.intent is not None

    @property
    def creates(self) -> bool:
        """Whether it would make an object that is not in QuickBooks yet."""
        return self.intent.operation is Operation.CREATE

    @property
    def age(self) -> timedelta:
        """How long ago an unanswered intent was committed; nothing for one that is new."""
        if self.claim.intent is None or self.claim.intent_at is None:
            return timedelta(0)
        age = self.now - self.claim.intent_at
        # A clock that was set back since does not tell how long ago it was.
        return age if age >= timedelta(0) else LOOK_FIRST_AFTER
