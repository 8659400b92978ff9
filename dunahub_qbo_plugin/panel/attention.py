"""What needs attention, grouped by cause, so that one fix releases all of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.model import ErrorInfo, Kind, Status
from dunahub_qbo_plugin.panel import words
from dunahub_qbo_plugin.panel.formats import kinds
from dunahub_qbo_plugin.panel.rows import row
from dunahub_qbo_plugin.sync.advice import Fix, advise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.model import RecordKey
    from dunahub_qbo_plugin.panel.desk import Desk
    from dunahub_qbo_plugin.panel.rows import Row
    from dunahub_qbo_plugin.store.views import RecordView
    from dunahub_qbo_plugin.sync.advice import Advice


@attrs.frozen(kw_only=True)
class Cause:
    """Records that one fix helps.

    Attributes:
        anchor: an id for the page, unique in it.
        advice: what happened and what to do.
        who: who can mend it, where it is not the office.
        rows: the records.
        count: them in words: ``2 customers``.
        holds_up: what waits for them, in words; empty when nothing does.
        first_seen, last_tried: of all of them.
        reconnect: True when connecting anew is what helps, and no other button offers it.
    """

    anchor: str
    advice: Advice
    who: str
    rows: tuple[Row, ...]
    count: str
    holds_up: str
    first_seen: datetime | None
    last_tried: datetime | None
    reconnect: bool


def causes(
    views: Sequence[RecordView],
    held: Mapping[RecordKey, Mapping[Kind, int]],
    desk: Desk,
) -> list[Cause]:
    """Group records by what went wrong; those that hold most up come first."""
    groups: dict[tuple[str, str], list[RecordView]] = {}
    advices: dict[tuple[str, str], Advice] = {}
    for view in views:
        info = view.error or ErrorInfo(code="")
        advice = advise(view.key.kind, info)
        key = (advice.title, info.subject)
        advices.setdefault(key, advice)
        groups.setdefault(key, []).append(view)
    made = []
    for number, (key, found) in enumerate(groups.items(), start=1):
        holds_up = _held_by(found, held)
        weight = sum(holds_up.values()) + len(found)
        made.append((weight, _cause(number, advices[key], found, holds_up, desk)))
    made.sort(key=lambda pair: -pair[0])
    return [cause for _, cause in made]


def _held_by(
    views: Sequence[RecordView], held: Mapping[RecordKey, Mapping[Kind, int]]
) -> dict[Kind, int]:
    total = dict.fromkeys(Kind, 0)
    for view in views:
        for kind, number in held.get(view.key, {}).items():
            total[kind] += number
    return total


def _cause(
    number: int,
    advice: Advice,
    views: Sequence[RecordView],
    held: Mapping[Kind, int],
    desk: Desk,
) -> Cause:
    counted = dict.fromkeys(Kind, 0)
    for view in views:
        counted[view.key.kind] += 1
    return Cause(
        anchor=f"dhqbo-cause-{number}",
        advice=advice,
        who=words.who(advice),
        rows=tuple(row(view, desk) for view in views),
        count=kinds(counted),
        holds_up=kinds(held),
        first_seen=min(
            (view.first_failed_at for view in views if view.first_failed_at), default=None
        ),
        last_tried=max((view.error_at for view in views if view.error_at), default=None),
        reconnect=advice.fix is Fix.RECONNECT and desk.connection.status is Status.CONNECTED,
    )
