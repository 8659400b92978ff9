"""Forget one person: their customer, and the invoices and payments that stand on it.

What is personal goes: names, contact data, lines, what was sent and what came back. What remains is
what keeps a record from being made twice: the host's ids, QuickBooks' ids, amounts, days, and
digests of what was sent. What was still to be sent is dismissed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordKey, SkipReason, snapshot
from dunahub_qbo_plugin.store.state import FORGOTTEN
from dunahub_qbo_plugin.store.tables import connections, history, records, tasks, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dunahub_qbo_plugin.store.db.database import Database

_BATCH: Final = 500
"""Ids in one statement."""
_CHILDREN: Final = {Kind.CUSTOMER: Kind.INVOICE, Kind.INVOICE: Kind.PAYMENT}
_EMPTY: Final = dict.fromkeys(
    (
        *("request_body", "request_base", "sent_body", "qbo_object", "doubtful_fields"),
        *("error_code", "error_cause", "error_text", "error_element", "error_subject"),
        *("error_facts", "candidate_id", "candidate_token", "candidate_name", "consent"),
    )
)


class BeingSent(RuntimeError):
    """A record's request is under way, or its outcome unknown: what was sent is still needed."""


def forget_record(database: Database, org_id: str, key: RecordKey) -> int:
    """Take what is personal out of a record and of those that stand on it, in every company.

    In an SQLite file it is overwritten, also in its log as far as no reader prevents it. A record
    that the host saves again is stored again. Backups are the operator's business.

    Returns:
        how many records there were.

    Raises:
        BeingSent: nothing was changed; try again in some minutes.
    """
    with database.write.begin() as db:
        if database.is_sqlite:
            db.exec_driver_sql("PRAGMA secure_delete=ON")
        found = _found(db, org_id, key.kind, [key.local_id])
        if any(row.request_key is not None for row in found):
            raise BeingSent(str(key))
        ids = [row.id for row in found]
        for row in found:
            values = _EMPTY | {"label": "", "skip_note": FORGOTTEN, "snapshot": _snapshot(row)}
            if row.is_open:
                values |= {"skip_reason": SkipReason.DISMISSED.value, "next_attempt_at": None}
                values |= {"blocked": False}
            db.execute(sa.update(records).where(records.c.id == row.id).values(values))
        for start in range(0, len(ids), _BATCH):
            batch = ids[start : start + _BATCH]
            db.execute(sa.delete(words).where(words.c.record_id.in_(batch)))
            told = sa.update(history).where(history.c.record_id.in_(batch))
            db.execute(told.values(text=None, note=None))
        if found:
            _forget_results(db, org_id)
    database.empty_log()
    return len(ids)


def _forget_results(db: sa.Connection, org_id: str) -> None:
    """Delete what comparisons found, which names people; the next one tells it anew."""
    mine = sa.select(connections.c.id).where(connections.c.org_id == org_id)
    db.execute(sa.delete(tasks).where(tasks.c.company_id.in_(mine), tasks.c.result.is_not(None)))


def _found(db: sa.Connection, org_id: str, kind: Kind, local_ids: Sequence[str]) -> list[Any]:
    """Return the rows of records and, level by level, of what stands on them."""
    columns = records.c
    found: list[Any] = []
    name = columns.local_id
    while local_ids:
        rows: list[Any] = []
        for start in range(0, len(local_ids), _BATCH):
            statement = sa.select(
                *(columns.id, columns.kind, columns.local_id, columns.parent, columns.amount),
                *(columns.document_date, columns.request_key, columns.is_open),
            ).where(
                columns.org_id == org_id,
                columns.kind == kind.value,
                name.in_(local_ids[start : start + _BATCH]),
            )
            rows += db.execute(statement.with_for_update())
        found += rows
        if kind not in _CHILDREN:
            break
        kind, name = _CHILDREN[kind], columns.parent
        local_ids = sorted({row.local_id for row in rows})
    return found


def _snapshot(row: Any) -> str:  # noqa: ANN401  a Row
    """Return the snapshot of a record of which only ids, amount and day are known."""
    return snapshot.bare(
        Kind(row.kind),
        local_id=row.local_id,
        parent=row.parent or "",
        cents=row.amount or 0,
        day=row.document_date or "1970-01-01",
    )
