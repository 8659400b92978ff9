"""Due dates by sales terms."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

_LAST_YEAR = 9999


def due_date(ledger: Ledger, txn_date: str, term: Json | None) -> str:
    """Return the due date of a form of this date under these terms.

    Without terms it is `default_due_days` after the date (recorded 2020 and 2026: 30).
    """
    start = date.fromisoformat(txn_date)
    try:
        if term is None:
            return (start + timedelta(days=ledger.settings.default_due_days)).isoformat()
        if "DayOfMonthDue" in term:
            return _day_of_month(start, term).isoformat()
        return (start + timedelta(days=int(term.get("DueDays", 0)))).isoformat()
    except (OverflowError, ValueError):
        return txn_date


def _day_of_month(start: date, term: Json) -> date:
    day = int(term["DayOfMonthDue"])
    due = _month_day(start.year, start.month, day)
    if (due - start).days < int(term.get("DueNextMonthDays", 0)) or due < start:
        year, month = divmod(start.year * 12 + start.month, 12)
        due = _month_day(min(year, _LAST_YEAR), month + 1, day)
    return due


def _month_day(year: int, month: int, day: int) -> date:
    last = calendar.monthrange(year, month)[1]
    return date(year, month, max(1, min(day, last)))
