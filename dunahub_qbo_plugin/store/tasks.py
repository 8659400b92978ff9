"""Long things that a person asked for: run by a worker, watched on the page."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

HEARTBEAT_TIMEOUT: Final = timedelta(minutes=2)
"""Time without a sign of life after which another worker takes a task over."""


class TaskProblem(StrEnum):
    """Why a task failed."""

    QUICKBOOKS = "quickbooks"
    """QuickBooks could not be asked."""
    OTHER = "other"


@attrs.frozen(kw_only=True)
class Task:
    """Something long.

    Attributes:
        name: what is to be done, such as ``compare``.
        arguments: what it was asked with, JSON values.
        done, total: how far it is, in whatever it counts; total is 0 until that is known.
        result: what came of it, JSON values; None while it runs and after a problem.
        problem: why it failed; None when it did not.
    """

    id: int
    company_id: str
    name: str
    asked_by: str
    asked_at: datetime
    arguments: dict[str, Any]
    started: bool
    done: int
    total: int
    finished_at: datetime | None
    result: dict[str, Any] | None
    problem: TaskProblem | None


def ask(
    db: sa.Connection,
    company_id: str,
    name: str,
    *,
    arguments: Mapping[str, Any],
    by: str,
    now: datetime,
) -> int:
    """Ask for a task; asked twice while it runs, it runs once. Gives its id."""
    running = latest(db, company_id, name)
    if running is not None and running.finished_at is None:
        return running.id
    statement = (
        sa.insert(tasks)
        .values(
            company_id=company_id,
            name=name,
            asked_by=by,
            asked_at=to_ms(now),
            arguments=json.dumps(dict(arguments)),
            done=0,
            total=0,
        )
        .returning(tasks.c.id)
    )
    return int(db.execute(statement).scalar_one())


def begin_batch(db: sa.Connection, company_id: str, name: str, *, by: str, now: datetime) -> int:
    """Note that a person had records sent, so that they can be counted; gives the batch's id.

    No worker takes it: the records are sent like any others.
    """
    statement = (
        sa.insert(tasks)
        .values(
            company_id=company_id,
            name=name,
            asked_by=by,
            asked_at=to_ms(now),
            arguments="{}",
            done=0,
            total=0,
            finished_at=to_ms(now),
        )
        .returning(tasks.c.id)
    )
    return int(db.execute(statement).scalar_one())


def asked(db: sa.Connection, company_id: str, name: str, *, since: datetime) -> int:
    """Count how often a task was asked for since a moment."""
    statement = sa.select(sa.func.count()).where(
        tasks.c.company_id == company_id, tasks.c.name == name, tasks.c.asked_at > to_ms(since)
    )
    return int(db.execute(statement).scalar_one())


def spend(
    db: sa.Connection,
    company_id: str,
    name: str,
    *,
    most: int,
    within: timedelta,
    by: str,
    now: datetime,
) -> bool:
    """Note that a person has something read from QuickBooks, where that is not too often.

    Reads are metered for all organizations together: one must not use up everybody's.

    Args:
        db: a transaction.
        company_id: whose reads they are.
        name: what is read.
        most: how often it may be.
        within: in how long.
        by: who asks.
        now: when.

    Returns:
        False where it was done that often already; nothing is noted then.
    """
    mine = (tasks.c.company_id == company_id, tasks.c.name == name)
    db.execute(sa.delete(tasks).where(*mine, tasks.c.asked_at <= to_ms(now - within)))
    if asked(db, company_id, name, since=now - within) >= most:
        return False
    begin_batch(db, company_id, name, by=by, now=now)
    return True


def end_batch(db: sa.Connection, batch: int, *, asked: int, now: datetime) -> None:
    """Note how many records were asked for so far; a batch of none is forgotten."""
    if not asked:
        db.execute(sa.delete(tasks).where(tasks.c.id == batch))
        return
    values = {"total": asked, "finished_at": to_ms(now)}
    db.execute(sa.update(tasks).where(tasks.c.id == batch).values(values))


def latest(db: sa.Connection, company_id: str, name: str) -> Task | None:
    """Return the last task of a name."""
    statement = (
        sa.select(tasks)
        .where(tasks.c.company_id == company_id, tasks.c.name == name)
        .order_by(tasks.c.id.desc())
        .limit(1)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else _task(row)


def take(db: sa.Connection, *, owner: str, now: datetime) -> Task | None:
    """Take the oldest task that nobody works on, or whose worker fell silent."""
    stale = to_ms(now - HEARTBEAT_TIMEOUT)
    free = sa.or_(tasks.c.owner.is_(None), tasks.c.heartbeat_at < stale)
    chosen = (
        sa.select(tasks.c.id)
        .where(tasks.c.finished_at.is_(None), free)
        .order_by(tasks.c.id)
        .limit(1)
        .scalar_subquery()
    )
    statement = (
        sa.update(tasks)
        .where(tasks.c.id == chosen, tasks.c.finished_at.is_(None), free)
        .values(owner=owner, heartbeat_at=to_ms(now))
        .returning(*tasks.c)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else _task(row)


def waiting(db: sa.Connection, *, now: datetime) -> bool:
    """Return whether there is a task to take."""
    free = sa.or_(tasks.c.owner.is_(None), tasks.c.heartbeat_at < to_ms(now - HEARTBEAT_TIMEOUT))
    statement = sa.select(tasks.c.id).where(tasks.c.finished_at.is_(None), free)
    return db.execute(statement.limit(1)).first() is not None


def progress(db: sa.Connection, task_id: int, *, done: int, total: int, now: datetime) -> None:
    """Tell how far a task is, and that its worker lives."""
    db.execute(
        sa.update(tasks)
        .where(tasks.c.id == task_id)
        .values(done=done, total=total, heartbeat_at=to_ms(now))
    )


def finish(
    db: sa.Connection,
    task_id: int,
    *,
    result: Mapping[str, Any] | None = None,
    problem: TaskProblem | None = None,
    now: datetime,
) -> None:
    """Write down what came of a task."""
    db.execute(
        sa.update(tasks)
        .where(tasks.c.id == task_id)
        .values(
            finished_at=to_ms(now),
            result=None if result is None else json.dumps(dict(result)),
            problem=None if problem is None else problem.value,
        )
    )


def _task(row: Any) -> Task:  # noqa: ANN401  a Row
    return Task(
        id=row.id,
        company_id=row.company_id,
        name=row.name,
        asked_by=row.asked_by,
        asked_at=from_ms(row.asked_at),
        arguments=json.loads(row.arguments),
        started=row.owner is not None,
        done=row.done,
        total=row.total,
        finished_at=from_ms(row.finished_at),
        result=None if row.result is None else json.loads(row.result),
        problem=TaskProblem(row.problem) if row.problem else None,
    )
