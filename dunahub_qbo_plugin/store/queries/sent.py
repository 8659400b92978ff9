"""Records that were sent, for the comparison and the monthly report: read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.model.snapshot import load
from dunahub_qbo_plugin.store.convert import from_cents, from_ms, to_ms
from dunahub_qbo_plugin.store.state import KINDS, PARENT_KIND, is_open, not_forgotten, state_column
from dunahub_qbo_plugin.store.state import left_behind as behind
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from decimal import Decimal

    from dunahub_qbo_plugin.model import Value
    from dunahub_qbo_plugin.store.companies.connection import Connection

_parent = records.alias("parent")
NOT_COUNTED = (SkipReason.INELIGIBLE.value, SkipReason.VOIDED_UNSENT.value)


@attrs.frozen(kw_only=True)
class Sent:
    """A record that QuickBooks has, as it was last sent.

    Attributes:
        total: dollars that were sent; None for customers.
        number: QuickBooks' document number.
        value: the record in DunaHub now.
        parent_qbo_id: QuickBooks' Id of its parent.
        pending: True while a change is still to be sent, so that differences are expected.
    """

    key: RecordKey
    label: str
    qbo_id: str
    total: Decimal | None
    number: str
    document_date: str | None
    value: Value = attrs.field(repr=False)
    parent_qbo_id: str | None
    synced_at: datetime
    pending: bool


@attrs.frozen(kw_only=True)
class MonthLine:
    """One kind of document in one month and state.

    Attributes:
        month: ``2026-03``, by the documents' own dates.
        amount: dollars in DunaHub.
        sent: dollars as they were sent; there: dollars in QuickBooks.
        variances: documents whose total differs in QuickBooks.
    """

    month: str
    kind: Kind
    state: RecordState
    dismissed: bool
    count: int
    amount: Decimal
    sent: Decimal
    there: Decimal
    variances: int


def sent_since(
    db: sa.Connection, connection: Connection, kind: Kind, since: datetime
) -> list[Sent]:
    """Return the records of a kind that were sent since a time, oldest first."""
    statement = (
        _sent(kind)
        .where(records.c.company_id == connection.id, records.c.synced_at >= to_ms(since))
        .order_by(records.c.id)
    )
    return [_row(row, kind) for row in db.execute(statement)]


def sent_as(
    db: sa.Connection, connection: Connection, kind: Kind, qbo_ids: Collection[str]
) -> list[Sent]:
    """Return the records of a kind that are these objects in QuickBooks."""
    statement = _sent(kind).where(
        records.c.company_id == connection.id, records.c.qbo_id.in_(list(qbo_ids))
    )
    return [_row(row, kind) for row in db.execute(statement)]


def months(
    db: sa.Connection, connection: Connection, *, first: date, last: date
) -> list[MonthLine]:
    """Add documents up by month, kind and state."""
    month = sa.func.substr(records.c.document_date, 1, 7)
    state = state_column(connection)
    dismissed = sa.and_(
        records.c.skip_reason.is_not(None), records.c.skip_reason == SkipReason.DISMISSED.value
    )
    differs = sa.and_(
        records.c.qbo_total.is_not(None),
        records.c.synced_total.is_not(None),
        records.c.qbo_total != records.c.synced_total,
    )
    totals = [
        sa.func.count().label("n"),
        _sum(records.c.amount).label("amount"),
        _sum(records.c.synced_total).label("sent"),
        _sum(records.c.qbo_total).label("there"),
        _sum(sa.case((differs, 1), else_=0)).label("variances"),
    ]
    statement = (
        sa.select(
            month.label("month"),
            records.c.kind,
            state.label("state"),
            sa.case((dismissed, 1), else_=0).label("dismissed"),
            *totals,
        )
        .where(
            records.c.company_id == connection.id,
            records.c.kind.in_([Kind.INVOICE.value, Kind.PAYMENT.value]),
            records.c.document_date >= first.isoformat(),
            records.c.document_date <= last.isoformat(),
            sa.or_(records.c.skip_reason.is_(None), records.c.skip_reason.not_in(NOT_COUNTED)),
        )
        .group_by("month", records.c.kind, "state", "dismissed")
        .order_by("month", records.c.kind)
    )
    return [
        MonthLine(
            month=row.month,
            kind=Kind(row.kind),
            state=RecordState(row.state),
            dismissed=bool(row.dismissed),
            count=row.n,
            amount=_dollars(row.amount),
            sent=_dollars(row.sent),
            there=_dollars(row.there),
            variances=int(row.variances),
        )
        for row in db.execute(statement)
    ]


def left_behind(
    db: sa.Connection, connection: Connection
) -> dict[int, dict[Kind, tuple[int, Decimal]]]:
    """Return number and sum of records left behind, by connection period and kind."""
    statement = (
        sa.select(
            records.c.connection_period,
            records.c.kind,
            sa.func.count().label("n"),
            _sum(records.c.amount).label("amount"),
        )
        .where(
            records.c.company_id == connection.id,
            records.c.kind.in_(KINDS),
            is_open,
            records.c.skip_reason.is_(None),
            behind(connection),
        )
        .group_by(records.c.connection_period, records.c.kind)
        .order_by(records.c.connection_period, records.c.kind)
    )
    found: dict[int, dict[Kind, tuple[int, Decimal]]] = {}
    for row in db.execute(statement):
        found.setdefault(row.connection_period, {})[Kind(row.kind)] = (row.n, _dollars(row.amount))
    return found


@attrs.frozen(kw_only=True)
class LeftBehind:
    """A record that a disconnect left behind, as DunaHub has it.

    Attributes:
        id: our id, after which the next call begins.
        there: True if QuickBooks has it, in the state before its last change.
        perhaps: True if an answer was lost, so that QuickBooks may have it.
    """

    id: int
    value: Value
    there: bool
    perhaps: bool


def values_left_behind(
    db: sa.Connection, connection: Connection, kind: Kind, *, after: int = 0, limit: int = 1000
) -> list[LeftBehind]:
    """Return records left behind by a disconnect, in the order of our ids."""
    statement = (
        sa.select(records.c.id, records.c.snapshot, records.c.qbo_id, records.c.request_key)
        .where(
            records.c.company_id == connection.id,
            records.c.kind == kind.value,
            is_open,
            records.c.skip_reason.is_(None),
            behind(connection),
            records.c.id > after,
        )
        .order_by(records.c.id)
        .limit(limit)
    )
    return [
        LeftBehind(
            id=row.id,
            value=load(kind, row.snapshot),
            there=row.qbo_id is not None,
            perhaps=row.qbo_id is None and row.request_key is not None,
        )
        for row in db.execute(statement)
    ]


def any_total_agrees(db: sa.Connection, connection: Connection) -> bool:
    """Return whether any sent invoice has the same total on both sides."""
    statement = sa.select(records.c.id).where(
        records.c.company_id == connection.id,
        records.c.kind == Kind.INVOICE.value,
        records.c.synced_at.is_not(None),
        records.c.qbo_total == records.c.synced_total,
    )
    return db.execute(statement.limit(1)).first() is not None


def made_since(db: sa.Connection, connection: Connection, since: datetime) -> int:
    """Count the records that were saved since a time and are still to be sent."""
    statement = sa.select(sa.func.count()).where(
        records.c.company_id == connection.id,
        records.c.kind.in_(KINDS),
        records.c.connection_period == connection.connection_period,
        is_open,
        records.c.skip_reason.is_(None),
        records.c.saved_at >= to_ms(since),
    )
    return int(db.execute(statement).scalar_one())


def _sent(kind: Kind) -> sa.Select[Any]:
    joined = records.outerjoin(
        _parent,
        sa.and_(
            _parent.c.company_id == records.c.company_id,
            _parent.c.kind == PARENT_KIND.get(kind, Kind.CUSTOMER).value,
            _parent.c.local_id == records.c.parent,
        ),
    )
    return (
        sa.select(records, _parent.c.qbo_id.label("parent_qbo_id"))
        .select_from(joined)
        .where(records.c.kind == kind.value, records.c.qbo_id.is_not(None), not_forgotten)
    )


def _row(row: Any, kind: Kind) -> Sent:  # noqa: ANN401  a Row
    return Sent(
        key=RecordKey(kind=kind, local_id=row.local_id),
        label=row.label,
        qbo_id=row.qbo_id,
        total=from_cents(row.synced_total),
        number=row.qbo_number or "",
        document_date=row.document_date,
        value=load(kind, row.snapshot),
        parent_qbo_id=row.parent_qbo_id,
        synced_at=from_ms(row.synced_at or 0),
        pending=row.synced_fingerprint != row.fingerprint,
    )


def _sum(column: Any) -> sa.ColumnElement[Any]:  # noqa: ANN401  any column
    return sa.func.coalesce(sa.func.sum(column), 0)


def _dollars(cents: Any) -> Decimal:  # noqa: ANN401  an int, or PostgreSQL's numeric
    found = from_cents(int(cents))
    assert found is not None  # noqa: S101  a number goes in
    return found
