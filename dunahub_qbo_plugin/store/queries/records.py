"""Records as pages and commands show them: read-only, with the derived state."""

from __future__ import annotations

import json
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_hookspecs import Lead
from dunahub_qbo_plugin.mapping.customer import details_left_out
from dunahub_qbo_plugin.model import ErrorInfo, Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.model.snapshot import load
from dunahub_qbo_plugin.store.convert import from_cents, from_ms
from dunahub_qbo_plugin.store.queries.counts import count
from dunahub_qbo_plugin.store.state import (
    KINDS,
    PARENT_KIND,
    STATE_COLUMNS,
    is_open,
    parent_of,
    state_column,
    state_of,
    waits_for,
)
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from dunahub_qbo_plugin.store.companies.connection import Connection

_BATCH: Final = 500
"""Ids in one statement."""


@attrs.frozen(kw_only=True)
class RecordView:
    """A record as people see it.

    Attributes:
        amount: dollars as DunaHub has them; None for customers.
        state: one of the four states.
        skip_reason: why it is kept back, if it is.
        error: why the last attempt failed; None if it did not.
        parent: the record it depends on; ``waiting_for`` is the same while it waits for it.
        parent_state: the state of that record; None where DunaHub told us nothing of it.
        next_attempt_at: time of the next attempt; None if a person must act or nothing is due.
        in_doubt: True when a create has left and QuickBooks may have it, unknown to us.
        qbo_number, qbo_total: as QuickBooks answered.
        variance: QuickBooks' total minus the one that was sent; None if they are equal.
        candidate_name: the object in QuickBooks that it could be linked to.
    """

    id: int
    key: RecordKey
    label: str
    amount: Decimal | None
    state: RecordState
    skip_reason: SkipReason | None
    skip_note: str
    error: ErrorInfo | None
    attempts: int
    waiting_for: RecordKey | None
    parent: RecordKey | None
    parent_label: str
    parent_state: RecordState | None
    next_attempt_at: datetime | None
    connection_period: int
    in_doubt: bool
    qbo_id: str | None
    qbo_number: str
    qbo_total: Decimal | None
    synced_total: Decimal | None
    synced_at: datetime | None
    saved_at: datetime
    updated_at: datetime
    error_at: datetime | None
    first_failed_at: datetime | None
    candidate_id: str | None
    candidate_name: str

    @property
    def variance(self) -> Decimal | None:
        """How much more QuickBooks has than was sent, dollars."""
        if self.qbo_total is None or self.synced_total is None:
            return None
        return (self.qbo_total - self.synced_total) or None


def counts(
    db: sa.Connection, connection: Connection, *, whole: Mapping[Kind, int] | None = None
) -> dict[Kind, dict[RecordState, int]]:
    """Count records by kind and state. Payments that are never sent are not counted.

    Args:
        db: a consistent read.
        connection: the company.
        whole: how many there are of each kind, where that is known already (`Totals`).
    """
    totals = count(db, connection) if whole is None else whole
    by_kind = {kind: dict.fromkeys(RecordState, 0) for kind in Kind}
    state, number = state_column(connection), sa.func.count().label("n")
    kind = records.c.kind
    opened = [records.c.company_id == connection.id, kind.in_(KINDS), is_open]
    open_of_kind = dict.fromkeys(Kind, 0)
    free = sa.select(kind, state.label("state"), number).where(
        *opened, records.c.skip_reason.is_(None)
    )
    for row in db.execute(free.group_by(kind, state)):
        by_kind[Kind(row.kind)][RecordState(row.state)] += row.n
        open_of_kind[Kind(row.kind)] += row.n
    holds = [skip_reason.value for skip_reason in SkipReason]
    held = sa.select(kind, records.c.skip_reason, number).where(
        *opened, records.c.skip_reason.in_(holds)
    )
    for row in db.execute(held.group_by(kind, records.c.skip_reason)):
        if row.skip_reason != SkipReason.INELIGIBLE.value:
            by_kind[Kind(row.kind)][RecordState.NOT_SENT] += row.n
        open_of_kind[Kind(row.kind)] += row.n
    for one_kind in Kind:
        by_kind[one_kind][RecordState.SYNCED] = totals[one_kind] - open_of_kind[one_kind]
    return by_kind


