"""What only the pages ask of the records: a filtered, paged look, and what holds up what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordKey, Shown
from dunahub_qbo_plugin.store.claims import PARENT_KIND
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.store.views import shown_column, view

if TYPE_CHECKING:
    from collections.abc import Collection

    from dunahub_qbo_plugin.store.connections import Connection
    from dunahub_qbo_plugin.store.views import RecordView


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
    child, between = records.alias("child"), records.alias("between")

    def standing(table: Any, kind: Kind) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401  an alias
        return [table.c.company_id == connection.id, table.c.kind == kind.value]

    def waits(table: Any) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401  an alias
        condition = sa.or_(
            table.c.synced_fingerprint.is_(None), table.c.synced_fingerprint != table.c.fingerprint
        )
        return [condition, table.c.hold.is_(None), table.c.epoch == connection.epoch]

    held: dict[RecordKey, dict[Kind, int]] = {}
    for parent_kind in (Kind.CUSTOMER, Kind.INVOICE):
        ids = [key.local_id for key in keys if key.kind is parent_kind]
        if not ids:
            continue
        child_kind = Kind.INVOICE if parent_kind is Kind.CUSTOMER else Kind.PAYMENT
        direct = (
            sa.select(child.c.parent, sa.func.count())
            .where(*standing(child, child_kind), child.c.parent.in_(ids), *waits(child))
            .group_by(child.c.parent)
        )
        counts = {child_kind: direct}
        if parent_kind is Kind.CUSTOMER:
            counts[Kind.PAYMENT] = (
                sa.select(between.c.parent, sa.func.count())
                .join(child, child.c.parent == between.c.local_id)
                .where(
                    *standing(between, Kind.INVOICE),
                    between.c.parent.in_(ids),
                    *standing(child, Kind.PAYMENT),
                    *waits(child),
                )
                .group_by(between.c.parent)
            )
        for kind, statement in counts.items():
            for local_id, number in db.execute(statement):
                held.setdefault(RecordKey(kind=parent_kind, local_id=local_id), {})[kind] = number
    return held
