"""Totals by month: what was sent, what QuickBooks has, what is missing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.store.companies import disconnections
from dunahub_qbo_plugin.store.queries import records as views
from dunahub_qbo_plugin.store.queries import sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa

    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.companies.disconnections import Disconnection
    from dunahub_qbo_plugin.store.queries.sent import MonthLine

SILENT_FOR: Final = timedelta(days=3)
"""Time without anything going through after which the page says so, if there was something."""
ZERO: Final = Decimal("0.00")


@attrs.frozen(kw_only=True)
class Tally:
    """A count of documents and the sum of their amounts; dollars."""

    count: int = 0
    amount: Decimal = ZERO

    def plus(self, count: int, amount: Decimal) -> Tally:
        """Return the sum."""
        return Tally(count=self.count + count, amount=self.amount + amount)


@attrs.frozen(kw_only=True)
class MonthOfKind:
    """The totals of one kind of document in one month, by the dates on the documents.

    Attributes:
        month: ``2026-03``.
        synced: what QuickBooks has, with the dollars that were sent.
        there: dollars that QuickBooks has for them.
        variances: how many of them QuickBooks totals otherwise.
        waiting, attention, not_sent, dismissed: what QuickBooks does not have as DunaHub wants.
    """

    month: str
    kind: Kind
    synced: Tally = Tally()
    there: Decimal = ZERO
    variances: int = 0
    waiting: Tally = Tally()
    attention: Tally = Tally()
    not_sent: Tally = Tally()
    dismissed: Tally = Tally()

    @property
    def variance(self) -> Decimal:
        """How much more QuickBooks has than was sent; dollars."""
        return self.there - self.synced.amount


@attrs.frozen(kw_only=True)
class MonthlyReport:
    """Several months, newest first, and the disconnected periods that overlap them."""

    months: tuple[MonthOfKind, ...]
    disconnections: tuple[Disconnection, ...]


@attrs.frozen(kw_only=True)
class Silence:
    """Nothing went through for a while although there was something to send.

    Attributes:
        since: when something last went through; None if nothing ever did.
        records: how many were made meanwhile.
    """

    since: datetime | None
    records: int


def monthly_report(
    db: sa.Connection, connection: Connection, *, today: date, months: int = 3
) -> MonthlyReport:
    """Return the totals of this month and the ones before it.

    Args:
        db: a consistent read.
        connection: the company.
        today: a day in the organization's time zone.
        months: how many, with this one.
    """
    first = _months_before(today, months - 1)
    last = _months_before(today, -1) - timedelta(days=1)
    lines = sent.months(db, connection, first=first, last=last)
    touching = [
        period
        for period in disconnections.of_company(db, connection.id)
        if period.ended_at is None or period.ended_at.date() >= first
    ]
    return MonthlyReport(months=add_up(lines), disconnections=tuple(touching))


def add_up(lines: Sequence[MonthLine]) -> tuple[MonthOfKind, ...]:
    """Return one row for each month and kind, newest month first, invoices before payments."""
    rows: dict[tuple[str, Kind], MonthOfKind] = {}
    for line in lines:
        key = (line.month, line.kind)
        row = rows.get(key) or MonthOfKind(month=line.month, kind=line.kind)
        rows[key] = _with(row, line)
    newest_first = sorted(rows, key=lambda key: key[0], reverse=True)
    order = list(Kind)
    return tuple(
        rows[key]
        for key in sorted(newest_first, key=lambda key: (_rank(key[0]), order.index(key[1])))
    )


def _rank(month: str) -> int:
    year, _, number = month.partition("-")
    return -(int(year) * 12 + int(number))


def _with(row: MonthOfKind, line: MonthLine) -> MonthOfKind:
    if line.dismissed:
        return attrs.evolve(row, dismissed=row.dismissed.plus(line.count, line.amount))
    match line.state:
        case RecordState.SYNCED:
            return attrs.evolve(
                row,
                synced=row.synced.plus(line.count, line.sent),
                there=row.there + line.there,
                variances=row.variances + line.variances,
            )
        case RecordState.WAITING:
            return attrs.evolve(row, waiting=row.waiting.plus(line.count, line.amount))
        case RecordState.ATTENTION:
            return attrs.evolve(row, attention=row.attention.plus(line.count, line.amount))
        case RecordState.NOT_SENT:
            return attrs.evolve(row, not_sent=row.not_sent.plus(line.count, line.amount))


def silence(db: sa.Connection, connection: Connection, *, now: datetime) -> Silence | None:
    """Return since when nothing was sent, if it is three days and there was something to send."""
    last = views.last_sent(db, connection)
    since = max(moment for moment in (last, connection.connected_at) if moment is not None)
    if now - since < SILENT_FOR:
        return None
    made = sent.made_since(db, connection, since)
    return Silence(since=last, records=made) if made else None


def _months_before(day: date, months: int) -> date:
    """Return the first day of the month so many months earlier."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
