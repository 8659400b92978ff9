"""The records of a company by their latest activity: filtered, searched, paged.

Each query reads a part of an index whose size does not depend on the number of records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordState, SkipReason
from dunahub_qbo_plugin.store.queries.records import by_ids
from dunahub_qbo_plugin.store.queries.search import find
from dunahub_qbo_plugin.store.state import is_open, state_column
from dunahub_qbo_plugin.store.tables import records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView


@attrs.frozen
class Cursor:
    """A position in the list of records by latest activity.

    Attributes:
        touched: milliseconds since 1970, as stored in ``updated_at``.
        id: orders records with the same time.
    """

    touched: int
    id: int


@attrs.frozen(kw_only=True)
class Filter:
    """A filter on records; None or empty means any.

    Attributes:
        text: the beginning of a word of the label, or of the number in QuickBooks, in any case.
    """

    kind: Kind | None = None
    state: RecordState | None = None
    text: str = ""


@attrs.frozen(kw_only=True)
class Found:
    """One page of the list.

    Attributes:
        records: those with the latest activity first.
        more: where the next page begins; None at the end.
        cut: True if the text matches more records than a search returns.
    """

    records: tuple[RecordView, ...]
    more: Cursor | None
    cut: bool = False


def activity(
    db: sa.Connection,
    connection: Connection,
    wanted: Filter,
    *,
    before: Cursor | None = None,
    limit: int,
) -> Found:
    """Return one page of the list.

    Args:
        db: a consistent read.
        connection: the company.
        wanted: the filter.
        before: the position after which the page begins.
        limit: records on the page at most.
    """
    where = _where(connection, wanted, before)
    cut = False
    if wanted.text:
        ids, cut = find(db, connection.id, wanted.text)
        places = _of_these(db, where, wanted, ids)
    else:
        where.append(records.c.company_id == connection.id)
        places = _along_the_time(db, where, wanted, limit)
    places.sort(reverse=True)
    shown = places[:limit]
    order = {place[1]: at for at, place in enumerate(shown)}
    found = by_ids(db, connection, list(order))
    found.sort(key=lambda view: order[view.id])
    return Found(
        records=tuple(found),
        more=Cursor(*shown[-1]) if len(places) > limit else None,
        cut=cut,
    )


def _of_these(
    db: sa.Connection,
    where: Sequence[sa.ColumnElement[bool]],
    wanted: Filter,
    ids: Sequence[int],
) -> list[tuple[int, int]]:
    """Return the positions of those of the given records that match; they are few.

    All belong to the company already; a condition on it would make SQLite scan the company's index.
    """
    kind = [] if wanted.kind is None else [records.c.kind == wanted.kind.value]
    statement = sa.select(records.c.updated_at, records.c.id)
    chosen = db.execute(statement.where(records.c.id.in_(list(ids)), *where, *kind))
    return [(row.updated_at, row.id) for row in chosen]


def _along_the_time(
    db: sa.Connection, where: Sequence[sa.ColumnElement[bool]], wanted: Filter, limit: int
) -> list[tuple[int, int]]:
    """Return the latest positions, one more than are shown, with one query for each kind."""
    # Few records are open, so they are sorted, not searched for along the time. The sum keeps the
    # planner from using the index on the time.
    touched: sa.ColumnElement[int] = records.c.updated_at
    if wanted.state not in {None, RecordState.SYNCED}:
        touched = touched + 0
    places: list[tuple[int, int]] = []
    for kind in (wanted.kind,) if wanted.kind else Kind:
        for skip_reason in _holds(wanted):
            statement = (
                sa.select(records.c.updated_at, records.c.id)
                .where(*where, records.c.kind == kind.value, *skip_reason)
                .order_by(touched.desc(), records.c.id.desc())
                .limit(limit + 1)
            )
            places += [(row.updated_at, row.id) for row in db.execute(statement)]
    return places


def _where(
    connection: Connection, wanted: Filter, before: Cursor | None
) -> list[sa.ColumnElement[bool]]:
    row = records.c
    where: list[sa.ColumnElement[bool]] = []
    if wanted.state is not None:
        where.append(state_column(connection) == wanted.state.value)
        if wanted.state is not RecordState.SYNCED:
            where.append(is_open)
    if before is not None:
        where.append(
            sa.or_(
                row.updated_at < before.touched,
                sa.and_(row.updated_at == before.touched, row.id < before.id),
            )
        )
        where.append(row.updated_at <= before.touched)
    return where


def _holds(wanted: Filter) -> list[list[sa.ColumnElement[bool]]]:
    """Return conditions on the skip reason, for one query each, so that the open index is used."""
    if wanted.state in {None, RecordState.SYNCED}:
        return [[]]
    free: list[sa.ColumnElement[bool]] = [records.c.skip_reason.is_(None)]
    if wanted.state is not RecordState.NOT_SENT:
        return [free]
    return [free, *([records.c.skip_reason == skip_reason.value] for skip_reason in SkipReason)]


def left_of_batch(db: sa.Connection, connection: Connection, batch: int) -> tuple[int, int]:
    """Count the records of a batch that are still to be sent, and those that need attention."""
    attention = state_column(connection) == RecordState.ATTENTION.value
    row = db.execute(
        sa.select(
            sa.func.count().label("left"), sa.func.count(sa.case((attention, 1))).label("failed")
        ).where(
            records.c.company_id == connection.id,
            records.c.kind.in_([kind.value for kind in Kind]),
            records.c.skip_reason.is_(None),
            records.c.batch == batch,
            is_open,
        )
    ).one()
    return int(row.left), int(row.failed)
