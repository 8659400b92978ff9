"""The rules of a record's row, each once: open, due, live, its state, and what it waits for.

Workers, pages, commands and figures ask here, so that none of them can disagree.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from dunahub_qbo_plugin.model import Kind, RecordKey, RecordState, SkipReason
from dunahub_qbo_plugin.store.convert import to_ms
from dunahub_qbo_plugin.store.tables import connections, records

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.companies.connection import Connection

KINDS: Final = tuple(kind.value for kind in Kind)
PARENT_KIND: Final = {Kind.INVOICE: Kind.CUSTOMER, Kind.PAYMENT: Kind.INVOICE}
"""What a record of a kind stands on."""
CHILD_KIND: Final = {parent: child for child, parent in PARENT_KIND.items()}
CLOCK_SLACK: Final = timedelta(minutes=1)
"""How far ahead the clocks of two machines may be: what was written later than that from now was
written before a clock was set back."""

is_open: Final = records.c.is_open
"""What was asked for is not what QuickBooks has; the partial index ``ix_qbo_record_open``."""

live: Final = sa.and_(
    connections.c.current,
    connections.c.disconnected_at.is_(None),
    connections.c.expired_at.is_(None),
    connections.c.pending_at.is_(None),
    connections.c.region_closed_at.is_(None),
)
"""A connection over which records are sent."""

_sibling: Final = records.alias("sibling")


def _leaves(row: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(row.c.skip_reason.is_(None), row.c.request_key.is_not(None))


may_leave: Final = sa.and_(
    _leaves(records),
    sa.not_(
        sa.exists()
        .where(
            records.c.kind == Kind.PAYMENT.value,
            _sibling.c.company_id == records.c.company_id,
            _sibling.c.kind == Kind.PAYMENT.value,
            _sibling.c.parent == records.c.parent,
            _sibling.c.id < records.c.id,
            _sibling.c.next_attempt_at.is_not(None),
            _sibling.c.connection_period == records.c.connection_period,
            _leaves(_sibling),
        )
        .correlate(records)
    ),
)
"""What is skipped is not sent; only what became of an earlier write of it is still found out. And
a payment lets the older ones of its invoice go first, now or later: sent before one that is
lowered, it would find no room and be left unapplied."""

of_connection: Final = sa.and_(
    records.c.company_id == connections.c.id,
    records.c.connection_period == connections.c.connection_period,
)
"""A record that goes out over its company's connection; one of an older period was left behind."""

failed: Final = sa.and_(
    records.c.error_code.is_not(None),
    records.c.next_attempt_at.is_(None),
    records.c.skip_reason.is_(None),
)
"""A record whose last try failed for good: a person must mend something."""

FORGOTTEN: Final = "forgotten"
"""The note of a record of which nobody's data is kept, whether or not QuickBooks has it."""
not_forgotten: Final = sa.func.coalesce(records.c.skip_note, "") != FORGOTTEN
"""A record of which there is something to compare."""

in_counts: Final = sa.func.coalesce(records.c.skip_reason, "") != SkipReason.INELIGIBLE.value
"""A record that is in the counts; a payment that is never sent is not."""


def of_period(connection: Connection) -> list[sa.ColumnElement[bool]]:
    """Return the conditions that a record goes out over this connection."""
    return [
        records.c.company_id == connection.id,
        records.c.connection_period == connection.connection_period,
    ]


def due(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a record's time has come."""
    return due_between(sa.literal(to_ms(now)), sa.literal(to_ms(now + CLOCK_SLACK)))


def due_between(now: sa.ColumnElement[int], slack: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    """Return `due` for milliseconds that are columns or parameters; slack is `CLOCK_SLACK` on.

    A row that was written later than that was written before the clock was set back: what it says
    of the time means nothing.
    """
    at = records.c.next_attempt_at
    return sa.and_(at.is_not(None), sa.or_(at <= now, records.c.updated_at > slack))


def pause_is_over(now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that a company's pause is over, by the same clock rule as `due`."""
    row = connections.c
    return sa.or_(row.paused_until <= to_ms(now), row.paused_at > to_ms(now + CLOCK_SLACK))


def left_behind(connection: Connection) -> sa.ColumnElement[bool]:
    """Return the condition that an open record belongs to no period that goes on."""
    return _left_behind(
        sa.literal(connection.disconnected_at is not None),
        sa.literal(connection.connection_period),
    )


def _left_behind(
    disconnected: sa.ColumnElement[bool], period: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    return sa.or_(disconnected, records.c.connection_period != period)


def state_column(connection: Connection | None = None) -> sa.Case[str]:
    """Derive the state in SQL; `state_of` is the same rule in Python.

    Args:
        connection: the records' company; None where `connections` is joined to the records.
    """
    behind = (
        _left_behind(connections.c.disconnected_at.is_not(None), connections.c.connection_period)
        if connection is None
        else left_behind(connection)
    )
    return sa.case(
        (records.c.skip_reason.is_not(None), RecordState.NOT_SENT.value),
        (sa.not_(is_open), RecordState.SYNCED.value),
        (behind, RecordState.NOT_SENT.value),
        (failed, RecordState.ATTENTION.value),
        else_=RecordState.WAITING.value,
    )


STATE_COLUMNS: Final = (
    "skip_reason",
    "is_open",
    "connection_period",
    "error_code",
    "next_attempt_at",
)
"""What the state of a row is derived from."""


def state_of(row: Any, connection: Connection) -> RecordState:  # noqa: ANN401  a Row
    """Derive the state in Python; `state_column` is the same rule in SQL."""
    if row.skip_reason is not None:
        return RecordState.NOT_SENT
    if not row.is_open:
        return RecordState.SYNCED
    behind = row.connection_period != connection.connection_period
    if connection.disconnected_at is not None or behind:
        return RecordState.NOT_SENT
    if row.error_code is not None and row.next_attempt_at is None:
        return RecordState.ATTENTION
    return RecordState.WAITING


def parent_of(row: Any) -> RecordKey | None:  # noqa: ANN401  a Row
    """Return what a record stands on, None for a customer."""
    if row.parent is None:
        return None
    return RecordKey(kind=PARENT_KIND[Kind(row.kind)], local_id=row.parent)


def waits_for(row: Any) -> RecordKey | None:  # noqa: ANN401  a Row
    """Return the record that must be in QuickBooks first, None where it waits for none."""
    return parent_of(row) if row.blocked else None
