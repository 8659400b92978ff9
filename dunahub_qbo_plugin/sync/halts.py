"""When a whole company stops, and for how long it rests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model import Halted, ParentGone, Rejected, Retry, Synced
from dunahub_qbo_plugin.qbo.fault_table import row_of

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import Outcome
    from dunahub_qbo_plugin.qbo.auth import Grant

TROUBLES_TO_REST: Final = 5
"""Passing failures in a row after which the company rests, instead of each record failing too."""

LEASE_LOST: Final = "lease-lost"
OUTAGE: Final = 30.0
SELDOM: Final = 600.0
MISCONFIGURED: Final = 60.0


def rest_after(halted: Halted | Retry) -> float:
    """Give the seconds that a company rests after what stopped it.

    As `dunahub_qbo_plugin.qbo.fault_table` says: a throttled company as long as it was told; a
    refusal of the whole company (rights, subscription) is a person's to mend, so it is tried
    seldom. An outage, which only shows in failures one after another, is looked at again soon.
    """
    if isinstance(halted, Halted):
        rest = row_of(halted.info).consequence.rest
        return SELDOM if rest is None else rest
    after = halted.after or 0.0
    return max(after, 1.0) if halted.company_wide else max(after, OUTAGE)


@attrs.define(kw_only=True, eq=False)
class Halts:
    """What the outcomes of one drain say of the company as a whole; for any thread of it.

    Attributes:
        halted: what stopped the company; None while it goes on.
    """

    halted: Halted | Retry | None = None
    _troubles: int = 0
    _renewed_for: Grant | None = None
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def note(self, outcome: Outcome) -> None:
        """Take an outcome into account."""
        with self._lock:
            self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        match outcome:
            case Synced():
                self._troubles = 0
                self._renewed_for = None  # this token was good; the next refusal is another one
            case Rejected() | ParentGone():
                self._troubles = 0
            case Halted() | Retry(company_wide=True):
                if self.halted is None or self.halted.info.code == LEASE_LOST:
                    self.halted = outcome
            case Retry(after=after) if after != 0:
                self._troubles += 1
                if self._troubles >= TROUBLES_TO_REST and self.halted is None:
                    self.halted = outcome
            case _:
                pass

    def take(self) -> Halted | Retry:
        """Give what stopped the company, and forget it."""
        halted, self.halted = self.halted, None
        assert halted is not None  # noqa: S101  only called after a halt
        return halted

    def wants_renewal(self, halted: Halted | Retry, grant: Grant) -> bool:
        """Tell whether a new access token may help: once for each token that was refused."""
        asks = isinstance(halted, Halted) and halted.reauthorize
        return asks and self._renewed_for is not grant

    def renewed(self, grant: Grant | None) -> None:
        """Note the token that came of it."""
        self._renewed_for = grant
