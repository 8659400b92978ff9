"""Tell reads that are used up from a company that is throttled, and hold back reads alone.

Once an app's metered reads of a month are used up, each further one is answered as the throttle
answers (429), while writes go on; no text tells the two apart (a vendor's report of 2026-06). What
writes do meanwhile does: a throttled company refuses them too.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.errors import ReadsRefused
from dunahub_qbo_plugin.model import READS_REST, READS_USED_UP, ErrorInfo

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.clock import Clock

log = logging.getLogger(__name__)

REST: Final = 60.0
"""Seconds for which a company is not read after a refusal: the throttle's minute is over then."""
PROBE: Final = 3600.0
"""Seconds between two reads by which it is found out whether there are any again."""
REFUSED_STATUS: Final = 429


@attrs.define
class _Refusal:
    """What is known of a company whose read was refused.

    Attributes:
        at: when that was first, aware UTC.
        last: monotonic time of the last refusal.
        until: monotonic time until which it is not read.
        wrote: whether a write passed since the last refusal.
    """

    at: datetime
    last: float
    until: float
    wrote: bool = False


class ReadGate:
    """Lets reads of all companies pass, or holds them back; safe to use from any thread.

    A refused read rests the reads of its company for a minute. Refused again after that, while a
    write passed in between, the reads of the app are used up: all companies' reads rest, and one
    an hour finds out whether that is over.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._refused: dict[str, _Refusal] = {}
        self._used_up_since: datetime | None = None
        self._probe_at = 0.0
        self._answered_at: datetime | None = None

    @property
    def used_up_since(self) -> datetime | None:
        """Since when the app's reads are used up, as far as this process knows; None if not."""
        return self._used_up_since

    @property
    def answered_at(self) -> datetime | None:
        """When a read of this process was answered last."""
        return self._answered_at

    def admit(self, company: str) -> None:
        """Let a read pass.

        Raises:
            ReadsRefused: it would be refused; nothing was sent.
        """
        now = self._clock.monotonic()
        with self._lock:
            if self._used_up_since is not None:
                if now < self._probe_at:
                    raise _refusal(READS_USED_UP, self._probe_at - now)
                self._probe_at = now + REST  # the others wait for what becomes of this one
                return
            refused = self._refused.get(company)
            if refused is not None and now < refused.until:
                raise _refusal(READS_REST, refused.until - now)

    def refused(self, company: str, retry_after: float | None) -> ReadsRefused:
        """Note that a read was throttled, and return the error that stands for it."""
        now = self._clock.monotonic()
        rest = max(retry_after or 0.0, REST)
        with self._lock:
            known = self._refused.get(company)
            if known is None:
                known = self._refused[company] = _Refusal(
                    at=self._clock.now(), last=now, until=now + rest
                )
            elif known.wrote and now - known.last >= REST and self._used_up_since is None:
                self._used_up_since = known.at
                log.error("the metered reads of this month are used up; writes go on")
            if self._used_up_since is not None:
                self._probe_at = now + PROBE
                return _refusal(READS_USED_UP, PROBE)
            if now - known.last >= REST:
                known.wrote = False
            known.last, known.until = now, now + rest
            return _refusal(READS_REST, rest)

    def answered(self, company: str) -> None:
        """Note that a read was answered: reads go on."""
        with self._lock:
            self._answered_at = self._clock.now()
            self._refused.pop(company, None)
            if self._used_up_since is not None:
                self._used_up_since = None
                self._refused.clear()
                log.warning("QuickBooks answers reads again")

    def written(self, company: str) -> None:
        """Note that a write passed."""
        if company in self._refused:
            with self._lock:
                if (known := self._refused.get(company)) is not None:
                    known.wrote = True

    def throttled(self, company: str) -> None:
        """Note that a write was throttled: then it is the company, and not its reads."""
        with self._lock:
            self._refused.pop(company, None)


def _refusal(code: str, seconds: float) -> ReadsRefused:
    return ReadsRefused(ErrorInfo(code=code, status=REFUSED_STATUS), retry_after=seconds)
