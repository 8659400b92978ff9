"""The only unit of work: make QuickBooks agree with everything that is due of one company."""

from __future__ import annotations

import logging
import secrets
import threading
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.errors import LeaseLost
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.sync.access import Access
from dunahub_qbo_plugin.sync.carriers import Carriers
from dunahub_qbo_plugin.sync.outcome_counts import OutcomeCounts
from dunahub_qbo_plugin.sync.turn import Stopping, Turn

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.profile import ProfileReader
    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.sync.reconciler import Reconciler

log = logging.getLogger(__name__)

STOP_WAIT: Final = 3.0
"""Seconds for which a drain waits, once it is to stop, for what is under way: nothing is lost
without it, since everything is committed before it leaves."""


class Drainer:
    """Drains companies, one call each; several may run in different threads.

    Args:
        reader: reads and keeps what is to be known of a company before it is sent to.
        owner: a name of this worker, unique among all.
        carriers: the threads that carry requests; by default of this drainer's own.

    Attributes:
        outcomes: how the tries ended.
    """

    def __init__(
        self,
        *,
        database: Database,
        reconciler: Reconciler,
        tokens: TokenKeeper,
        clock: Clock,
        reader: ProfileReader,
        owner: str,
        carriers: Carriers | None = None,
    ) -> None:
        self._database = database
        self._reconciler = reconciler
        self._tokens = tokens
        self._clock = clock
        self._reader = reader
        self._owner = owner
        self._carriers = carriers or Carriers()
        self.outcomes = OutcomeCounts()
        self._stopping = Stopping()
        self._lock = threading.Lock()
        self._turns: dict[str, Turn] = {}
        self._silent: set[str] = set()

    @property
    def winding_down(self) -> bool:
        """True once `wind_down` was called."""
        return self._stopping.at is not None

    def wind_down(self) -> None:
        """Have every drain end: nothing more leaves, and what is under way is waited for briefly.

        What is due stays due.
        """
        if self._stopping.at is None:
            self._stopping.at = self._clock.monotonic() + STOP_WAIT

    def silence(self, company_id: str) -> float:
        """Return the seconds for which a drain has heard nothing; 0.0 where none is under way."""
        with self._lock:
            turn = self._turns.get(company_id)
        return 0.0 if turn is None else turn.silence()

    def was_silent(self, company_id: str) -> bool:
        """Return whether requests left in a company's last drain, and none was answered."""
        return company_id in self._silent

    def drain(self, company_id: str) -> int:
        """Send what is due until nothing is, or the turn is over; gives how many went through.

        It returns at once when the company is taken, paused or not connected, or the worker stops.
        It does not raise for anything that QuickBooks, Intuit or a record brings about.
        """
        if self.winding_down:
            return 0
        with self._database.write.begin() as db:
            lease = leases.acquire(
                db, company_id, owner=f"{self._owner}.{secrets.token_hex(4)}", now=self._clock.now()
            )
        if lease is None:
            return 0
        turn = Turn(
            database=self._database,
            reconciler=self._reconciler,
            access=Access(
                database=self._database,
                tokens=self._tokens,
                clock=self._clock,
                reader=self._reader,
                company_id=lease.company_id,
            ),
            clock=self._clock,
            carriers=self._carriers,
            stopping=self._stopping,
            outcomes=self.outcomes,
            lease=lease,
        )
        with self._lock:
            self._turns[company_id] = turn
        try:
            return turn.run()
        except LeaseLost:
            log.info("company %s was taken over or disconnected; this drain ends", company_id)
            return turn.sent
        finally:
            with self._lock:
                self._turns.pop(company_id, None)
                if turn.asked and not turn.answered:
                    self._silent.add(company_id)
                elif turn.answered:
                    self._silent.discard(company_id)
            with self._database.write.begin() as db:
                leases.release(db, turn.lease)
