"""What is to be told to the host, kept until the host's own callable returned."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from dunahub_qbo_plugin.model.conditions import Condition, ConditionKind, StoredNotice
from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import notices

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

CLAIMED_FOR: Final = timedelta(minutes=2)
"""Time for which nobody else tells what one process is telling; after a crash it is told again."""
KEPT_FOR: Final = timedelta(days=90)
"""Age from which what was told to its end is deleted."""


def begin(db: sa.Connection, condition: Condition, *, tell_at: datetime, now: datetime) -> None:
    """Store that a condition is the case, unless that is stored already; update what it is about.

    Args:
        db: a transaction.
        condition: what is the case.
        tell_at: when it is told at the earliest.
        now: the present.
    """
    insert = postgresql.insert if db.dialect.name == "postgresql" else sqlite.insert
    facts = json.dumps(dict(condition.facts), sort_keys=True)
    db.execute(
        insert(notices)
        .values(
            id=secrets.token_hex(16),
            open_key=condition.key,
            kind=condition.kind.value,
            company_id=condition.company_id,
            org_id=condition.org_id,
            facts=facts,
            started_at=to_ms(condition.since),
            noticed_at=to_ms(now),
            tell_at=to_ms(tell_at),
            attempts=0,
            claimed_until=0,
        )
        .on_conflict_do_nothing(index_elements=["open_key"])
    )
    # Until it was told to somebody, it grows: what is told then is what is the case then.
    untold = sa.and_(notices.c.open_key == condition.key, notices.c.attempted_at.is_(None))
    db.execute(sa.update(notices).where(untold, notices.c.facts != facts).values(facts=facts))


def open_keys(db: sa.Connection) -> set[str]:
    """Return what is stored as being the case."""
    statement = sa.select(notices.c.open_key).where(notices.c.open_key.is_not(None))
    return {key for key in db.execute(statement).scalars() if key is not None}


def end(db: sa.Connection, keys: Collection[str], *, now: datetime) -> None:
    """Store that conditions are over; of one that nobody was told of nothing is left."""
    for key in keys:
        mine = notices.c.open_key == key
        db.execute(sa.delete(notices).where(mine, notices.c.attempted_at.is_(None)))
        db.execute(
            sa.update(notices).where(mine).values(open_key=None, ended_at=to_ms(now), tell_at=0)
        )


def claim(db: sa.Connection, *, now: datetime, limit: int) -> list[StoredNotice]:
    """Return what is to be told now; for a while it is given to nobody else.

    That it is being told is stored before it is: of what a killed process may have told, the end
    is told, too.
    """
    row, stamp = notices.c, to_ms(now)
    untold = sa.or_(
        row.told_at.is_(None), sa.and_(row.ended_at.is_not(None), row.told_over_at.is_(None))
    )
    statement = (
        sa.select(notices)
        .where(untold, row.tell_at <= stamp, row.claimed_until <= stamp)
        .order_by(row.noticed_at, row.id)
        .limit(limit)
    )
    claimed: list[StoredNotice] = []
    for one in db.execute(statement).all():
        mine = sa.and_(row.id == one.id, row.claimed_until == one.claimed_until)
        taken = db.execute(
            sa.update(notices)
            .where(mine)
            .values(
                claimed_until=to_ms(now + CLAIMED_FOR),
                attempted_at=one.attempted_at or stamp,
            )
        )
        if taken.rowcount:
            claimed.append(_notice(one))
    return claimed


def _notice(row: sa.Row[tuple[str, ...]]) -> StoredNotice:
    over = row.told_at is not None
    return StoredNotice(
        id=row.id,
        over=over,
        condition=Condition(
            kind=ConditionKind(row.kind),
            since=from_ms(row.started_at),
            company_id=row.company_id,
            org_id=row.org_id,
            facts=json.loads(row.facts),
        ),
        until=from_ms(row.ended_at),
        attempts=row.attempts,
    )


def told(db: sa.Connection, notice: StoredNotice, *, now: datetime) -> None:
    """Store that the host took a notice."""
    when = {"told_over_at" if notice.over else "told_at": to_ms(now)}
    mine = notices.c.id == notice.id
    db.execute(sa.update(notices).where(mine).values(**when, attempts=0, claimed_until=0))


def failed(db: sa.Connection, notice: StoredNotice, *, again_at: datetime) -> None:
    """Store that the host did not take a notice, and when it is told again."""
    mine = notices.c.id == notice.id
    values = {"attempts": notice.attempts + 1, "tell_at": to_ms(again_at), "claimed_until": 0}
    db.execute(sa.update(notices).where(mine).values(values))


def prune(db: sa.Connection, *, now: datetime) -> None:
    """Delete what was told to its end long ago."""
    old = sa.and_(
        notices.c.told_over_at.is_not(None), notices.c.told_over_at < to_ms(now - KEPT_FOR)
    )
    db.execute(sa.delete(notices).where(old))
