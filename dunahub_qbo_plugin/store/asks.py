"""What a person asks for: retry, send, link, dismiss, undo. Safe to ask twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import GONE, Hold, RecordKey
from dunahub_qbo_plugin.store import history
from dunahub_qbo_plugin.store.edge import to_ms
from dunahub_qbo_plugin.store.history import Entry, Event
from dunahub_qbo_plugin.store.profiles import forget_profile
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.store.views import is_open

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from dunahub_qbo_plugin.store.connections import Connection

ITEM_CODES: Final = ("item-missing", "item-ambiguous", "item-inactive", "item-gone")
"""Codes that a change in QuickBooks' item list can mend: asked again, the list is read afresh."""


def retry(
    db: sa.Connection,
    connection: Connection,
    keys: Collection[RecordKey] | None,
    *,
    by: str,
    now: datetime,
) -> int:
    """Try records again at once: those named, or (None) all that need attention.

    Returns:
        how many were found to be tried again.
    """
    again = [
        records.c.company_id == connection.id,
        records.c.epoch == connection.epoch,
        records.c.hold.is_(None),
        is_open,
    ]
    if keys is None:
        again += [records.c.error_code.is_not(None), records.c.due_at.is_(None)]
    else:
        again.append(_named(keys))
    about_items = [*again, records.c.error_code.in_(ITEM_CODES)]
    if db.execute(sa.select(records.c.id).where(*about_items).limit(1)).first():
        forget_profile(db, connection.id)
    gone = sa.and_(records.c.error_code.is_not(None), records.c.error_code == GONE)
    values = {
        "due_at": to_ms(now),
        "waiting": False,
        "attempts": 0,
        "qbo_id": sa.case((gone, None), else_=records.c.qbo_id),
        "sync_token": sa.case((gone, None), else_=records.c.sync_token),
        # The same create under the same key would be answered with the object that is gone.
        "request_seq": sa.case((gone, records.c.request_seq + 1), else_=records.c.request_seq),
    }
    return _ask(db, connection, again, values, text=f"Retry ({by})", now=now)


def send(
    db: sa.Connection,
    connection: Connection,
    keys: Collection[RecordKey] | None,
    *,
    by: str,
    now: datetime,
) -> int:
    """Send records that were left behind by a disconnect: those named, or (None) all."""
    left = [
        records.c.company_id == connection.id,
        records.c.epoch != connection.epoch,
        records.c.hold.is_(None),
        is_open,
    ]
    if keys is not None:
        left.append(_named(keys))
    values = {
        "epoch": connection.epoch,
        "due_at": to_ms(now),
        "waiting": False,
        "attempts": 0,
        "error_code": None,
    }
    return _ask(db, connection, left, values, text=f"Send ({by})", now=now)


def link(
    db: sa.Connection, connection: Connection, key: RecordKey, *, by: str, now: datetime
) -> int:
    """Link a record to the object in QuickBooks that was offered for it, and send it there."""
    offered = [
        records.c.company_id == connection.id,
        _named([key]),
        records.c.candidate_id.is_not(None),
        records.c.hold.is_(None),
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
        "epoch": connection.epoch,
        "due_at": to_ms(now),
        "attempts": 0,
    }
    return _ask(db, connection, offered, values, text=f"Link ({by})", now=now)


def dismiss(
    db: sa.Connection,
    connection: Connection,
    keys: Collection[RecordKey],
    *,
    reason: str,
    by: str,
    now: datetime,
) -> int:
    """Decide not to send records; the reason stays with them, and it can be undone."""
    opened = [
        records.c.company_id == connection.id,
        records.c.hold.is_(None),
        is_open,
        _named(keys),
    ]
    values = {"hold": Hold.DISMISSED.value, "hold_note": reason, "due_at": None}
    return _ask(db, connection, opened, values, text=f"Dismiss ({by}): {reason}", now=now)


def undo_dismiss(
    db: sa.Connection, connection: Connection, key: RecordKey, *, by: str, now: datetime
) -> int:
    """Take a dismissal back; the record is tried again if it is of this connected period."""
    dismissed = [
        records.c.company_id == connection.id,
        records.c.hold == Hold.DISMISSED.value,
        _named([key]),
    ]
    values = {"hold": None, "hold_note": None, "due_at": to_ms(now)}
    return _ask(db, connection, dismissed, values, text=f"Undo dismiss ({by})", now=now)


def _named(keys: Collection[RecordKey]) -> sa.ColumnElement[bool]:
    named: list[sa.ColumnElement[bool]] = [
        sa.and_(records.c.kind == key.kind.value, records.c.local_id == key.local_id)
        for key in keys
    ]
    return sa.or_(sa.false(), *named)


def _ask(
    db: sa.Connection,
    connection: Connection,
    where: list[sa.ColumnElement[bool]],
    values: dict[str, Any],
    *,
    text: str,
    now: datetime,
) -> int:
    statement = (
        sa.update(records)
        .where(*where)
        .values(**values, touched_at=to_ms(now))
        .returning(records.c.id)
    )
    asked = list(db.execute(statement).scalars())
    history.add(
        db,
        connection.id,
        [Entry(record_id=found, at=now, event=Event.ASKED, text=text) for found in asked],
    )
    return len(asked)
