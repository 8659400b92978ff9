"""The work of a worker, whichever queue calls for it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.engine.turns import Turns
from dunahub_qbo_plugin.store import tasks as stored_tasks
from dunahub_qbo_plugin.store.companies import leases

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.upkeep import Upkeep
    from dunahub_qbo_plugin.engine.meter import Meter
    from dunahub_qbo_plugin.engine.tasks import TaskRunner
    from dunahub_qbo_plugin.notices.teller import Teller
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.sync.carriers import Carriers
    from dunahub_qbo_plugin.sync.drain import Drainer
    from dunahub_qbo_plugin.sync.intake import Intake

log = logging.getLogger(__name__)

MAX_COMPANIES_PER_SWEEP: Final = 500
"""Companies in one sweep; the next one finds the others."""


@attrs.frozen(kw_only=True)
class Found:
    """Work that was found.

    Attributes:
        companies: those with something due.
        tasks: True when somebody asked for a long task.
    """

    companies: list[str]
    tasks: bool = False


@attrs.frozen(kw_only=True, eq=False)
class WorkerTasks:
    """The work outside of the hooks; all of it may take a while."""

    database: Database
    intake: Intake
    drainer: Drainer
    carriers: Carriers
    tasks: TaskRunner
    upkeep: Upkeep
    meter: Meter
    teller: Teller
    clock: Clock
    turns: Turns = attrs.field(init=False)

    @turns.default
    def _turns_of_these(self) -> Turns:
        return Turns(
            drainer=self.drainer,
            has_more=self.has_more,
            carriers=self.carriers,
            clock=self.clock,
        )

    def drain(self, company_id: str) -> bool:
        """Drain a company, and wait for it unless it hangs; it never raises.

        Returns:
            True when it got on and has more due: it shall have another turn.
        """
        try:
            self.database.prepare()
            return self.turns.run(company_id)
        except Exception:
            log.exception("the drain of company %s stumbled; it is tried again", company_id)
            return False

    def tell(self) -> None:
        """Tell the host what needs a person, and what is over; it never raises."""
        try:
            self.teller.run()
        except Exception:
            log.exception("the host could not be told; it is tried again")

    def has_more(self, company_id: str, sent: int) -> bool:
        """Return whether a company that was just drained has more due now."""
        self.meter.note()
        if not sent and not self.drainer.winding_down:
            return False
        with self.database.read.connect() as db:
            return leases.is_due(db, company_id, now=self.clock.now())

    def collect_due(self, org_ids: set[str | None]) -> Found:
        """Write spilled rows, and return what the given organizations have due.

        Args:
            org_ids: the organizations; None among them stands for all.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        self._flush()
        swept = self.sweep() if None in org_ids else Found(companies=[])
        named = sorted(one for one in org_ids if one is not None)
        found = dict.fromkeys(swept.companies)
        with self.database.read.connect() as db:
            now = self.clock.now()
            # After hours without the queue there may be more than fit into one query.
            for start in range(0, len(named), MAX_COMPANIES_PER_SWEEP):
                some = named[start : start + MAX_COMPANIES_PER_SWEEP]
                due = leases.to_ring_for(db, now=now, org_ids=some, limit=MAX_COMPANIES_PER_SWEEP)
                found |= dict.fromkeys(due)
        return attrs.evolve(swept, companies=list(found))

    def sweep(self) -> Found:
        """Return all that is due and not being drained.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        self.database.prepare()
        self._flush()
        self.meter.note()
        now = self.clock.now()
        with self.database.read.connect() as db:
            return Found(
                companies=leases.to_ring_for(db, now=now, limit=MAX_COMPANIES_PER_SWEEP),
                tasks=stored_tasks.waiting(db, now=now),
            )

    def _flush(self) -> None:
        if self.intake.waiting:
            self.database.prepare()
            self.intake.flush()