def of_state(
    db: sa.Connection, connection: Connection, shown: RecordState, *, limit: int = 200
) -> list[RecordView]:
    """Return records in one state, parents first, without payments that are never sent."""
    holds: list[sa.ColumnElement[bool]] = [records.c.skip_reason.is_(None)]
    if shown is RecordState.NOT_SENT:
        kept = [SkipReason.DISMISSED.value, SkipReason.VOIDED_UNSENT.value]
        holds.append(records.c.skip_reason.in_(kept))
    ids: list[int] = []
    for kind in KINDS:
        if len(ids) >= limit:
            break
        of_kind: list[int] = []
        for skip_reason in holds:
            where = [
                *_open_of(connection, kind),
                skip_reason,
                state_column(connection) == shown.value,
            ]
            of_kind += _first(db, where, limit - len(ids))
        ids += sorted(of_kind)[: limit - len(ids)]
    return by_ids(db, connection, ids)


def left_behind(
    db: sa.Connection, connection: Connection, *, after: int = 0, limit: int
) -> list[RecordView]:
    """Return records left behind by a disconnect, in the order in which they were first saved.

    Args:
        db: a consistent read.
        connection: the company.
        after: our id of the record after which the page begins.
        limit: records at most.
    """
    ids: list[int] = []
    for kind in KINDS:
        where = [
            *_open_of(connection, kind),
            records.c.skip_reason.is_(None),
            state_column(connection) == RecordState.NOT_SENT.value,
            records.c.id + 0 > after,
        ]
        ids += _first(db, where, limit)
    return sorted(by_ids(db, connection, sorted(ids)[:limit]), key=lambda found: found.id)


def _open_of(connection: Connection, kind: str) -> list[sa.ColumnElement[bool]]:
    return [records.c.company_id == connection.id, records.c.kind == kind, is_open]


def _first(db: sa.Connection, where: Sequence[sa.ColumnElement[bool]], limit: int) -> list[int]:
    """Return the lowest ids; the sum keeps the planner from scanning all of them."""
    statement = sa.select(records.c.id).where(*where).order_by(records.c.id + 0).limit(limit)
    return list(db.execute(statement).scalars())


def skipped_records(
    db: sa.Connection, connection: Connection, skip_reason: SkipReason, *, limit: int
) -> list[RecordView]:
    """Return records that are kept back for one reason, the latest first."""
    places: list[tuple[int, int]] = []
    for kind in KINDS:
        chosen = (
            sa.select(records.c.updated_at, records.c.id)
            .where(*_open_of(connection, kind), records.c.skip_reason == skip_reason.value)
            .order_by((records.c.updated_at + 0).desc(), records.c.id.desc())
            .limit(limit)
        )
        places += [(row.updated_at, row.id) for row in db.execute(chosen)]
    places.sort(reverse=True)
    order = {place[1]: at for at, place in enumerate(places[:limit])}
    return sorted(by_ids(db, connection, list(order)), key=lambda found: order[found.id])


def by_ids(db: sa.Connection, connection: Connection, ids: Sequence[int]) -> list[RecordView]:
    """Return records of the company by our ids, parents first.

    The company is checked, and the order made, in Python: in SQL, SQLite would scan an index of the
    whole company.
    """
    found = []
    for start in range(0, len(ids), _BATCH):
        statement = _select().where(records.c.id.in_(list(ids[start : start + _BATCH])))
        rows = [row for row in db.execute(statement) if row.company_id == connection.id]
        found += [view(row, connection) for row in rows]
    order = list(Kind)
    return sorted(found, key=lambda one: (order.index(one.key.kind), one.id))


