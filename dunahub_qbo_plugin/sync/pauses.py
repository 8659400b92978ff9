"""When a whole company stops, and for how long it rests."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model import READS_CODES, ParentGone, Paused, Rejected, Retry, Synced
from dunahub_qbo_plugin.qbo.fault_table import row_of
from dunahub_qbo_plugin.sync.attempt import STILL_RUNNING

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import Outcome
    from dunahub_qbo_plugin.qbo.auth import Grant

FAILURES_TO_PAUSE: Final = 5
"""Passing failures in a row after which the company rests, instead of each record failing too."""

LEASE_LOST: Final = "lease-lost"
OUTAGE: Final = 30.0
SELDOM: Final = 600.0
IN_OTHER_CURRENCY: Final = 3600.0
MISCONFIGURED: Final = 60.0


def pause_after(paused: Paused | Retry) -> float:
    """Return the seconds that a company rests after what stopped it.

    As `dunahub_qbo_plugin.qbo.fault_table` says: a throttled company as long as it was told; a
    refusal of the whole company (rights, subscription) is a person's to mend, so it is tried
    seldom. An outage, which only shows in failures one after another, is looked at again soon.
    """
    if isinstance(paused, Paused):
        rest = row_of(paused.info).consequence.pause
        return SELDOM if rest is None else rest
    after = paused.after or 0.0
    return max(after, 1.0) if paused.company_wide else max(after, OUTAGE)


@attrs.define(kw_only=True, eq=False)
class PauseTracker:
    """What the outcomes of one drain say of the company as a whole; for any thread of it.

    Attributes:
        paused: what stopped the company; None while it goes on.
    """

    paused: Paused | Retry | None = None
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
            case Paused() | Retry(company_wide=True):
                if self.paused is None or self.paused.info.code == LEASE_LOST:
                    self.paused = outcome
            case Retry(info=info) if info.code in READS_CODES:
                pass  # it is no sign of trouble for what needs no look
            case Retry(after=after, info=info) if after != 0 and info.code != STILL_RUNNING:
                self._troubles += 1
                if self._troubles >= FAILURES_TO_PAUSE and self.paused is None:
                    self.paused = outcome
            case _:
                pass

    def take(self) -> Paused | Retry:
        """Return what stopped the company, and forget it."""
        paused, self.paused = self.paused, None
        assert paused is not None  # noqa: S101  only called after a halt
        return paused

    def wants_renewal(self, paused: Paused | Retry, grant: Grant) -> bool:
        """Return whether a new access token may help: once for each token that was refused."""
        asks = isinstance(paused, Paused) and paused.reauthorize
        return asks and self._renewed_for is not grant

    def renewed(self, grant: Grant | None) -> None:
        """Note the token that came of it."""
        self._renewed_for = grant
