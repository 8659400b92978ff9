"""The words for the state of one record (rule 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model import BOTH_CHANGED, GONE, Kind, RecordState, SkipReason
from dunahub_qbo_plugin.panel.formats import short

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.advice import Advice
    from dunahub_qbo_plugin.panel.formats import Formats
    from dunahub_qbo_plugin.panel.view_context import ViewContext
    from dunahub_qbo_plugin.store.companies.connection import Connection
    from dunahub_qbo_plugin.store.queries.records import RecordView

TONES: Final = {
    RecordState.SYNCED: "good",
    RecordState.WAITING: "wait",
    RecordState.ATTENTION: "bad",
    RecordState.NOT_SENT: "off",
}
"""The color of a state; its word always stands beside it."""

_HELD: Final = {
    SkipReason.INELIGIBLE: (
        "Only payments collected through DunaHub's own card or ACH flow are sent. "
        "Enter this one in QuickBooks by hand."
    ),
    SkipReason.VOIDED_UNSENT: (
        "It was voided before QuickBooks ever had it, so there is nothing to send."
    ),
}

_SENT_BEFORE: Final = (
    "This {kind} was sent before it was changed, and QuickBooks has it (reference {number}). "
    "Do not enter it again; if it is wrong there, correct or delete it in QuickBooks."
)
_LOOKING: Final = (
    "An earlier try may have arrived, and DunaHub is looking for it in QuickBooks. Do not enter it "
    "by hand yet."
)


_IN_DOUBT: Final = (
    "It was being sent when QuickBooks was disconnected {since}, so QuickBooks may have it: look "
    "there before you enter it by hand. DunaHub looks there, too, before it sends it again."
)


def name(view: RecordView) -> str:
    """Return the name of a record: ``Invoice 1042``."""
    if view.key.kind is Kind.PAYMENT and view.parent_label:
        return f"Payment on invoice {short(view.parent_label)}"
    label = short(view.label) or "without a name"
    return f"{view.key.kind.word.capitalize()} {label}"


def advice(view: RecordView) -> Advice | None:
    """Return what went wrong at the last try; None if nothing did."""
    return None if view.error is None else advise(view.key.kind, view.error)


def sentence(view: RecordView, view_context: ViewContext) -> str:
    """Return the sentence that follows the word for a record's state."""
    match view.state:
        case RecordState.SYNCED:
            return _synced(view, view_context.formats)
        case RecordState.WAITING:
            return _waiting(view, view_context.connection, view_context.formats)
        case RecordState.ATTENTION:
            found = advice(view)
            return f"{found.title}." if found else ""
        case RecordState.NOT_SENT:
            return _not_sent(view, view_context)


def variance(view: RecordView) -> str:
    """Return that QuickBooks has a different total (rule 7); empty where they match."""
    if view.variance is None or view.qbo_total is None or view.synced_total is None:
        return ""
    there, sent = amount_text(view.qbo_total), amount_text(view.synced_total)
    return f"QuickBooks has {there}, DunaHub sent {sent}."


def left_out(details: Mapping[str, str]) -> str:
    """Return which contact details are not sent, and what to do."""
    names = " and ".join(details.values())
    return (
        f"Sent without the {names}: QuickBooks does not take what is entered there. Correct it on "
        "the lead to have it in QuickBooks, too."
    )


def earlier_version(view: RecordView) -> str:
    """Return that QuickBooks has the record as it was before its last change; else empty."""
    if view.state is RecordState.SYNCED or view.qbo_id is None or view.synced_at is None:
        return ""
    if view.error is not None and view.error.code == GONE:
        return ""
    return f"QuickBooks has this {view.key.kind.word} as it was before the last change."


def paused(connection: Connection, now: datetime) -> datetime | None:
    """Return the time until which the company is paused; None if it is not."""
    until = connection.paused_until
    return until if until is not None and until > now else None


def _synced(view: RecordView, formats: Formats) -> str:
    when = formats.moment(view.synced_at) if view.synced_at else ""
    if view.qbo_number:
        return f"{when} as {view.key.kind.word} {view.qbo_number}".strip()
    number = f" (reference {view.qbo_id})" if view.qbo_id else ""
    return f"{when}{number}".strip()


def _waiting(view: RecordView, connection: Connection, formats: Formats) -> str:
    if connection.expired_at is not None:
        return "for QuickBooks to be reconnected. It then goes out automatically."
    if view.waiting_for is not None:
        kind = view.waiting_for.kind.word
        if not view.parent_label:
            return (
                f"for its {kind}, which was not saved in DunaHub since QuickBooks was connected. "
                f"Save that {kind} once, and both go out."
            )
        parent = f"{kind} {short(view.parent_label)}"
        if view.parent_state is RecordState.ATTENTION:
            return f"for {parent}, which needs attention. It goes out once that {kind} did."
        return f"for {parent}, which is not in QuickBooks yet. It goes out right after that {kind}."
    until = paused(connection, formats.now)
    if until is not None:
        return f"for QuickBooks. It is tried again {formats.at(until)}."
    found = advice(view)
    if (
        found is not None
        and found.retried
        and view.next_attempt_at
        and view.next_attempt_at > formats.now
    ):
        return f"to be tried again {formats.at(view.next_attempt_at)}. {found.title}."
    return "to be sent, within moments."


def _not_sent(view: RecordView, view_context: ViewContext) -> str:
    if view.skip_reason is SkipReason.DISMISSED:
        reason = f": {view.skip_note.rstrip('.')}." if view.skip_note else "."
        return f"Dismissed by the office{reason}"
    if view.skip_reason is not None:
        if view.qbo_id is not None:
            return _SENT_BEFORE.format(kind=view.key.kind.word, number=view.qbo_id)
        return _LOOKING if view.next_attempt_at is not None else _HELD[view.skip_reason]
    for period in view_context.disconnections:
        since = view_context.formats.at(period.started_at)
        if period.connection_period == view.connection_period + 1:
            if view.in_doubt:
                return _IN_DOUBT.format(since=since)
            return f"It was still waiting to be sent when QuickBooks was disconnected {since}."
        if period.connection_period == view.connection_period:
            return f"It was saved after QuickBooks was disconnected {since}."
    return "It was saved while QuickBooks was not connected."


_ANSWERS: Final = {
    BOTH_CHANGED: (("retry", "Use DunaHub's"), ("keep", "Keep QuickBooks'")),
}
"""What a question is answered with by other words than Retry."""


def who(found: Advice) -> str:
    """Return who can fix it; empty for the office, which reads this."""
    return {"bookkeeper": "your bookkeeper", "operator": "DunaHub support"}.get(found.who, "")


def answers(view: RecordView) -> tuple[tuple[str, str], ...]:
    """Return the buttons that try a record again: the action and the label of each."""
    code = None if view.error is None else view.error.code
    return _ANSWERS.get(code or "", (("retry", "Retry"),))


def link_label(kind: Kind) -> str:
    """Return the label of the button that links a record to an object in QuickBooks."""
    return f"Use this {kind.word}"
