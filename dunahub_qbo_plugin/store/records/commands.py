"""What a person asks for: retry, send, link, dismiss, undo. Safe to ask twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import GONE, Kind, RecordKey, SkipReason
from dunahub_qbo_plugin.store.companies.profiles import forget_profile
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.queries.attention import Cause, of_cause
from dunahub_qbo_plugin.store.records import dependents, history
from dunahub_qbo_plugin.store.records.history import Command, Entry, Event
from dunahub_qbo_plugin.store.state import is_open
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
_LIST_CODES: Final = ITEM_CODES + TAX_CODES
"""Codes that a change in QuickBooks' lists can mend: asked again, they are read afresh."""


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
) -> int:
    """Try records again at once: those named, those of some causes, or all that need attention.

    Returns:
        how many were found to be tried again.
    """
    again = [
        records.c.company_id == connection.id,
        records.c.connection_period == connection.connection_period,
        records.c.skip_reason.is_(None),
        is_open,
    ]
    if which is None:
        again += [records.c.error_code.is_not(None), records.c.next_attempt_at.is_(None)]
    for part in _parts(which):
        about_lists = [*again, *part, records.c.error_code.in_(_LIST_CODES)]
        if db.execute(sa.select(records.c.id).where(*about_lists).limit(1)).first():
            forget_profile(db, connection.id)
            break
    gone = sa.and_(records.c.error_code.is_not(None), records.c.error_code == GONE)
    values = {
        "next_attempt_at": to_ms(now),
        "blocked": False,
        "attempts": 0,
        "qbo_id": sa.case((gone, None), else_=records.c.qbo_id),
        "sync_token": sa.case((gone, None), else_=records.c.sync_token),
        # The same create under the same key would be answered with the object that is gone.
        "request_seq": sa.case((gone, records.c.request_seq + 1), else_=records.c.request_seq),
    }
    return _ask(db, connection, again, which, values, _Request(Command.RETRY, by, now))


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
    if limit is not None:
        some = sa.select(records.c.id).where(*left).order_by(records.c.id).limit(limit)
        left = [records.c.id.in_(list(db.execute(some).scalars()))]
    values = {
        "batch": batch,
        "connection_period": connection.connection_period,
        "next_attempt_at": to_ms(now),
        "blocked": False,
        "attempts": 0,
        "error_code": None,
    }
    return _ask(db, connection, left, keys, values, _Request(Command.SEND, by, now))


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
    values = {
        "qbo_id": records.c.candidate_id,
        "sync_token": records.c.candidate_token,
        "request_key": None,
        "request_body": None,
        "request_operation": None,
        "request_fingerprint": None,
        "request_total": None,
        "request_at": None,
        "candidate_id": None,
        "error_code": None,
        "connection_period": connection.connection_period,
        "next_attempt_at": to_ms(now),
        "attempts": 0,
    }
    return _ask(db, connection, offered, [key], values, _Request(Command.LINK, by, now))


def dismiss(
    db: sa.Connection,
    connection: Connection,
    which: Collection[RecordKey] | Causes,
    *,
    reason: str,
    by: str,
    now: datetime,
) -> int:
    """Decide not to send records; the reason stays with them, and it can be undone."""
    opened = [
        records.c.company_id == connection.id,
        records.c.skip_reason.is_(None),
        is_open,
    ]
    # What became of an earlier write is still found out: QuickBooks may have it.
    under_way = records.c.request_key.is_not(None)
    values = {
        "skip_reason": SkipReason.DISMISSED.value,
        "skip_note": reason,
        "blocked": False,
        "next_attempt_at": sa.case(
            (under_way, sa.func.coalesce(records.c.next_attempt_at, to_ms(now))), else_=None
        ),
    }
    request = _Request(Command.DISMISS, by, now, note=reason)
    found = _ask(db, connection, opened, which, values, request)
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
    values = {"skip_reason": None, "skip_note": None, "next_attempt_at": to_ms(now)}
    return _ask(db, connection, dismissed, [key], values, _Request(Command.UNDO_DISMISS, by, now))


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
    values: dict[str, Any],
    request: _Request,
) -> int:
    asked: list[int] = []
    for part in _parts(which):
        statement = (
            sa.update(records)
            .where(*where, *part)
            .values(**values, updated_at=to_ms(request.now))
            .returning(records.c.id)
        )
        asked += db.execute(statement).scalars()
    history.add(
        db,
        connection.id,
        [
            Entry(
                record_id=found,
                at=request.now,
                event=Event.ASKED,
                code=request.command.value,
                actor=request.by,
                note=request.note,
            )
            for found in asked
        ],
    )
    return len(asked)
