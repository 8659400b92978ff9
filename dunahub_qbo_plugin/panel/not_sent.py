"""The records that a disconnect left behind, by period, and those being sent by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model import Kind, SkipReason, Status
from dunahub_qbo_plugin.panel.formats import listed, plural
from dunahub_qbo_plugin.panel.record_actions import SEND
from dunahub_qbo_plugin.panel.record_line import record_line
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.queries import activity, records, sent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    import sqlalchemy as sa

    from dunahub_qbo_plugin.panel.record_line import RecordLine
    from dunahub_qbo_plugin.panel.view_context import ViewContext

RECORDS_PER_PAGE: Final = 100
"""Records on one page of the list."""
MAX_DISMISSED_LISTED: Final = 50
"""Dismissed records that are listed."""
_SHOWN_FOR: Final = timedelta(minutes=30)
"""How long it is shown that everything went through."""

Sums = dict[Kind, "tuple[int, Decimal]"]


@attrs.frozen(kw_only=True)
class Gap:
    """A period in which nothing was sent, and what it left behind.

    Attributes:
        ended_at: None while it lasts.
        what: ``2 customers, 3 invoices ($3,150.00) and 1 payment ($100.00)``.
    """

    started_at: datetime | None
    ended_at: datetime | None
    what: str


@attrs.frozen(kw_only=True)
class Sending:
    """The last records that were sent by hand, while they are under way.

    Attributes:
        total: how many records were asked for.
        done: how many of them went through.
        failed: how many of them need attention.
    """

    total: int
    done: int
    failed: int


@attrs.frozen(kw_only=True)
class NotSent:
    """Section 5 of the page.

    Attributes:
        number: how many records were left behind; there is more than ``rows`` shows.
        kinds: of which there are any, for the downloads.
        rows: one page of the list.
        later: where the list goes on; empty at the end.
        paged: True when it does not begin with the first.
        can_send: True when a person can have them sent now.
        dismissed: the last of those that somebody decided not to send.
        sending: None when nothing that was sent by hand is under way.
    """

    number: int
    kinds: tuple[Kind, ...]
    gaps: tuple[Gap, ...]
    rows: tuple[RecordLine, ...]
    later: str
    paged: bool
    can_send: bool
    dismissed: tuple[RecordLine, ...]
    sending: Sending | None


def read_not_sent(
    db: sa.Connection, view_context: ViewContext, query: Mapping[str, str], *, some: bool
) -> NotSent:
    """Return what was left behind.

    Args:
        db: a consistent read.
        view_context: whose.
        query: of the page's address: ``left`` is where the list goes on.
        some: False when it is known that nothing is kept back, so that nothing is looked for.
    """
    connection = view_context.connection
    sums = sent.left_behind(db, connection) if some else {}
    total = _total(sums)
    asked = query.get("left", "")
    after = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 19 else 0  # noqa: PLR2004  more is no id
    found = (
        records.left_behind(db, connection, after=after, limit=RECORDS_PER_PAGE + 1)
        if total
        else []
    )
    dismissed = (
        records.skipped_records(db, connection, SkipReason.DISMISSED, limit=MAX_DISMISSED_LISTED)
        if some
        else []
    )
    return NotSent(
        number=sum(number for number, _ in total.values()),
        kinds=tuple(total),
        gaps=_gaps(sums, view_context),
        rows=tuple(record_line(view, view_context) for view in found[:RECORDS_PER_PAGE]),
        later=str(found[RECORDS_PER_PAGE - 1].id) if len(found) > RECORDS_PER_PAGE else "",
        paged=after > 0,
        can_send=connection.status is not Status.NOT_CONNECTED,
        dismissed=tuple(record_line(view, view_context) for view in dismissed),
        sending=_sending(db, view_context),
    )


def _total(sums: Mapping[int, Sums]) -> Sums:
    total: Sums = {}
    for of_period in sums.values():
        for kind, (number, amount) in of_period.items():
            before = total.get(kind)
            total[kind] = (number + before[0], amount + before[1]) if before else (number, amount)
    return {kind: total[kind] for kind in Kind if kind in total}


def _gaps(sums: Mapping[int, Sums], view_context: ViewContext) -> tuple[Gap, ...]:
    """Return the periods that left something behind, newest first."""
    gaps = []
    rest = dict(sums)
    for period in view_context.disconnections:
        both = {
            connection_period: rest.pop(connection_period, {})
            for connection_period in (period.connection_period - 1, period.connection_period)
        }
        if what := _words(_total(both)):
            gaps.append(Gap(started_at=period.started_at, ended_at=period.ended_at, what=what))
    if what := _words(_total(rest)):
        gaps.append(Gap(started_at=None, ended_at=None, what=what))
    return tuple(gaps)


def _words(total: Sums) -> str:
    return listed(
        plural(number, kind.word)
        + (f" ({amount_text(amount)})" if kind is not Kind.CUSTOMER else "")
        for kind, (number, amount) in total.items()
    )


def _sending(db: sa.Connection, view_context: ViewContext) -> Sending | None:
    last = tasks.latest(db, view_context.connection.id, SEND)
    if last is None or not last.total:
        return None
    left, failed = activity.left_of_batch(db, view_context.connection, last.id)
    done = max(last.total - left, 0)
    if (
        left == failed
        and view_context.formats.now - (last.finished_at or last.asked_at) > _SHOWN_FOR
    ):
        return None
    return Sending(total=last.total, done=done, failed=failed)
