"""The default engine: one daemon thread per process, which sleeps until something is due."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

from dunahub_qbo_plugin.connect.upkeep import UPKEEP_INTERVAL
from dunahub_qbo_plugin.engine.log_once import LogOnce
from dunahub_qbo_plugin.errors import ConfigurationError
from dunahub_qbo_plugin.store import tasks as stored_tasks
from dunahub_qbo_plugin.store.companies import leases
from dunahub_qbo_plugin.store.convert import to_ms

if TYPE_CHECKING:
    from dunahub_qbo_plugin.engine.worker_tasks import WorkerTasks

log = logging.getLogger(__name__)

DEBOUNCE: Final = 0.02
"""Seconds between a ring and the look for due companies, so that a burst makes one look."""
IDLE_POLL_INTERVAL: Final = 0.5
"""Seconds between looks for rows that other processes have written."""
RETRY_COMPANY_DELAY: Final = 1.0
"""Seconds before a company is tried again whose drain sent nothing."""
DATABASE_RETRY_DELAY: Final = 2.0
"""Seconds to wait after the database could not be reached."""
FIRST_UPKEEP_DELAY: Final = 60.0
"""Seconds from the start of a process to its first upkeep, since a start is busy already."""
STOP_TIMEOUT: Final = 4.0
"""Seconds for which a process that ends waits for what is under way."""


class EmbeddedEngine:
    """Runs drains in this process.

    The thread is started by the first ring, and ends with the process or by `stop`.
    """

    def __init__(self, worker_tasks: WorkerTasks) -> None:
        self._worker_tasks = worker_tasks
        self._database = worker_tasks.database
        self._clock = worker_tasks.clock
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._turns = worker_tasks.turns
        self._not_before: dict[str, float] = {}
        self._looked_at: int | None = None
        self._outage = LogOnce(
            log, "the database cannot be reached", over="the database can be reached again"
        )
        self._upkeep_at = worker_tasks.clock.monotonic() + FIRST_UPKEEP_DELAY
        self.looks = 0
        """Looks for due companies since the start."""

    def ring(self, org_id: str | None = None) -> None:
        """Say that something may be due; returns at once."""
        del org_id  # a look covers all organizations
        self._bell.set()
        if self._thread is None:
            self.start()

    def start(self) -> None:
        """Start the thread unless it runs."""
        with self._lock:
            if self._thread is None and not self._stopping.is_set():
                thread = threading.Thread(target=self._run, name="dunahub-qbo", daemon=True)
                thread.start()
                self._thread = thread  # after start(): a failed start is tried again

    def stop(self, timeout: float = STOP_TIMEOUT) -> bool:
        """End the thread; what is under way is finished or left, what is due stays due.

        Args:
            timeout: seconds to wait at most; QuickBooks may take longer to answer, and nothing is
                lost if nobody waits for it.

        Returns:
            False when something is under way still.
        """
        self._stopping.set()
        self._worker_tasks.drainer.wind_down()
        self._bell.set()
        self._turns.wait(timeout)
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)
        return not self._turns.under_way

    def run(self) -> None:
        """Do the thread's work in the calling thread until `stop`; for a worker process."""
        with self._lock:
            self._thread = threading.current_thread()
        self._run()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                pause = self._look()
            except (SQLAlchemyError, ConfigurationError) as error:
                self._outage.note(error)
                self._worker_tasks.teller.database_away()
                self._rest()
                continue
            except Exception:
                log.exception("the worker stumbled and goes on")
                self._rest()
                continue
            self._outage.clear()
            self._worker_tasks.teller.database_back()
            if self._bell.wait(pause):
                self._stopping.wait(DEBOUNCE)
                self._bell.clear()
                self._looked_at = None

    def _rest(self) -> None:
        """Wait regardless of rings, which come for each record that is saved meanwhile."""
        self._looked_at = None
        self._stopping.wait(DATABASE_RETRY_DELAY)

    def _look(self) -> float:
        """Start due drains and tasks, and return the seconds until the next look."""
        self.looks += 1
        self._database.prepare()
        self._worker_tasks.intake.flush()
        self._worker_tasks.meter.note()
        self._keep_up()
        if self._worker_tasks.teller.is_due:
            self._worker_tasks.carriers.carry(self._worker_tasks.tell)
        version = self._database.change_counter()
        if version is not None and version == self._looked_at:
            return IDLE_POLL_INTERVAL
        with self._database.read.connect() as db:
            due = leases.due_companies(db, now=self._clock.now())
            asked = stored_tasks.waiting(db, now=self._clock.now())
        if asked:
            self._worker_tasks.carriers.carry(self._run_tasks)
        now = to_ms(self._clock.now())
        for company_id, next_attempt_at in due.items():
            if next_attempt_at <= now and self._may_start(company_id):
                self._turns.start(company_id, self._ended)
        # If anything is due now or later, the next look must not rely on the change counter.
        self._looked_at = version if not due else None
        self._database.checkpoint()
        return IDLE_POLL_INTERVAL

    def _keep_up(self) -> None:
        """Start the periodic upkeep once it is time."""
        if self._clock.monotonic() < self._upkeep_at:
            return
        self._upkeep_at = self._clock.monotonic() + UPKEEP_INTERVAL.total_seconds()
        self._worker_tasks.carriers.carry(self._run_upkeep)

    def _run_upkeep(self) -> None:
        try:
            self._worker_tasks.upkeep.run()
        except Exception:
            log.exception("the upkeep stumbled; it is tried again")

    def _run_tasks(self) -> None:
        try:
            self._worker_tasks.tasks.run_waiting()
        except Exception:
            log.exception("the long tasks stumbled; they are tried again")

    def _may_start(self, company_id: str) -> bool:
        return self._not_before.get(company_id, 0.0) <= self._clock.monotonic()

    def _ended(self, company_id: str, sent: int) -> None:
        if sent:
            self._not_before.pop(company_id, None)
        else:
            self._not_before[company_id] = self._clock.monotonic() + RETRY_COMPANY_DELAY
        self._bell.set()
