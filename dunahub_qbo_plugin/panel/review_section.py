"""The review: comparison with QuickBooks, and the months. Read-only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import Kind, RecordKey
from dunahub_qbo_plugin.panel.formats import listed, plural, short
from dunahub_qbo_plugin.review.compare import MOST_DIFFERENCES
from dunahub_qbo_plugin.review.findings import Finding
from dunahub_qbo_plugin.review.monthly import monthly_report, silence
from dunahub_qbo_plugin.review.task import COMPARE
from dunahub_qbo_plugin.store import tasks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from dunahub_qbo_plugin.panel.view_context import ViewContext
    from dunahub_qbo_plugin.review.monthly import MonthlyReport, Silence
    from dunahub_qbo_plugin.store.tasks import Task

SHOWN: Final = 50
"""Differences of one sort that are listed."""
TITLES: Final = {
    Finding.DELETED: (
        "Deleted in QuickBooks",
        (
            "DunaHub still has them. Changed in DunaHub, such a record needs attention; nothing "
            "comes back by itself."
        ),
    ),
    Finding.INACTIVE: (
        "Customers made inactive in QuickBooks",
        "An invoice for such a customer cannot be sent until the customer is active again.",
    ),
    Finding.VOIDED: (
        "Voided in QuickBooks",
        "Void them in DunaHub as well, or ask your bookkeeper why.",
    ),
    Finding.TOTAL: (
        "Totals that differ",
        "Find out which side is right. A change in DunaHub is sent; one in QuickBooks stays there.",
    ),
    Finding.UNLINKED: (
        "Payments no longer attached to their invoice",
        "Your bookkeeper puts them back on the invoice in QuickBooks.",
    ),
    Finding.UNAPPLIED: (
        "Money that pays no invoice",
        "Your bookkeeper decides what becomes of it: another invoice, a credit, a refund.",
    ),
    Finding.EDITED: (
        "Changed in QuickBooks",
        "Edit in DunaHub: when such a record is next sent, DunaHub's version replaces that one.",
    ),
    Finding.DUPLICATE: (
        "Likely the same customer twice",
        "Your bookkeeper can merge them in QuickBooks. DunaHub merges nothing.",
    ),
}
"""What each sort of difference is called and means."""


@attrs.frozen(kw_only=True)
class Line:
    """One difference, ready for a template."""

    name: str
    sentence: str
    host_url: str | None
    qbo_url: str | None


@attrs.frozen(kw_only=True)
class Group:
    """Differences of one sort.

    Attributes:
        number: how many there are; the lines are the first of them.
    """

    title: str
    meaning: str
    number: int
    lines: tuple[Line, ...]


@attrs.frozen(kw_only=True)
class Compared:
    """What came of the last comparison.

    Attributes:
        compared: what was compared, in words; empty when there was nothing.
        reads: what it cost, in words.
        cut: True when there is more than was kept.
    """

    at: datetime
    since: datetime
    compared: str
    reads: str
    groups: tuple[Group, ...]
    number: int
    cut: bool


@attrs.frozen(kw_only=True)
class Review:
    """Section 8 of the page.

    Attributes:
        running: the comparison that is under way; None when none is.
        problem: why the last one failed; empty when it did not.
        compared: what came of the last one; None when there was none.
        report: the months; None while they are folded.
        silence: None when all is well.
    """

    running: Task | None
    problem: str
    compared: Compared | None
    report: MonthlyReport | None
    silence: Silence | None


def read_review(db: sa.Connection, view_context: ViewContext, *, opened: bool) -> Review:
    """Read how the last comparison went, and the months if they are wanted."""
    last = tasks.latest(db, view_context.connection.id, COMPARE)
    running = last if last is not None and last.finished_at is None else None
    away = view_context.connection.disconnected_at is not None
    return Review(
        running=running,
        problem=last.problem if last is not None else "",
        compared=_compared(last, view_context) if last is not None and last.result else None,
        report=monthly_report(db, view_context.connection, today=view_context.formats.today)
        if opened
        else None,
        silence=None
        if away
        else silence(db, view_context.connection, now=view_context.formats.now),
    )


def _compared(task: Task, view_context: ViewContext) -> Compared:
    result: Mapping[str, Any] = task.result or {}
    found: dict[Finding, list[Mapping[str, Any]]] = {}
    for one in result["differences"]:
        found.setdefault(Finding(one["finding"]), []).append(one)
    number = len(result["differences"])
    reads = int(result["reads"])
    return Compared(
        at=task.finished_at or task.asked_at,
        since=datetime.fromisoformat(result["since"]),
        compared=listed(
            plural(count, Kind(kind).word) for kind, count in result["compared"].items() if count
        ),
        reads=f"It took {plural(reads, 'read')} of QuickBooks.",
        groups=tuple(
            _group(finding, found[finding], view_context) for finding in Finding if finding in found
        ),
        number=number,
        cut=number >= MOST_DIFFERENCES,
    )


def _group(finding: Finding, found: list[Mapping[str, Any]], view_context: ViewContext) -> Group:
    title, meaning = TITLES[finding]
    return Group(
        title=title,
        meaning=meaning,
        number=len(found),
        lines=tuple(_line(finding, one, view_context) for one in found[:SHOWN]),
    )


def _line(finding: Finding, one: Mapping[str, Any], view_context: ViewContext) -> Line:
    key = RecordKey.parse(one["key"])
    gone = finding is Finding.DELETED
    return Line(
        name=f"{key.kind.word.capitalize()} {short(one['label']) or 'without a name'}",
        sentence=one["sentence"],
        host_url=view_context.links.record(key),
        qbo_url=None if gone else view_context.links.quickbooks(key.kind, one["qbo_id"]),
    )
