"""The figures as values."""

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
"""How far back `Standing.lately` reaches."""
SUCCESS: Final = "synced"


@attrs.frozen(kw_only=True)
class Counters:
    """What this process did since it began; another worker has its own.

    Attributes:
        reads: requests that Intuit meters, by all that ask: drains, connects, comparisons.
        writes: creates, updates and voids.
        latency: of requests.
        outcomes: how tries ended, by outcome and code.
        in_memory: records that wait in memory, since the database cannot be written.
        spilled: records that ever went through memory.
        dropped: records that were lost there; each was logged.
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
        """Records that went through."""
        return sum(n for (outcome, _), n in self.outcomes.items() if outcome == SUCCESS)


@attrs.frozen(kw_only=True)
class Requests:
    """What all processes asked of QuickBooks in the last day, as each notes every few seconds.

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
    """Where all companies stand, or one, as the database tells at a moment.

    Attributes:
        lately: what happened to records in the last day, by event and code; the newest 20,000.
        requests: in the last day; None where one company was asked for, since they are counted
            for all together.
    """

    at: datetime
    gauges: Gauges
    lately: dict[tuple[str, str], int]
    requests: Requests | None = None

    @property
    def oldest_due(self) -> float:
        """Seconds for which the record that waits longest could have been sent; 0 for none."""
        return _seconds(self.at, self.gauges.oldest_due_at)

    @property
    def idle_token(self) -> float:
        """Seconds since the access token that was used last longest ago ended; 0 for none.

        Intuit lets a refresh token die a hundred days after its last use.
        """
        return _seconds(self.at, self.gauges.idle_since)

    @property
    def refresh_left(self) -> float | None:
        """Seconds until the first refresh token ends; None where Intuit did not say."""
        ends = self.gauges.refresh_ends_at
        return None if ends is None else (ends - self.at).total_seconds()


@attrs.frozen(kw_only=True)
class Snapshot:
    """Everything at one moment.

    Attributes:
        standing: None when the database could not be read.
    """

    counters: Counters
    standing: Standing | None


def counters(runtime: Runtime) -> Counters:
    """Read this process' counters; it costs next to nothing."""
    metrics, intake = runtime.client.metrics, runtime.intake
    return Counters(
        reads=metrics.reads,
        writes=metrics.writes,
        latency=metrics.latency.times(),
        outcomes=runtime.drainer.tally.counts(),
        in_memory=intake.waiting,
        spilled=intake.spilled,
        dropped=intake.dropped,
    )


def standing(database: Database, clock: Clock, *, company_id: str | None = None) -> Standing:
    """Look in the database where companies stand.

    Args:
        database: the plugin's, prepared.
        clock: tells the present moment.
        company_id: only this one; None for all.

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
    """Take all figures of a process that does the plugin's work.

    A database that is not there yet, or cannot be read now, is told by a missing `standing`.
    """
    try:
        ready = runtime.database.is_ready()
        found = standing(runtime.database, runtime.clock) if ready else None
    except DatabaseError:
        found = None
    return Snapshot(counters=counters(runtime), standing=found)


def _seconds(at: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (at - since).total_seconds())
