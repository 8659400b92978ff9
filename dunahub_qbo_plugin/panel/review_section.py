"""The review: the comparison with QuickBooks, and the totals by month. Read-only."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import Kind, RecordKey
from dunahub_qbo_plugin.panel.formats import listed, plural, short
from dunahub_qbo_plugin.review.compare import MAX_DIFFERENCES
from dunahub_qbo_plugin.review.difference_text import difference_text
from dunahub_qbo_plugin.review.findings import Difference, Finding
from dunahub_qbo_plugin.review.monthly import monthly_report, silence
from dunahub_qbo_plugin.review.task import COMPARE
from dunahub_qbo_plugin.store import tasks
from dunahub_qbo_plugin.store.tasks import TaskProblem

if TYPE_CHECKING:
    from collections.abc import Mapping

    import sqlalchemy as sa

    from dunahub_qbo_plugin.panel.view_context import ViewContext
    from dunahub_qbo_plugin.review.monthly import MonthlyReport, Silence
    from dunahub_qbo_plugin.store.tasks import Task

MAX_LISTED_OF_KIND: Final = 50
"""Differences of one sort that are listed."""
_PROBLEMS: Final = {
    TaskProblem.QUICKBOOKS: "QuickBooks could not be asked. Try again in a few minutes.",
    TaskProblem.OTHER: "Something went wrong on our side. Try again; if it happens again, tell "
    "DunaHub support.",
}
TITLES: Final = {
    Finding.DELETED: (
        "Deleted in QuickBooks",
        (
            "DunaHub still has them. If you change one in DunaHub, it needs attention; nothing is "
            "created again automatically."
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
        "Payments no longer applied to their invoice",
        "Ask your bookkeeper to apply them to the invoice again in QuickBooks.",
    ),
    Finding.UNAPPLIED: (
        "Money not applied to an invoice",
        "Your bookkeeper decides where it goes: to another invoice, a credit or a refund.",
    ),
    Finding.EDITED: (
        "Changed in QuickBooks",
        (
            "Make such changes in DunaHub: those made in QuickBooks can be overwritten when "
            "DunaHub sends the record again."
        ),
    ),
    Finding.DUPLICATE: (
        "Possible duplicate customers",
        "Your bookkeeper can merge them in QuickBooks. DunaHub merges nothing.",
    ),
}
"""What each sort of difference is called and means."""


@attrs.frozen(kw_only=True)
class DifferenceLine:
    """One difference, ready for a template."""

    name: str
    sentence: str
    host_url: str | None
    qbo_url: str | None


@attrs.frozen(kw_only=True)
class DifferenceGroup:
    """Differences of one sort.

    Attributes:
        number: how many there are; the lines are the first of them.
    """

    title: str
    meaning: str
    number: int
    lines: tuple[DifferenceLine, ...]


@attrs.frozen(kw_only=True)
class LastComparison:
    """The result of the last comparison.

    Attributes:
        compared: what was compared, in words; empty when there was nothing.
        reads: what it cost, in words.
        cut: True when there is more than was kept.
    """

    at: datetime
    since: datetime
    compared: str
    reads: str
    groups: tuple[DifferenceGroup, ...]
    number: int
    cut: bool


@attrs.frozen(kw_only=True)
class Review:
    """Section 8 of the page.

    Attributes:
        running: the comparison that is under way; None when none is.
        problem: why the last one failed, in words; empty when it did not.
        compared: what came of the last one; None when there was none.
        report: the months; None while they are folded.
        silence: None when all is well.
    """

    running: Task | None
    problem: str
    compared: LastComparison | None
    report: MonthlyReport | None
    silence: Silence | None


def read_review(db: sa.Connection, view_context: ViewContext, *, opened: bool) -> Review:
    """Return the last comparison, and the totals by month if the section is open."""
    last = tasks.latest(db, view_context.connection.id, COMPARE)
    running = last if last is not None and last.finished_at is None else None
    away = view_context.connection.disconnected_at is not None
    return Review(
        running=running,
        problem=_PROBLEMS[last.problem] if last is not None and last.problem is not None else "",
        compared=_compared(last, view_context) if last is not None and last.result else None,
        report=monthly_report(db, view_context.connection, today=view_context.formats.today)
        if opened
        else None,
        silence=None
        if away
        else silence(db, view_context.connection, now=view_context.formats.now),
    )


def _compared(task: Task, view_context: ViewContext) -> LastComparison:
    result: Mapping[str, Any] = task.result or {}
    found: dict[Finding, list[Difference]] = {}
    for stored in result["differences"]:
        difference = Difference.from_json(stored)
        found.setdefault(difference.finding, []).append(difference)
    number = len(result["differences"])
    reads = int(result["reads"])
    return LastComparison(
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
        cut=number >= MAX_DIFFERENCES,
    )


def _group(finding: Finding, found: list[Difference], view_context: ViewContext) -> DifferenceGroup:
    title, meaning = TITLES[finding]
    return DifferenceGroup(
        title=title,
        meaning=meaning,
        number=len(found),
        lines=tuple(_line(one, view_context) for one in found[:MAX_LISTED_OF_KIND]),
    )


def _line(difference: Difference, view_context: ViewContext) -> DifferenceLine:
    key, links = RecordKey.parse(difference.key), view_context.links
    gone = difference.finding is Finding.DELETED
    return DifferenceLine(
        name=f"{key.kind.word.capitalize()} {short(difference.label) or 'without a name'}",
        sentence=difference_text(difference),
        host_url=links.record(key),
        qbo_url=None if gone else links.quickbooks(key.kind, difference.qbo_id),
    )
