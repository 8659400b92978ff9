"""The metrics as values."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.config import MONTHLY_READS
from dunahub_qbo_plugin.model import forecast
from dunahub_qbo_plugin.qbo.metrics import Times
from dunahub_qbo_plugin.store.db.errors import DatabaseError
from dunahub_qbo_plugin.store.queries import gauges, meters, reads

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.model import ReadReason
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
class Reads:
    """Metered reads of this month (UTC) that QuickBooks answered, of all companies or of one.

    Attributes:
        by_reason: how many for what.
        forecast: how many the month will have at its end, at this rate.
        allowed: how many Intuit allows all companies together.
        used_up_since: since when QuickBooks answers none; None while it does.
        delayed: records that wait for a look in QuickBooks.
    """

    by_reason: dict[ReadReason, int]
    forecast: int
    allowed: int
    used_up_since: datetime | None = None
    delayed: int = 0

    @property
    def used(self) -> int:
        """How many there were so far."""
        return sum(self.by_reason.values())


@attrs.frozen(kw_only=True)
class Standing:
    """The state of all companies, or of one, from the database.

    Attributes:
        lately: history entries of the last day by event and code, of the newest 20,000.
        requests: in the last day; None for a single company, since they are counted for all
            together.
        reads: of this month.
    """

    at: datetime
    gauges: Gauges
    lately: dict[tuple[str, str], int]
    requests: Requests | None = None
    reads: Reads = Reads(by_reason={}, forecast=0, allowed=MONTHLY_READS)

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


def standing(
    database: Database,
    clock: Clock,
    *,
    company_id: str | None = None,
    allowed: int = MONTHLY_READS,
) -> Standing:
    """Return the state of companies from the database.

    Args:
        database: the plugin's, prepared.
        clock: the present time.
        company_id: only this company; None for all.
        allowed: metered reads that Intuit allows in a month.

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
            reads=_reads(db, now, company_id, allowed),
        )


def _reads(db: sa.Connection, now: datetime, company_id: str | None, allowed: int) -> Reads:
    used, before = reads.this_month(db, now=now, company_id=company_id)
    since = reads.used_up_since(db, now=now)
    return Reads(
        by_reason=used,
        forecast=forecast(sum(used.values()), before, now),
        allowed=allowed,
        used_up_since=since,
        delayed=0 if since is None else reads.delayed(db, company_id),
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
        allowed = runtime.config.monthly_reads
        found = standing(runtime.database, runtime.clock, allowed=allowed) if ready else None
    except DatabaseError:
        found = None
    return Snapshot(counters=counters(runtime), standing=found)


def _seconds(at: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (at - since).total_seconds())
