"""The latest activity: one page of it, filtered as the page's address says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model import Kind, RecordState
from dunahub_qbo_plugin.panel.history_text import last_done
from dunahub_qbo_plugin.panel.record_line import record_line
from dunahub_qbo_plugin.store.queries.activity import Cursor, Filter, activity
from dunahub_qbo_plugin.store.records import history

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from dunahub_qbo_plugin.panel.record_line import RecordLine
    from dunahub_qbo_plugin.panel.view_context import ViewContext

RECORDS_PER_PAGE: Final = 15
"""Records on one page."""
MAX_SEARCH_LENGTH: Final = 80
_CURSOR: Final = re.compile(r"([0-9]{1,15})-([0-9]{1,18})")
_RESULTS: Final = {shown.value.lower().replace(" ", "-"): shown for shown in RecordState}


@attrs.frozen(kw_only=True)
class ActivityLine:
    """A record and what was last done to it."""

    row: RecordLine
    done: str


@attrs.frozen(kw_only=True)
class Activity:
    """One page of the activity.

    Attributes:
        chosen: the filter as the form shows it: kind, result, text.
        filtered: True when the filter narrows the list down.
        paged: True when it does not begin with the newest.
        older: what the page's ``before`` must be for what comes next; empty at the end.
        cut: True when the text fits more records than a search looks at.
    """

    lines: tuple[ActivityLine, ...]
    chosen: Mapping[str, str]
    filtered: bool
    paged: bool
    older: str
    cut: bool


def read_filter(query: Mapping[str, str]) -> Filter:
    """Return the filter in a page's address; invalid parts are left out."""
    kind = query.get("kind", "")
    text = "".join(character for character in query.get("q", "") if character.isprintable())
    return Filter(
        kind=Kind(kind) if kind in set(Kind) else None,
        state=_RESULTS.get(query.get("result", "")),
        text=text.strip()[:MAX_SEARCH_LENGTH],
    )


def read_cursor(query: Mapping[str, str]) -> Cursor | None:
    """Return where the page continues; None, also for an invalid value, for the beginning."""
    found = _CURSOR.fullmatch(query.get("before", ""))
    return None if found is None else Cursor(int(found[1]), int(found[2]))


def read_activity(
    db: sa.Connection, view_context: ViewContext, query: Mapping[str, str]
) -> Activity:
    """Return the page of the activity that the page's address asks for."""
    wanted, before = read_filter(query), read_cursor(query)
    found = activity(db, view_context.connection, wanted, before=before, limit=RECORDS_PER_PAGE)
    lines = []
    for view in found.records:
        newest = history.of_record(db, view.id, limit=1)
        done = last_done(newest[0] if newest else None)
        lines.append(ActivityLine(row=record_line(view, view_context), done=done))
    chosen = {
        "kind": wanted.kind.value if wanted.kind else "",
        "result": wanted.state.value.lower().replace(" ", "-") if wanted.state else "",
        "q": wanted.text,
    }
    return Activity(
        lines=tuple(lines),
        chosen=chosen,
        filtered=any(chosen.values()),
        paged=before is not None,
        older=f"{found.more.touched}-{found.more.id}" if found.more else "",
        cut=found.cut,
    )
