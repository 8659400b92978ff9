"""Notices in words, for a mail or a bell."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import Audience, Notice
from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.model import ErrorInfo, Kind
from dunahub_qbo_plugin.model.conditions import ConditionKind

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model.conditions import Facts, StoredNotice

PANEL: Final = "quickbooks"
_OF_THE_OPERATOR: Final = frozenset(
    {ConditionKind.READS_USED_UP, ConditionKind.KEY, ConditionKind.DATABASE}
)
_BEGUN: Final = {
    ConditionKind.ACCESS_LOST: (
        "QuickBooks: please reconnect {company}",
        (
            "QuickBooks no longer accepts DunaHub's access to {company}, so nothing is being "
            "sent. Nothing is lost: press Reconnect under Settings, QuickBooks, and what is "
            "waiting goes out automatically."
        ),
    ),
    ConditionKind.ACCESS_ENDING: (
        "QuickBooks: reconnect {company} before {ends_day}",
        (
            "DunaHub's access to {company} in QuickBooks ends on {ends_day}: Intuit limits it "
            "to five years. Press Reconnect under Settings, QuickBooks, before then. Otherwise "
            "sending stops that day until somebody does."
        ),
    ),
    ConditionKind.ATTENTION: (
        "QuickBooks: {records} need{s} attention",
        (
            "{records}{worth} could not be sent to {company}. Most often: {worst}. What to do "
            "is under Settings, QuickBooks."
        ),
    ),
    ConditionKind.SILENCE: (
        "QuickBooks: nothing was sent to {company} for three days",
        (
            "{records} made or changed since then {are} not in QuickBooks yet. Look under "
            "Settings, QuickBooks, at what is waiting. If nothing there explains it, tell "
            "DunaHub support."
        ),
    ),
    ConditionKind.READS_USED_UP: (
        "QuickBooks: this month's reads are used up",
        (
            "Intuit answers no more reads of this app this month. Records are sent as always; "
            "those that must be looked up first wait, and comparing waits, until the next month"
            " at the latest. `dunahub-qbo status` shows what was read, and for what."
        ),
    ),
    ConditionKind.KEY: (
        "QuickBooks: the stored tokens cannot be decrypted",
        (
            "None of the keys in DUNAHUB_QBO_FERNET_KEYS decrypts them, so nothing is sent for "
            "any organization. Put the earlier keys back, the newest first."
        ),
    ),
    ConditionKind.DATABASE: (
        "QuickBooks: the plugin's database cannot be used",
        (
            "Nothing is sent, and what is saved is kept in memory as far as it goes. Look at "
            "the log for the reason, and bring the database back."
        ),
    ),
}
_OVER: Final = {
    ConditionKind.ACCESS_LOST: "QuickBooks: {company} is connected again, or was disconnected",
    ConditionKind.ACCESS_ENDING: "QuickBooks: the access to {company} no longer ends soon",
    ConditionKind.ATTENTION: "QuickBooks: no record for {company} needs attention any more",
    ConditionKind.SILENCE: "QuickBooks: no record has been waiting for days for {company} any more",
    ConditionKind.READS_USED_UP: "QuickBooks: reads are answered again",
    ConditionKind.KEY: "QuickBooks: the stored tokens can be decrypted again",
    ConditionKind.DATABASE: "QuickBooks: the plugin's database can be used again",
}

_HOW: Final = {
    ConditionKind.ACCESS_LOST: "What is waiting goes out automatically if it is connected.",
    ConditionKind.ACCESS_ENDING: "",
    ConditionKind.ATTENTION: "They were sent, or somebody decided about them.",
    ConditionKind.SILENCE: "They were sent, need attention, or sending to it was stopped.",
    ConditionKind.READS_USED_UP: "What waited for a look in QuickBooks goes on automatically.",
    ConditionKind.KEY: "",
    ConditionKind.DATABASE: "",
}
"""How it was over, as far as that is known."""


def notice_of(stored: StoredNotice) -> Notice:
    """Return what the host is told."""
    condition = stored.condition
    facts = condition.facts
    values = _values(facts)
    if stored.over:
        title = _OVER[condition.kind].format_map(values)
        text = f"{title}. {_HOW[condition.kind]}".rstrip()
    else:
        title, text = (words.format_map(values) for words in _BEGUN[condition.kind])
    operator = condition.kind in _OF_THE_OPERATOR
    ends = _ends(facts)
    return Notice(
        id=f"{stored.id}-over" if stored.over else stored.id,
        about=stored.id,
        kind=condition.kind.value,
        over=stored.over,
        audience=Audience.OPERATOR if operator else Audience.OFFICE,
        org_id=condition.org_id,
        panel=None if operator else PANEL,
        since=condition.since,
        until=stored.until if stored.over else ends,
        title=title,
        text=text,
        count=int(facts["count"]) if "count" in facts else None,
        amount=Decimal(facts["amount"]) if facts.get("amount") else None,
        details=dict(facts),
    )


def _ends(facts: Facts) -> datetime | None:
    return datetime.fromisoformat(facts["ends"]) if "ends" in facts else None


def _values(facts: Facts) -> dict[str, str]:
    count = int(facts.get("count", "0"))
    amount = Decimal(facts.get("amount") or 0)
    ends = _ends(facts)
    return {
        "company": facts.get("company") or "your QuickBooks company",
        "records": f"{count:,} record{'' if count == 1 else 's'}",
        "s": "s" if count == 1 else "",
        "are": "is" if count == 1 else "are",
        "worth": f" (${amount:,.2f})" if amount else "",
        "worst": _worst(facts),
        "ends_day": "" if ends is None else f"{ends.astimezone(UTC):%B} {ends.day}, {ends.year}",
    }


def _worst(facts: Facts) -> str:
    if "worst_code" not in facts:
        return ""
    info = ErrorInfo(code=facts["worst_code"], cause=facts.get("worst_cause", ""))
    return advise(Kind(facts["worst_kind"]), info).title.rstrip(".")
