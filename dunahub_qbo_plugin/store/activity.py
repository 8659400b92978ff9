"""The company's records by when something last happened to them: filtered, searched, paged.

Everything here reads a part of an index that does not grow with the number of records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs
import sqlalchemy as sa

from dunahub_qbo_plugin.model import Hold, Kind, Shown
from dunahub_qbo_plugin.store.tables import records
from dunahub_qbo_plugin.store.views import by_ids, is_open, shown_column

if TYPE_CHECKING:
    from dunahub_qbo_plugin.store.connections import Connection
    from dunahub_qbo_plugin.store.views import RecordView

MOST_FOUND: Final = 200
"""Records that a search by text looks at; a longer text finds the rest."""
_LAST: Final = "\U0010ffff"
"""It sorts behind every character that people type."""


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
        text: how a record's label or its number in QuickBooks begins, in any case.
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
        ids, cut = _that_begin(db, connection, wanted.text)
        where.append(records.c.id.in_(ids))
    # Few are open and few fit a text: those are sorted, not looked for along the time. A sum keeps
    # the planner from the index on the time.
    touched: sa.ColumnElement[int] = records.c.touched_at
    if wanted.text or wanted.shown not in {None, Shown.SYNCED}:
        touched = touched + 0
    # One look for each kind, since the index on the time is by kind.
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


def _where(
    connection: Connection, wanted: Filter, before: Cursor | None
) -> list[sa.ColumnElement[bool]]:
    row = records.c
    where: list[sa.ColumnElement[bool]] = [row.company_id == connection.id]
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


def _that_begin(db: sa.Connection, connection: Connection, text: str) -> tuple[list[int], bool]:
    """Give the ids of records whose label or number begins with a text, and whether all."""
    ids: set[int] = set()
    cut = False
    for column in (records.c.label, records.c.qbo_number):
        key = sa.func.lower(column)
        statement = sa.select(records.c.id).where(
            records.c.company_id == connection.id,
            column.is_not(None),
            *_begins(db, key, text),
        )
        found = db.execute(statement.order_by(key).limit(MOST_FOUND + 1)).scalars().all()
        cut = cut or len(found) > MOST_FOUND
        ids.update(found[:MOST_FOUND])
    return sorted(ids), cut


def _begins(db: sa.Connection, key: Any, text: str) -> list[sa.ColumnElement[bool]]:  # noqa: ANN401  an expression
    """Give the condition in the form for which the dialect uses its index."""
    if db.dialect.name == "postgresql":
        return [key.like(sa.func.lower(_escaped(text)) + "%", escape="/")]
    low = sa.func.lower(text)
    return [key >= low, key < low + _LAST]


def _escaped(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


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
