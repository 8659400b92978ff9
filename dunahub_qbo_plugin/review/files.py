"""The bookkeeper's files of one company, read in parts however much there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.review import export
from dunahub_qbo_plugin.review.monthly import monthly_report
from dunahub_qbo_plugin.store import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    import sqlalchemy as sa

    from dunahub_qbo_plugin.model import Kind
    from dunahub_qbo_plugin.store.connections import Connection


def not_sent_file(
    db: sa.Connection,
    connection: Connection,
    kind: Kind,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> bytes:
    """Write the records of a kind that a disconnect left behind as CSV.

    Args:
        db: a consistent read.
        connection: the company.
        kind: which records.
        progress: told how many are read.
    """
    write: Any = export.WRITERS[kind]
    body: bytes = write(_values(db, connection, kind, progress))
    return body


def months_file(db: sa.Connection, connection: Connection, *, today: date, months: int) -> bytes:
    """Write this month and the ones before it, added up, as CSV."""
    return export.months_csv(monthly_report(db, connection, today=today, months=months))


def _values(
    db: sa.Connection, connection: Connection, kind: Kind, progress: Callable[[int], None]
) -> Iterator[Any]:
    after = count = 0
    while found := ledger.values_left_behind(db, connection, kind, after=after):
        after = found[-1][0]
        yield from (value for _, value in found)
        count += len(found)
        progress(count)
