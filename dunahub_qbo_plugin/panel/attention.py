"""Group what needs attention by cause, so that one fix releases all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.advice import Fix, advise
from dunahub_qbo_plugin.model import ErrorInfo, Kind, NameHolder, Status
from dunahub_qbo_plugin.panel import record_text
from dunahub_qbo_plugin.panel.formats import kinds
from dunahub_qbo_plugin.panel.record_line import record_line
from dunahub_qbo_plugin.store.queries import attention
from dunahub_qbo_plugin.store.records.commands import ITEM_CODES, TAX_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_qbo_plugin.advice import Advice
    from dunahub_qbo_plugin.model import RecordKey
    from dunahub_qbo_plugin.panel.record_line import RecordLine
    from dunahub_qbo_plugin.panel.view_context import ViewContext
    from dunahub_qbo_plugin.store.queries.attention import CauseTotal
    from dunahub_qbo_plugin.store.queries.records import RecordView

CAUSES_PER_PAGE: Final = 20
"""Causes on one page."""
RECORDS_PER_CAUSE: Final = 10
"""Records of one cause that are listed; its buttons are for all of them."""


@attrs.frozen(kw_only=True)
class CauseGroup:
    """Records that one fix helps.

    Attributes:
        anchor: an id for the page, unique in it.
        keys: what its buttons send; they are for every record of it.
        advice: what happened and what to do.
        who: who can fix it, where it is not the office.
        rows: some of the records.
        number: how many there are.
        count: them in words: ``2 customers``.
        holds_up: what waits for them, in words; empty when nothing does.
        first_seen, last_tried: of all of them.
        reconnect: True when connecting again helps, and no other button offers it.
        holder: who has the name; None where it is about something else, or not known.
        choose_item: True when choosing another product helps.
        choose_tax: True when choosing a sales tax code helps.
    """

    anchor: str
    keys: tuple[str, ...]
    advice: Advice
    who: str
    rows: tuple[RecordLine, ...]
    number: int
    count: str
    holds_up: str
    first_seen: datetime | None
    last_tried: datetime | None
    reconnect: bool
    holder: NameHolder | None
    choose_item: bool
    choose_tax: bool


@attrs.frozen(kw_only=True)
class Attention:
    """One page of causes.

    Attributes:
        causes: those that hold up most records come first.
        earlier, later: which page comes before and after; empty when none does.
    """

    causes: tuple[CauseGroup, ...]
    earlier: str = ""
    later: str = ""


def read_attention(
    db: sa.Connection, view_context: ViewContext, query: Mapping[str, str]
) -> Attention:
    """Return a page of causes.

    Args:
        db: a consistent read.
        view_context: whose.
        query: of the page's address: ``causes`` is the page's number, from 2.
    """
    asked = query.get("causes", "")
    page = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 6 else 1  # noqa: PLR2004  no page is further away
    page = max(page, 1)
    found = attention.cause_totals(
        db, view_context.connection, limit=CAUSES_PER_PAGE + 1, skip=(page - 1) * CAUSES_PER_PAGE
    )
    causes = [total.cause for total in found[:CAUSES_PER_PAGE]]
    views = attention.records_of(db, view_context.connection, causes, limit=RECORDS_PER_CAUSE)
    looked_at = [view.key for of_cause in views.values() for view in of_cause]
    held = attention.held_up(db, view_context.connection, looked_at)
    return Attention(
        causes=tuple(_causes(found[:CAUSES_PER_PAGE], views, held, view_context)),
        earlier=str(page - 1) if page > 1 else "",
        later=str(page + 1) if len(found) > CAUSES_PER_PAGE else "",
    )


def _causes(
    found: Sequence[CauseTotal],
    views: Mapping[attention.Cause, Sequence[RecordView]],
    held: Mapping[RecordKey, Mapping[Kind, int]],
    view_context: ViewContext,
) -> list[CauseGroup]:
    """Group causes with the same words; those that hold up most records come first."""
    groups: dict[tuple[str, str], list[CauseTotal]] = {}
    advices: dict[tuple[str, str], Advice] = {}
    for total in found:
        advice = advise(total.cause.kind, _newest_error(total.cause, views))
        key = (advice.title, total.cause.subject)
        advices.setdefault(key, advice)
        groups.setdefault(key, []).append(total)
    weighed = []
    for number, (key, of_group) in enumerate(groups.items(), start=1):
        rows = [view for total in of_group for view in views[total.cause]]
        holds_up = _held_by(rows, held)
        weight = sum(holds_up.values()) + sum(total.count for total in of_group)
        holder = NameHolder.from_facts(_newest_error(of_group[0].cause, views).facts)
        cause = _cause(number, advices[key], holder, of_group, rows, holds_up, view_context)
        weighed.append((weight, cause))
    weighed.sort(key=lambda pair: -pair[0])
    return [cause for _, cause in weighed]


def _newest_error(
    cause: attention.Cause, views: Mapping[attention.Cause, Sequence[RecordView]]
) -> ErrorInfo:
    """Return the error of the record that was tried last: QuickBooks may have changed since."""
    failed = [view for view in views[cause] if view.error is not None and view.error_at is not None]
    newest = max(failed, key=lambda view: view.error_at or view.updated_at, default=None)
    if newest is None or newest.error is None:
        return ErrorInfo(code=cause.code, subject=cause.subject)
    return newest.error


def _held_by(
    views: Iterable[RecordView], held: Mapping[RecordKey, Mapping[Kind, int]]
) -> dict[Kind, int]:
    total = dict.fromkeys(Kind, 0)
    for view in views:
        for kind, number in held.get(view.key, {}).items():
            total[kind] += number
    return total


def _cause(
    number: int,
    advice: Advice,
    holder: NameHolder | None,
    found: Sequence[CauseTotal],
    views: Sequence[RecordView],
    held: Mapping[Kind, int],
    view_context: ViewContext,
) -> CauseGroup:
    counted = dict.fromkeys(Kind, 0)
    for total in found:
        counted[total.cause.kind] += total.count
    whole = sum(counted.values())
    some = "at least " if whole > len(views) else ""
    holds_up = kinds(held)
    first = found[0].cause
    return CauseGroup(
        anchor=f"dhqbo-cause-{number}",
        keys=tuple(str(total.cause) for total in found),
        advice=advice,
        who=record_text.who(advice),
        rows=tuple(record_line(view, view_context) for view in views[:RECORDS_PER_CAUSE]),
        number=whole,
        count=kinds(counted),
        holds_up=f"{some}{holds_up}" if holds_up else "",
        first_seen=min((one.first_failed_at for one in found if one.first_failed_at), default=None),
        last_tried=max((one.last_tried_at for one in found if one.last_tried_at), default=None),
        reconnect=advice.fix is Fix.RECONNECT
        and view_context.connection.status is Status.CONNECTED,
        holder=holder,
        choose_item=first.code in ITEM_CODES and first.kind is Kind.INVOICE,
        choose_tax=first.code in TAX_CODES,
    )
