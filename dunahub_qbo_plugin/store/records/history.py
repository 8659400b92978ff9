"""What happened to a record, in order; only ever added, and pruned by age."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.store.convert import from_ms, to_ms
from dunahub_qbo_plugin.store.tables import history

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Event(StrEnum):
    """What can happen to a record."""

    SENT = "sent"
    """QuickBooks has the record as DunaHub sent it."""
    WAITING = "waiting"
    """Its parent is not in QuickBooks yet."""
    RETRY = "retry"
    """A try failed; it is tried again automatically."""
    REJECTED = "rejected"
    """A try failed and somebody must act."""
    NOTED = "noted"
    """Something was noticed, or the record is skipped."""
    ASKED = "asked"
    """A person asked for something."""


class Command(StrEnum):
    """What a person can ask for."""

    RETRY = "retry"
    SEND = "send"
    LINK = "link"
    KEEP = "keep"
    DISMISS = "dismiss"
    UNDO_DISMISS = "undo-dismiss"


@attrs.frozen(kw_only=True)
class Entry:
    """One thing that happened.

    Attributes:
        operation: what was sent, for what came of sending it.
        code: why a try failed (as in `ErrorInfo`), the `Command` of a person, the kind of record
            that it waits for, the `Note`, or the `SkipReason`.
        text: QuickBooks' own words.
        actor: who asked.
        note: what that person wrote; the dollars of a `Note`, where it is about some.
    """

    record_id: int
    at: datetime
    event: Event
    operation: str | None = None
    qbo_id: str | None = None
    code: str | None = None
    text: str | None = None
    tid: str | None = None
    actor: str | None = None
    note: str | None = None


def add(connection: sa.Connection, company_id: str, entries: Iterable[Entry]) -> None:
    """Write entries down, in the connection's transaction."""
    rows = [
        {
            "record_id": entry.record_id,
            "operation": entry.operation,
            "qbo_id": entry.qbo_id,
            "code": entry.code,
            "text": entry.text,
            "tid": entry.tid,
            "actor": entry.actor,
            "note": entry.note,
            "company_id": company_id,
            "at": to_ms(entry.at),
            "event": entry.event.value,
        }
        for entry in entries
    ]
    if rows:
        connection.execute(sa.insert(history), rows)


def of_record(connection: sa.Connection, record_id: int, *, limit: int = 50) -> list[Entry]:
    """Return a record's newest entries, newest first."""
    statement = (
        sa.select(history)
        .where(history.c.record_id == record_id)
        .order_by(history.c.id.desc())
        .limit(limit)
    )
    return [
        Entry(
            record_id=row.record_id,
            at=from_ms(row.at),
            event=Event(row.event),
            operation=row.operation,
            qbo_id=row.qbo_id,
            code=row.code,
            text=row.text,
            tid=row.tid,
            actor=row.actor,
            note=row.note,
        )
        for row in connection.execute(statement)
    ]


def prune(connection: sa.Connection, *, before: datetime, limit: int = 5000) -> int:
    """Delete some of the entries older than a moment; return how many.

    Only the first entries are looked at, since they were added in the order of time: an index on
    the time would cost every record a write.
    """
    first = sa.select(history.c.id, history.c.at).order_by(history.c.id).limit(limit).subquery()
    old = sa.select(first.c.id).where(first.c.at < to_ms(before))
    return connection.execute(sa.delete(history).where(history.c.id.in_(old))).rowcount
