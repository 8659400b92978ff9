"""The metrics as values."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.qbo.metrics import Times
from dunahub_qbo_plugin.store.db.errors import DatabaseError
from dunahub_qbo_plugin.store.queries import gauges, meters

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.runtime import Runtime
    from dunahub_qbo_plugin.store.db.database import Database
    from dunahub_qbo_plugin.store.queries.gauges import Gauges
    from dunahub_qbo_plugin.store.queries.meters import Spent

LATELY: Final = timedelta(hours=24)
"""The period of `Standing.lately`."""
SUCCESS: Final = "synced"


@attrs.frozen(kw_only=True)
class Counters:
    """Counters of this process since its start.

    Attributes:
        reads: requests that Intuit meters: of drains, connects and comparisons.
        writes: creates, updates and voids.
        latency: of requests.
        outcomes: number of attempts by outcome and code.
        in_memory: records in the spill now, since the database cannot be written.
        spilled: records that were ever spilled to memory.
        dropped: records that were lost in memory; each was logged.
    """

    reads: int
    writes: int
    latency: Times
    outcomes: dict[tuple[str, str], int]
    in_memory: int
    spilled: int
    dropped: int

    @property
    def sent(self) -> int:
        """Records that were sent successfully."""
        return sum(n for (outcome, _), n in self.outcomes.items() if outcome == SUCCESS)


@attrs.frozen(kw_only=True)
class Requests:
    """Requests of all processes in the last day, as each process stores them every few seconds.

    Attributes:
        reads: requests that Intuit meters.
        writes: creates, updates and voids.
        latency: of requests.
    """

    reads: int
    writes: int
    latency: Times


@attrs.frozen(kw_only=True)
class Standing:
    """The state of all companies, or of one, from the database.

    Attributes:
        lately: history entries of the last day by event and code, of the newest 20,000.
        requests: in the last day; None for a single company, since they are counted for all
            together.
    """

    at: datetime
    gauges: Gauges
    lately: dict[tuple[str, str], int]
    requests: Requests | None = None

    @property
    def oldest_due(self) -> float:
        """Seconds since the record that is due longest became due; 0 for none."""
        return _seconds(self.at, self.gauges.oldest_due_at)

    @property
    def idle_token(self) -> float:
        """Seconds since the access token that is unused longest expired; 0 for none.

        A refresh token expires a hundred days after its last use.
        """
        return _seconds(self.at, self.gauges.idle_since)

    @property
    def refresh_left(self) -> float | None:
        """Seconds until the first refresh token expires; None if Intuit did not say."""
        ends = self.gauges.refresh_ends_at
        return None if ends is None else (ends - self.at).total_seconds()


@attrs.frozen(kw_only=True)
class Snapshot:
    """All metrics at one time.

    Attributes:
        standing: None if the database could not be read.
    """

    counters: Counters
    standing: Standing | None


def counters(runtime: Runtime) -> Counters:
    """Return this process' counters, from memory."""
    metrics, intake = runtime.client.metrics, runtime.intake
    return Counters(
        reads=metrics.reads,
        writes=metrics.writes,
        latency=metrics.latency.times(),
        outcomes=runtime.drainer.outcomes.counts(),
        in_memory=intake.waiting,
        spilled=intake.spilled,
        dropped=intake.dropped,
    )


def standing(database: Database, clock: Clock, *, company_id: str | None = None) -> Standing:
    """Return the state of companies from the database.

    Args:
        database: the plugin's, prepared.
        clock: the present time.
        company_id: only this company; None for all.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be read.
    """
    now = clock.now()
    with database.read.connect() as db:
        return Standing(
            at=now,
            gauges=gauges.gauges(db, now=now, company_id=company_id),
            lately=gauges.recent(db, since=now - LATELY, company_id=company_id),
            requests=None if company_id else _requests(meters.since(db, now - LATELY)),
        )


def _requests(spent: Spent) -> Requests:
    return Requests(
        reads=spent.reads,
        writes=spent.writes,
        latency=Times(
            count=sum(spent.buckets),
            total=spent.total_ms / 1000,
            longest=spent.longest_ms / 1000,
            buckets=spent.buckets,
        ),
    )


def measure(runtime: Runtime) -> Snapshot:
    """Return all metrics of a process that runs the plugin.

    Without a database, or while it cannot be read, ``standing`` is None.
    """
    try:
        ready = runtime.database.is_ready()
        found = standing(runtime.database, runtime.clock) if ready else None
    except DatabaseError:
        found = None
    return Snapshot(counters=counters(runtime), standing=found)


def _seconds(at: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (at - since).total_seconds())