def one(db: sa.Connection, connection: Connection, key: RecordKey) -> RecordView | None:
    """Return one record of the company, None if no hook was called for it."""
    statement = _select().where(
        records.c.company_id == connection.id,
        records.c.kind == key.kind.value,
        records.c.local_id == key.local_id,
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else view(row, connection)


def left_out(db: sa.Connection, view: RecordView) -> dict[str, str]:
    """Return what QuickBooks would refuse of a customer's details, as `details_left_out` does."""
    if view.key.kind is not Kind.CUSTOMER:
        return {}
    text = db.execute(sa.select(records.c.snapshot).where(records.c.id == view.id)).scalar_one()
    try:
        lead = load(view.key.kind, text)
    except (ValueError, TypeError):  # of another version
        return {}
    return details_left_out(lead) if isinstance(lead, Lead) else {}


def last_sent(db: sa.Connection, connection: Connection) -> datetime | None:
    """Return when a record was last sent successfully."""
    moments = [
        db.execute(
            sa.select(records.c.synced_at)
            .where(
                records.c.company_id == connection.id,
                records.c.kind == kind,
                records.c.synced_at.is_not(None),
            )
            .order_by(records.c.synced_at.desc())
            .limit(1)
        ).scalar_one_or_none()
        for kind in KINDS
    ]
    return from_ms(max((moment for moment in moments if moment is not None), default=None))


_parent = records.alias("parent")


@cache
def _select() -> sa.Select[Any]:
    parent_kind = sa.case(
        *((records.c.kind == child.value, kind.value) for child, kind in PARENT_KIND.items())
    )
    of_parent = [_parent.c[name].label(f"parent_{name}") for name in ("label", *STATE_COLUMNS)]
    return sa.select(records, *of_parent).select_from(
        records.outerjoin(
            _parent,
            sa.and_(
                _parent.c.company_id == records.c.company_id,
                _parent.c.kind == parent_kind,
                _parent.c.local_id == records.c.parent,
            ),
        )
    )


def _parent_state(row: Any, connection: Connection) -> RecordState | None:  # noqa: ANN401  a Row
    if row.parent_is_open is None:
        return None
    parent = {name: getattr(row, f"parent_{name}") for name in STATE_COLUMNS}
    return state_of(SimpleNamespace(**parent), connection)


def view(row: Any, connection: Connection) -> RecordView:  # noqa: ANN401  a Row
    """Return the view of a row."""
    kind = Kind(row.kind)
    error = None
    if row.error_code is not None:
        error = ErrorInfo(
            code=row.error_code,
            text=row.error_text or "",
            status=row.error_status,
            element=row.error_element or "",
            intuit_tid=row.error_tid or "",
            subject=row.error_subject or "",
            cause=row.error_cause or "",
            facts=json.loads(row.error_facts or "{}"),
        )
    return RecordView(
        id=row.id,
        key=RecordKey(kind=kind, local_id=row.local_id),
        label=row.label,
        amount=from_cents(row.amount),
        state=state_of(row, connection),
        skip_reason=SkipReason(row.skip_reason) if row.skip_reason else None,
        skip_note=row.skip_note or "",
        error=error,
        attempts=row.attempts,
        waiting_for=waits_for(row),
        parent=parent_of(row),
        parent_label=row.parent_label or "",
        parent_state=_parent_state(row, connection),
        next_attempt_at=from_ms(row.next_attempt_at),
        connection_period=row.connection_period,
        in_doubt=row.qbo_id is None and row.request_key is not None,
        qbo_id=row.qbo_id,
        qbo_number=row.qbo_number or "",
        qbo_total=from_cents(row.qbo_total),
        synced_total=from_cents(row.synced_total),
        synced_at=from_ms(row.synced_at),
        saved_at=from_ms(row.saved_at),
        updated_at=from_ms(row.updated_at),
        error_at=from_ms(row.error_at),
        first_failed_at=from_ms(row.first_failed_at),
        candidate_id=row.candidate_id,
        candidate_name=row.candidate_name or "",
    )
