"""Store this process' request counters in the database, for commands and other processes."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.qbo.metrics import Times
from dunahub_qbo_plugin.qbo.read_gate import ReadGate
from dunahub_qbo_plugin.store.db.errors import DatabaseError
from dunahub_qbo_plugin.store.queries import meters, reads
from dunahub_qbo_plugin.store.queries.meters import Spent

if TYPE_CHECKING:
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.qbo.metrics import Metrics
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)

METER_INTERVAL: Final = 15.0
"""Seconds between two writes of a process at least."""


class Meter:
    """Writes the counters of a process to a row of its own; thread-safe.

    Args:
        owner: a name of this process, unique among all processes.
        gate: knows whether reads are used up.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        metrics: Metrics,
        owner: str,
        gate: ReadGate | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics
        self._gate = gate or ReadGate(clock)
        self._owner = owner
        self._lock = threading.Lock()
        self._next = 0.0
        self._hour = 0
        self._before = self._told = Spent(buckets=Times().buckets)

    def note(self, *, at_once: bool = False) -> None:
        """Write the counters if they have changed; a database error is logged, not raised.

        Args:
            at_once: True to write even within `METER_INTERVAL`, at the end of a process.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            spent = self._now()
            if spent == self._told or not (at_once or self._clock.monotonic() >= self._next):
                return
            self._next = self._clock.monotonic() + METER_INTERVAL
            self._write(spent)
        except DatabaseError as error:
            log.info("the figures of this process could not be noted: %s", type(error).__name__)
        finally:
            self._lock.release()

    def _write(self, spent: Spent) -> None:
        now = self._clock.now()
        hour = meters.hour_of(now)
        before = self._before if hour == self._hour else self._told
        metered = self._metrics.take_metered()
        try:
            with self._database.write.begin() as db:
                meters.write(db, self._owner, hour, _between(before, spent))
                reads.add(db, metered, now=now)
                self._note_gate(db, now)
                if hour != self._hour:
                    meters.prune(db, now=now)
                    reads.prune(db, now=now)
        except BaseException:
            self._metrics.give_back(metered)
            raise
        self._before, self._told, self._hour = before, spent, hour

    def _note_gate(self, db: sa.Connection, now: datetime) -> None:
        since, answered = self._gate.used_up_since, self._gate.answered_at
        if since is not None:
            reads.note_used_up(db, since=since, now=now)
        elif answered is not None:
            reads.note_answered(db, at=answered)

    def _now(self) -> Spent:
        times = self._metrics.latency.times()
        return Spent(
            reads=self._metrics.reads,
            writes=self._metrics.writes,
            total_ms=round(times.total * 1000),
            longest_ms=round(times.longest * 1000),
            buckets=times.buckets,
        )


def _between(before: Spent, after: Spent) -> Spent:
    """Return the difference of two counters; the longest request is that of the whole time."""
    return attrs.evolve(
        after,
        reads=after.reads - before.reads,
        writes=after.writes - before.writes,
        total_ms=after.total_ms - before.total_ms,
        buckets=tuple(b - a for a, b in zip(before.buckets, after.buckets, strict=True)),
    )
