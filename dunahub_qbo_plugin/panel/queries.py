"""What only the pages ask of the records: a filtered, paged look, and what holds up what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordKey, Shown
from dunahub_qbo_plugin.store.claims import PARENT_KIND
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.store.views import is_open, shown_column, view

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from dunahub_qbo_plugin.store.connections import Connection
    from dunahub_qbo_plugin.store.views import RecordView

_BATCH: Final = 500
"""Ids in one statement."""


@attrs.frozen
class Cursor:
    """A place in the list of records by when something last happened to them.

    Attributes:
        touched: milliseconds since 1970, as stored.
        id: settles the order of records that were touched together.
    """

    touched: int
    id: int


@attrs.frozen(kw_only=True)
class Filter:
    """Which records to look at; what is None or empty does not narrow it down.

    Attributes:
        text: a part of a record's label or of its number in QuickBooks, in any case.
    """

    kind: Kind | None = None
    shown: Shown | None = None
    text: str = ""


def activity(
    db: sa.Connection,
    connection: Connection,
    wanted: Filter,
    *,
    before: Cursor | None = None,
    limit: int,
) -> list[tuple[Cursor, RecordView]]:
    """Give records of a company, the one to which something happened last first.

    Args:
        db: a consistent read.
        connection: the company.
        wanted: which of its records.
        before: go on after this place.
        limit: how many at most.
    """
    parent = records.alias("parent")
    row = records.c
    where: list[sa.ColumnElement[bool]] = [row.company_id == connection.id]
    if wanted.kind is not None:
        where.append(row.kind == wanted.kind.value)
    if wanted.shown is not None:
        where.append(shown_column(connection) == wanted.shown.value)
    if wanted.text:
        where.append(
            sa.or_(
                row.label.icontains(wanted.text, autoescape=True),
                row.qbo_number.icontains(wanted.text, autoescape=True),
            )
        )
    if before is not None:
        where.append(
            sa.or_(
                row.touched_at < before.touched,
                sa.and_(row.touched_at == before.touched, row.id < before.id),
            )
        )
        where.append(row.touched_at <= before.touched)
    parent_kind = sa.case(*((row.kind == kid.value, of.value) for kid, of in PARENT_KIND.items()))
    joined = records.outerjoin(
        parent,
        sa.and_(
            parent.c.company_id == row.company_id,
            parent.c.kind == parent_kind,
            parent.c.local_id == row.parent,
        ),
    )
    statement = (
        sa.select(records, parent.c.label.label("parent_label"))
        .select_from(joined)
        .where(*where)
        .order_by(row.touched_at.desc(), row.id.desc())
        .limit(limit)
    )
    return [
        (Cursor(found.touched_at, found.id), view(found, connection))
        for found in db.execute(statement)
    ]


def held_up(
    db: sa.Connection, connection: Connection, keys: Collection[RecordKey]
) -> dict[RecordKey, dict[Kind, int]]:
    """Count the open invoices and payments that stand on each of some records."""
    held: dict[RecordKey, dict[Kind, int]] = {}

    def count(kind: Kind, stand_on: Mapping[str, RecordKey]) -> None:
        for parent, number in _open_by_parent(db, connection, kind, list(stand_on)):
            counted = held.setdefault(stand_on[parent], {})
            counted[kind] = counted.get(kind, 0) + number

    customers = {key.local_id: key for key in keys if key.kind is Kind.CUSTOMER}
    count(Kind.INVOICE, customers)
    # A payment stands on a customer through its invoice. Two steps, since each has its index.
    count(
        Kind.PAYMENT,
        {
            invoice: customers[customer]
            for invoice, customer in _invoices_of(db, connection, list(customers))
        },
    )
    count(Kind.PAYMENT, {key.local_id: key for key in keys if key.kind is Kind.INVOICE})
    return held


def _open_by_parent(
    db: sa.Connection, connection: Connection, kind: Kind, parents: Sequence[str]
) -> list[tuple[str, int]]:
    columns = records.c
    found = []
    for batch in _batches(parents):
        statement = (
            sa.select(columns.parent, sa.func.count())
            .where(
                columns.company_id == connection.id,
                columns.kind == kind.value,
                columns.parent.in_(batch),
                is_open,
                columns.hold.is_(None),
                columns.epoch == connection.epoch,
            )
            .group_by(columns.parent)
        )
        found += [(row[0], row[1]) for row in db.execute(statement)]
    return found


def _invoices_of(
    db: sa.Connection, connection: Connection, customers: Sequence[str]
) -> list[tuple[str, str]]:
    columns = records.c
    found = []
    for batch in _batches(customers):
        statement = sa.select(columns.local_id, columns.parent).where(
            columns.company_id == connection.id,
            columns.kind == Kind.INVOICE.value,
            columns.parent.in_(batch),
        )
        found += [(row[0], row[1]) for row in db.execute(statement)]
    return found


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
