"""What a person asks for: retry, send, link, dismiss, undo. Safe to ask twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import BOTH_CHANGED, QUESTIONS, Kind, RecordKey, SkipReason
from dunahub_qbo_plugin.store.companies.profiles import Stale, mark_stale
from dunahub_qbo_plugin.store.convert import cut
from dunahub_qbo_plugin.store.queries.attention import Cause, of_cause
from dunahub_qbo_plugin.store.records import dependents, history
from dunahub_qbo_plugin.store.records.history import Command, Entry
from dunahub_qbo_plugin.store.records.history import Event as Told
from dunahub_qbo_plugin.store.records.row import lock_where, save
from dunahub_qbo_plugin.store.records.row_events import (
    DismissalUndone,
    Dismissed,
    Event,
    LinkAsked,
    RetryAsked,
    SendAsked,
)
from dunahub_qbo_plugin.store.records.transitions import next_row
from dunahub_qbo_plugin.store.state import failed, is_open, of_period
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.companies.connection import Connection

_BATCH: Final = 500
"""Ids in one statement."""


@attrs.frozen
class Causes:
    """Whatever failed for certain causes."""

    causes: Sequence[Cause]


Which = Collection[RecordKey] | Causes | None
"""Records by name, by why they failed, or (None) all that there are."""

ITEM_CODES: Final = ("item-missing", "item-ambiguous", "item-inactive", "item-gone")
"""Codes that another choice of product can mend."""
TAX_CODES: Final = ("tax-code-missing", "tax-code-gone")
"""Codes that another choice of sales tax code can mend."""
_STALE: Final = {Stale.SETTINGS: TAX_CODES, Stale.ITEMS: ITEM_CODES}
"""What is read afresh when records are tried again that failed with these codes, since a change in
QuickBooks can mend them."""


@attrs.frozen
class _Request:
    """What the history is to tell."""

    command: Command
    by: str
    now: datetime
    note: str | None = None


def retry(
    db: sa.Connection,
    connection: Connection,
    which: Which,
    *,
    by: str,
    now: datetime,
    limit: int | None = None,
) -> int:
    """Try records again at once: those named, those of some causes, or all that need attention.

    What asks a question is left out of all: its answer could create something twice, or again
    (`asking` counts it). With a limit, call it again until it gives less.

    Returns:
        how many were found to be tried again.
    """
    again = [*of_period(connection), records.c.skip_reason.is_(None), is_open]
    if which is None:
        again += [failed, records.c.error_code.not_in(QUESTIONS)]
    for part in _parts(which):
        for stale, codes in _STALE.items():
            about = [*again, *part, records.c.error_code.in_(codes)]
            if db.execute(sa.select(records.c.id).where(*about).limit(1)).first():
                mark_stale(db, connection.id, stale)
    event = RetryAsked(by_name=which is not None)
    request = _Request(Command.RETRY, by, now)
    return _ask(db, connection, again, which, event, request, limit=limit)


def asking(db: sa.Connection, connection: Connection) -> int:
    """Count the records that ask a question, which only their own Retry answers."""
    asked = [*of_period(connection), failed, is_open, records.c.error_code.in_(QUESTIONS)]
    return int(db.execute(sa.select(sa.func.count()).where(*asked)).scalar_one())


def send(
    db: sa.Connection,
    connection: Connection,
    keys: Collection[RecordKey] | None,
    *,
    by: str,
    now: datetime,
    batch: int | None = None,
    limit: int | None = None,
) -> int:
    """Send records that were left behind by a disconnect: those named, or (None) all.

    Args:
        db: a transaction.
        connection: the company.
        keys: the records; None for whatever was left behind.
        by: who asks.
        now: when.
        batch: the task under which they are counted afterwards.
        limit: how many at most of those left behind, so that a transaction stays short; call it
            again until it gives 0.
    """
    left = [
        records.c.company_id == connection.id,
        records.c.connection_period != connection.connection_period,
        records.c.skip_reason.is_(None),
        is_open,
    ]
    event = SendAsked(connection_period=connection.connection_period, batch=batch)
    return _ask(db, connection, left, keys, event, _Request(Command.SEND, by, now), limit=limit)


def link(
    db: sa.Connection, connection: Connection, key: RecordKey, *, by: str, now: datetime
) -> int:
    """Link a record to the object in QuickBooks that was offered for it, and send it there."""
    offered = [
        records.c.company_id == connection.id,
        records.c.candidate_id.is_not(None),
        records.c.skip_reason.is_(None),
        # What is about to be sent is not taken out of the worker's hands.
        sa.or_(
            records.c.next_attempt_at.is_(None),
            records.c.connection_period != connection.connection_period,
        ),
    ]
    event = LinkAsked(connection_period=connection.connection_period)
    return _ask(db, connection, offered, [key], event, _Request(Command.LINK, by, now))


def keep(db: sa.Connection, connection: Connection, which: Which, *, by: str, now: datetime) -> int:
    """Leave what both sides changed as QuickBooks has it; what else changed here is sent."""
    asking = [
        *of_period(connection),
        failed,
        is_open,
        records.c.error_code == BOTH_CHANGED,
    ]
    event = RetryAsked(by_name=True, keep_theirs=True)
    return _ask(db, connection, asking, which, event, _Request(Command.KEEP, by, now))


def dismiss(
    db: sa.Connection,
    connection: Connection,
    which: Collection[RecordKey] | Causes,
    *,
    reason: str,
    by: str,
    now: datetime,
    limit: int | None = None,
) -> int:
    """Decide not to send records; the reason stays with them, and it can be undone.

    With a limit, call it again until it gives less.
    """
    opened = [
        records.c.company_id == connection.id,
        records.c.skip_reason.is_(None),
        is_open,
    ]
    request = _Request(Command.DISMISS, by, now, note=cut(reason))
    found = _ask(db, connection, opened, which, Dismissed(reason=reason), request, limit=limit)
    if found:
        dependents.release_from_dismissed(db, connection.id, now)
    return found


def undo_dismiss(
    db: sa.Connection, connection: Connection, key: RecordKey, *, by: str, now: datetime
) -> int:
    """Take a dismissal back; the record is tried again if it is of this connected period."""
    dismissed = [
        records.c.company_id == connection.id,
        records.c.skip_reason == SkipReason.DISMISSED.value,
    ]
    event = DismissalUndone()
    return _ask(db, connection, dismissed, [key], event, _Request(Command.UNDO_DISMISS, by, now))


def _parts(which: Which) -> Iterator[list[sa.ColumnElement[bool]]]:
    """Return conditions, each for as many records as a statement can name."""
    if which is None:
        yield []
    elif isinstance(which, Causes):
        yield from ([of_cause(cause)] for cause in which.causes)
    else:
        for kind in Kind:
            named = [key.local_id for key in which if key.kind is kind]
            for start in range(0, len(named), _BATCH):
                batch = named[start : start + _BATCH]
                yield [records.c.kind == kind.value, records.c.local_id.in_(batch)]


def _ask(
    db: sa.Connection,
    connection: Connection,
    where: list[sa.ColumnElement[bool]],
    which: Which,
    event: Event,
    request: _Request,
    *,
    limit: int | None = None,
) -> int:
    rows: list[Any] = []
    for part in _parts(which):
        if limit is None or len(rows) < limit:
            left = None if limit is None else limit - len(rows)
            rows += lock_where(db, [*where, *part], limit=left)
    save(db, [(row, next_row(row, event, now=request.now)) for row in rows])
    entries = [
        Entry(
            record_id=row.id,
            at=request.now,
            event=Told.ASKED,
            code=request.command.value,
            actor=request.by,
            note=request.note,
        )
        for row in rows
    ]
    history.add(db, connection.id, entries)
    return len(rows)
