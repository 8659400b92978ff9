"""What a worker does when its queue calls; whatever the queue is."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.store import tasks as stored_tasks
from dunahub_qbo_plugin.store.companies import leases, region

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.upkeep import Upkeep
    from dunahub_qbo_plugin.engine.meter import Meter
    from dunahub_qbo_plugin.engine.tasks import TaskRunner
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.sync.drain import Drainer
    from dunahub_qbo_plugin.sync.intake import Intake

log = logging.getLogger(__name__)

AT_A_TIME: Final = 500
"""Companies that are rung for at once at most; the next sweep finds the others."""


@attrs.frozen(kw_only=True)
class Found:
    """What there is to do.

    Attributes:
        companies: those with something due.
        tasks: True when somebody asked for a long task.
    """

    companies: list[str]
    tasks: bool = False


@attrs.frozen(kw_only=True, eq=False)
class WorkerTasks:
    """Everything that is to be done away from the hooks; all of it may take a while."""

    database: Database
    intake: Intake
    drainer: Drainer
    tasks: TaskRunner
    upkeep: Upkeep
    meter: Meter
    clock: Clock

    def drain(self, company_id: str) -> bool:
        """Drain a company; it never raises.

        Returns:
            True when it got on and has more due: it shall have another turn.
        """
        try:
            self.database.prepare()
            sent = self.drainer.drain(company_id)
            self.meter.note()
            if not sent and not self.drainer.winding_down:
                return False
            with self.database.read.connect() as db:
                return leases.is_due(db, company_id, now=self.clock.now())
        except Exception:
            log.exception("the drain of company %s stumbled; it is tried again", company_id)
            return False

    def collect_due(self, org_ids: set[str | None]) -> Found:
        """Write what memory holds, and look what organizations that were rung for have due.

        Args:
            org_ids: which; None among them stands for any.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        self._flush()
        swept = self.sweep() if None in org_ids else Found(companies=[])
        named = sorted(one for one in org_ids if one is not None)
        found = dict.fromkeys(swept.companies)
        with self.database.read.connect() as db:
            now = self.clock.now()
            # A queue that was away for hours leaves more than fit into one question.
            for start in range(0, len(named), AT_A_TIME):
                some = named[start : start + AT_A_TIME]
                due = leases.to_ring_for(db, now=now, org_ids=some, limit=AT_A_TIME)
                found |= dict.fromkeys(due)
        return attrs.evolve(swept, companies=list(found))

    def sweep(self) -> Found:
        """Look for whatever is due and not under way.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: the database cannot be reached.
        """
        self.database.prepare()
        self._flush()
        self.meter.note()
        now = self.clock.now()
        with self.database.read.connect() as db:
            found = Found(
                companies=leases.to_ring_for(db, now=now, limit=AT_A_TIME),
                tasks=stored_tasks.waiting(db, now=now),
            )
            stopped = region.any_region_closed(db)
        if stopped:
            with self.database.write.begin() as db:
                region.reopen_where_saved(db)
        return found

    def _flush(self) -> None:
        if self.intake.waiting:
            self.database.prepare()
            self.intake.flush()
