"""Records that need attention, grouped by cause, so that one fix releases all of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordKey
from dunahub_qbo_plugin.store.convert import from_ms
from dunahub_qbo_plugin.store.queries.records import by_ids
from dunahub_qbo_plugin.store.state import failed, is_open
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView

_BATCH: Final = 500
"""Ids in one statement."""


@attrs.frozen(kw_only=True)
class Cause:
    """Why records failed; those with the same cause are resolved together.

    Attributes:
        code, subject: as in `ErrorInfo`.
    """

    kind: Kind
    code: str
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.code}:{self.subject}"

    @classmethod
    def parse(cls, text: str) -> Cause:
        """Parse what `str` returned.

        Raises:
            ValueError: it names no kind of record.
        """
        kind, _, rest = text.partition(":")
        code, _, subject = rest.partition(":")
        return cls(kind=Kind(kind), code=code, subject=subject)


@attrs.frozen(kw_only=True)
class CauseTotal:
    """How many records failed for one cause.

    Attributes:
        first_failed_at, last_tried_at: of all of them.
    """

    cause: Cause
    count: int
    first_failed_at: datetime | None
    last_tried_at: datetime | None


def number(db: sa.Connection, connection: Connection) -> int:
    """Return how many records of a company need attention."""
    if connection.disconnected_at is not None:
        return 0
    statement = sa.select(sa.func.count()).select_from(records).where(*_mine(connection))
    return int(db.execute(statement).scalar_one())


def of_cause(cause: Cause) -> sa.ColumnElement[bool]:
    """Return the condition for records that failed for a cause and need a person."""
    subject = records.c.error_subject
    return sa.and_(
        records.c.kind == cause.kind.value,
        records.c.error_code == cause.code,
        subject == cause.subject if cause.subject else sa.or_(subject.is_(None), subject == ""),
        records.c.next_attempt_at.is_(None),
    )


def cause_totals(
    db: sa.Connection, connection: Connection, *, limit: int, skip: int = 0
) -> list[CauseTotal]:
    """Return the causes for which records need attention, the one of most records first.

    Args:
        db: a consistent read.
        connection: the company.
        limit: causes at most.
        skip: causes to skip before.
    """
    if connection.disconnected_at is not None:
        return []
    subject = sa.func.coalesce(records.c.error_subject, "").label("subject")
    number = sa.func.count().label("n")
    statement = (
        sa.select(
            records.c.kind,
            records.c.error_code,
            subject,
            number,
            sa.func.min(records.c.first_failed_at).label("first"),
            sa.func.max(records.c.error_at).label("last"),
        )
        .where(*_mine(connection))
        .group_by(records.c.kind, records.c.error_code, subject)
        .order_by(number.desc(), records.c.kind, records.c.error_code, subject)
        .limit(limit)
        .offset(skip)
    )
    return [
        CauseTotal(
            cause=Cause(kind=Kind(row.kind), code=row.error_code, subject=row.subject),
            count=row.n,
            first_failed_at=from_ms(row.first),
            last_tried_at=from_ms(row.last),
        )
        for row in db.execute(statement)
    ]


def records_of(
    db: sa.Connection, connection: Connection, causes: Sequence[Cause], *, limit: int
) -> dict[Cause, list[RecordView]]:
    """Return the first records of each cause, in the order in which they were first saved.

    Args:
        db: a consistent read.
        connection: the company.
        causes: the causes.
        limit: records of one cause at most.
    """
    ids = {cause: _ids_of(db, connection, cause, limit) for cause in causes}
    found = {
        view.id: view
        for view in by_ids(db, connection, [one for of_one in ids.values() for one in of_one])
    }
    return {cause: [found[one] for one in of_one if one in found] for cause, of_one in ids.items()}


def _ids_of(db: sa.Connection, connection: Connection, cause: Cause, limit: int) -> Sequence[int]:
    statement = (
        sa.select(records.c.id)
        .where(*_mine(connection), of_cause(cause))
        .order_by(records.c.id)
        .limit(limit)
    )
    return db.execute(statement).scalars().all()


def snapshots_of(
    db: sa.Connection, connection: Connection, cause: Cause, *, limit: int, after: int = 0
) -> list[tuple[int, str]]:
    """Return snapshots of a cause's records with our ids, after which the next call begins."""
    statement = (
        sa.select(records.c.id, records.c.snapshot)
        .where(*_mine(connection), of_cause(cause), records.c.id > after)
        .order_by(records.c.id)
        .limit(limit)
    )
    return [(row.id, row.snapshot) for row in db.execute(statement)]


def _mine(connection: Connection) -> list[sa.ColumnElement[bool]]:
    return [
        records.c.company_id == connection.id,
        records.c.connection_period == connection.connection_period,
        failed,
        is_open,
    ]


def held_up(
    db: sa.Connection, connection: Connection, keys: Collection[RecordKey]
) -> dict[RecordKey, dict[Kind, int]]:
    """Count the open invoices and payments that depend on each of the given records."""
    held: dict[RecordKey, dict[Kind, int]] = {}

    def count(kind: Kind, stand_on: Mapping[str, RecordKey]) -> None:
        for parent, number in _open_by_parent(db, connection, kind, list(stand_on)):
            counted = held.setdefault(stand_on[parent], {})
            counted[kind] = counted.get(kind, 0) + number

    customers = {key.local_id: key for key in keys if key.kind is Kind.CUSTOMER}
    count(Kind.INVOICE, customers)
    # A payment depends on a customer through its invoice: two queries, since each has its index.
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
                columns.skip_reason.is_(None),
                columns.connection_period == connection.connection_period,
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
