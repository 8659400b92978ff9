"""What processes asked of QuickBooks, hour by hour, so that another process can tell it."""

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

KEPT: Final = timedelta(hours=48)


@attrs.frozen(kw_only=True)
class Spent:
    """Requests of one process or of all, within some time.

    Attributes:
        reads: requests that Intuit meters.
        writes: creates, updates and voids.
        total_ms: milliseconds spent in requests.
        longest_ms: of the longest.
        buckets: how many requests took how long, as `qbo.metrics.Times` counts them.
    """

    reads: int = 0
    writes: int = 0
    total_ms: int = 0
    longest_ms: int = 0
    buckets: tuple[int, ...] = ()


def hour_of(now: datetime) -> int:
    """Return the hour that a moment is in, as its first millisecond."""
    return to_ms(now.replace(minute=0, second=0, microsecond=0))


def write(db: sa.Connection, owner: str, hour: int, spent: Spent) -> None:
    """Note what a process spent in an hour so far, in the place of what it noted before."""
    db.execute(sa.delete(meters).where(meters.c.owner == owner, meters.c.hour == hour))
    row = attrs.asdict(spent) | {"buckets": " ".join(map(str, spent.buckets))}
    db.execute(sa.insert(meters).values(owner=owner, hour=hour, **row))


def prune(db: sa.Connection, *, now: datetime) -> int:
    """Delete what is older than `KEPT`; gives how many rows went."""
    return db.execute(sa.delete(meters).where(meters.c.hour < to_ms(now - KEPT))).rowcount


def since(db: sa.Connection, moment: datetime) -> Spent:
    """Add up what all processes spent since the beginning of a moment's hour."""
    rows = db.execute(sa.select(meters).where(meters.c.hour >= hour_of(moment))).all()
    return Spent(
        reads=sum(row.reads for row in rows),
        writes=sum(row.writes for row in rows),
        total_ms=sum(row.total_ms for row in rows),
        longest_ms=max((row.longest_ms for row in rows), default=0),
        buckets=_added(tuple(map(int, row.buckets.split())) for row in rows),
    )


def _added(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """Add buckets up; those of a version that divided them otherwise are left out."""
    told = list(rows)
    width = max(map(len, told), default=0)
    return tuple(map(sum, zip(*[one for one in told if len(one) == width], strict=True)))
