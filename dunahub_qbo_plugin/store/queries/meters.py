"""Request counters of all processes by hour, so that any process can report them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import meters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

METERS_KEPT_FOR: Final = timedelta(hours=48)
"""Age from which counters are deleted."""


@attrs.frozen(kw_only=True)
class Spent:
    """Requests of one process, or of all, within a period.

    Attributes:
        reads: requests that Intuit meters.
        writes: creates, updates and voids.
        total_ms: milliseconds of all requests together.
        longest_ms: milliseconds of the longest request.
        buckets: histogram of their durations, as in `qbo.metrics.Times`.
    """

    reads: int = 0
    writes: int = 0
    total_ms: int = 0
    longest_ms: int = 0
    buckets: tuple[int, ...] = ()


def hour_of(now: datetime) -> int:
    """Return the first millisecond of the hour of a time."""
    return to_ms(now.replace(minute=0, second=0, microsecond=0))


def write(db: sa.Connection, owner: str, hour: int, spent: Spent) -> None:
    """Store the counters of a process for an hour so far, in place of earlier ones."""
    db.execute(sa.delete(meters).where(meters.c.owner == owner, meters.c.hour == hour))
    row = attrs.asdict(spent) | {"buckets": " ".join(map(str, spent.buckets))}
    db.execute(sa.insert(meters).values(owner=owner, hour=hour, **row))


def prune(db: sa.Connection, *, now: datetime) -> int:
    """Delete counters older than `METERS_KEPT_FOR`; return how many rows were deleted."""
    return db.execute(
        sa.delete(meters).where(meters.c.hour < to_ms(now - METERS_KEPT_FOR))
    ).rowcount


def since(db: sa.Connection, moment: datetime) -> Spent:
    """Return the sum of all processes since the beginning of a time's hour."""
    rows = db.execute(sa.select(meters).where(meters.c.hour >= hour_of(moment))).all()
    return Spent(
        reads=sum(row.reads for row in rows),
        writes=sum(row.writes for row in rows),
        total_ms=sum(row.total_ms for row in rows),
        longest_ms=max((row.longest_ms for row in rows), default=0),
        buckets=_added(tuple(map(int, row.buckets.split())) for row in rows),
    )


def _added(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the sum of buckets; those of a version with other bounds are left out."""
    told = list(rows)
    width = max(map(len, told), default=0)
    return tuple(map(sum, zip(*[one for one in told if len(one) == width], strict=True)))
