"""The company's records by when something last happened to them: filtered, searched, paged.

Everything here reads a part of an index that does not grow with the number of records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Hold, Kind, Shown
from dunahub_qbo_plugin.store.search import find
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.store.views import by_ids, is_open, shown_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dunahub_qbo_plugin.store.connection import Connection
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
        text: how a word of a record's label or its number in QuickBooks begins, in any case.
    """

    kind: Kind | None = None
    shown: Shown | None = None
    text: str = ""


@attrs.frozen(kw_only=True)
class Found:
    """A part of the list.

    Attributes:
        records: the record to which something happened last first.
        more: where to go on; None at the end.
        cut: True when the text fits more records than a search looks at.
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
    """Give a part of the list.

    Args:
        db: a consistent read.
        connection: the company.
        wanted: which of its records.
        before: go on after this place.
        limit: how many at most.
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
    """Give the places of those of some records that fit; they are few.

    All are of one company already: asked for it, SQLite would go along an index of its records.
    """
    kind = [] if wanted.kind is None else [records.c.kind == wanted.kind.value]
    statement = sa.select(records.c.touched_at, records.c.id)
    chosen = db.execute(statement.where(records.c.id.in_(list(ids)), *where, *kind))
    return [(row.touched_at, row.id) for row in chosen]


def _along_the_time(
    db: sa.Connection, where: Sequence[sa.ColumnElement[bool]], wanted: Filter, limit: int
) -> list[tuple[int, int]]:
    """Give the latest places, one more than are shown; one look for each kind, as the index is."""
    # Few are open: those are sorted, not looked for along the time. A sum keeps the planner from
    # the index on the time.
    touched: sa.ColumnElement[int] = records.c.touched_at
    if wanted.shown not in {None, Shown.SYNCED}:
        touched = touched + 0
    places: list[tuple[int, int]] = []
    for kind in (wanted.kind,) if wanted.kind else Kind:
        for hold in _holds(wanted):
            statement = (
                sa.select(records.c.touched_at, records.c.id)
                .where(*where, records.c.kind == kind.value, *hold)
                .order_by(touched.desc(), records.c.id.desc())
                .limit(limit + 1)
            )
            places += [(row.touched_at, row.id) for row in db.execute(statement)]
    return places


def _where(
    connection: Connection, wanted: Filter, before: Cursor | None
) -> list[sa.ColumnElement[bool]]:
    row = records.c
    where: list[sa.ColumnElement[bool]] = []
    if wanted.shown is not None:
        where.append(shown_column(connection) == wanted.shown.value)
        if wanted.shown is not Shown.SYNCED:
            where.append(is_open)
    if before is not None:
        where.append(
            sa.or_(
                row.touched_at < before.touched,
                sa.and_(row.touched_at == before.touched, row.id < before.id),
            )
        )
        where.append(row.touched_at <= before.touched)
    return where


def _holds(wanted: Filter) -> list[list[sa.ColumnElement[bool]]]:
    """Give the conditions on the hold, one look each: so the index of what is open serves."""
    if wanted.shown in {None, Shown.SYNCED}:
        return [[]]
    free: list[sa.ColumnElement[bool]] = [records.c.hold.is_(None)]
    if wanted.shown is not Shown.NOT_SENT:
        return [free]
    return [free, *([records.c.hold == hold.value] for hold in Hold)]


def left_of_batch(db: sa.Connection, connection: Connection, batch: int) -> tuple[int, int]:
    """Count the records of a batch that are still to be sent, and those that need attention."""
    attention = shown_column(connection) == Shown.ATTENTION.value
    row = db.execute(
        sa.select(
            sa.func.count().label("left"), sa.func.count(sa.case((attention, 1))).label("failed")
        ).where(
            records.c.company_id == connection.id,
            records.c.kind.in_([kind.value for kind in Kind]),
            records.c.hold.is_(None),
            records.c.batch == batch,
            is_open,
        )
    ).one()
    return int(row.left), int(row.failed)
