"""Companies take turns in threads of this process; one that hangs holds up no other."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.sync.carriers import Carriers
    from dunahub_qbo_plugin.sync.drain import Drainer

log = logging.getLogger(__name__)

COMPANIES_AT_ONCE: Final = 16
"""Companies that are drained at the same time; those that hang are not counted."""
HANGING_AT_ONCE: Final = 48
"""Companies besides of which nothing has been heard for a while."""
HANGS_AFTER: Final = 0.75
"""Seconds of silence after which a drain gives its place to another company."""
FIRST_REST: Final = 5.0
"""Seconds that a company rests after a turn without an answer; twice as long after each further."""
MAX_REST: Final = 120.0


@attrs.define(eq=False)
class _Under:
    """A turn that is under way."""

    over: threading.Event
    more: bool = False
    slow: bool = False


class Turns:
    """Starts drains, and knows which of them hang; safe to use from any thread.

    Args:
        drainer: drains one company.
        has_more: tells, after a drain, whether the company has more due.
        carriers: the threads that drains run in.
        clock: measures rests.
    """

    def __init__(
        self,
        *,
        drainer: Drainer,
        has_more: Callable[[str, int], bool],
        carriers: Carriers,
        clock: Clock,
    ) -> None:
        self._drainer = drainer
        self._has_more = has_more
        self._carriers = carriers
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[str, _Under] = {}
        self._rests: dict[str, tuple[float, float]] = {}

    def start(self, company_id: str, ended: Callable[[str, int], None]) -> bool:
        """Start a company's turn in a thread; False where there is no place for it now.

        Args:
            company_id: which.
            ended: called with the company and how many records went through.
        """
        return self._start(company_id, ended) is not None

    def _start(self, company_id: str, ended: Callable[[str, int], None]) -> _Under | None:
        with self._lock:
            if not self._may_start(company_id):
                return None
            under = _Under(over=threading.Event(), slow=company_id in self._rests)
            self._under_way[company_id] = under
        self._carriers.carry(lambda: self._drain(company_id, under, ended))
        return under

    def run(self, company_id: str) -> bool:
        """Drain a company and wait for it, but not for one that hangs: that goes on alone.

        Returns:
            True when the company has more to send now.
        """
        under = self._start(company_id, lambda _company, _sent: None)
        if under is None:
            return False
        while not under.over.wait(HANGS_AFTER / 3):
            if self._drainer.silence(company_id) >= HANGS_AFTER:
                return False
        return under.more

    @property
    def under_way(self) -> int:
        """How many turns are under way."""
        return len(self._under_way)

    def wait(self, seconds: float) -> None:
        """Wait until no turn is under way, for so many seconds at most."""
        until = self._clock.monotonic() + seconds
        for under in list(self._under_way.values()):
            under.over.wait(max(until - self._clock.monotonic(), 0.0))

    def _may_start(self, company_id: str) -> bool:
        if company_id in self._under_way:
            return False
        hanging = sum(
            under.slow or self._drainer.silence(company) >= HANGS_AFTER
            for company, under in self._under_way.items()
        )
        if company_id in self._rests:
            not_before, _ = self._rests[company_id]
            return hanging < HANGING_AT_ONCE and not_before <= self._clock.monotonic()
        at_work = len(self._under_way) - hanging
        return at_work < COMPANIES_AT_ONCE and len(self._under_way) < (
            COMPANIES_AT_ONCE + HANGING_AT_ONCE
        )

    def _drain(self, company_id: str, under: _Under, ended: Callable[[str, int], None]) -> None:
        sent = 0
        try:
            sent = self._drainer.drain(company_id)
            under.more = self._has_more(company_id, sent)
        except Exception:
            log.exception("the drain of company %s stumbled; it is tried again", company_id)
        finally:
            self._note(company_id, silent=self._drainer.was_silent(company_id))
            under.over.set()
            ended(company_id, sent)

    def _note(self, company_id: str, *, silent: bool) -> None:
        with self._lock:
            self._under_way.pop(company_id, None)
            if not silent:
                self._rests.pop(company_id, None)
                return
            _, before = self._rests.get(company_id, (0.0, 0.0))
            rest = min(max(2 * before, FIRST_REST), MAX_REST)
            self._rests[company_id] = (self._clock.monotonic() + rest, rest)
