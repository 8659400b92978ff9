"""The words for what happened to a record: its history and the latest activity."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model import ErrorInfo, Kind, Note, Operation, SkipReason
from dunahub_qbo_plugin.store.records.history import Command, Event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.store.records.history import Entry

_SENT: Final = {
    Operation.CREATE: "Sent",
    Operation.UPDATE: "Updated",
    Operation.VOID: "Voided",
}
_COMMANDS: Final = {
    Command.RETRY: "Retried",
    Command.SEND: "Send requested",
    Command.LINK: "Linked to the one in QuickBooks",
    Command.KEEP: "Kept as it is in QuickBooks",
    Command.DISMISS: "Dismissed",
    Command.UNDO_DISMISS: "Dismissal undone",
}
_SKIPPED: Final = {
    SkipReason.VOIDED_UNSENT: "Voided before QuickBooks ever had it, so nothing was sent",
    SkipReason.INELIGIBLE: "Not collected through DunaHub, so nothing was sent",
    SkipReason.DISMISSED: "Dismissed, so nothing was sent",
}
_NOTES: Final = {
    Note.FOUND_AGAIN: "It was in QuickBooks already: the answer to an earlier try had been lost",
    Note.ACCEPTED_BEFORE: "QuickBooks had accepted it before: the answer had been lost",
    Note.SENT_BEFORE: "It was in QuickBooks already: it had been sent there before",
    Note.FOUND_CHANGED: "It was in QuickBooks already, and was changed there since",
    Note.FOUND_VOIDED: "It was voided in QuickBooks already",
    Note.CHANGED_SINCE: "It had been changed in QuickBooks since it was last sent",
    Note.PAID_SINCE: "Its payments had changed it in QuickBooks",
    Note.ITEM_REPLACED: "A product or service was gone, so the list was read again",
    Note.DETAILS_LEFT_OUT: "A contact detail that QuickBooks does not take was left out",
    Note.UNAPPLIED: "QuickBooks left {amount} of it unapplied, since no more is open on the "
    "invoice there. Your bookkeeper decides where it goes",
    Note.VOIDED_WITH_PAYMENTS: "QuickBooks keeps its payments, which are not applied to an invoice "
    "now. Your bookkeeper decides where they go",
    Note.INVOICE_VOIDED: "Its invoice was voided. QuickBooks keeps the payment, which is not "
    "applied to an invoice now. Your bookkeeper decides where it goes",
}
_CHILDREN: Final = {
    Kind.CUSTOMER: " Invoices that were sent before stay with the old one.",
    Kind.INVOICE: " Payments that were on the old one are applied to this one.",
}


@attrs.frozen(kw_only=True)
class HistoryLine:
    """One thing that happened, ready for a template.

    Attributes:
        text: what happened, in words.
        support: codes for support, of a failure only.
    """

    at: datetime
    text: str
    support: str = ""


def history_line(kind: Kind, entry: Entry) -> HistoryLine:
    """Return the line for an entry of the history."""
    failed = entry.event in {Event.RETRY, Event.REJECTED}
    codes = [
        f"QuickBooks code {entry.code}" if failed and (entry.code or "")[:1].isdigit() else "",
        f"intuit_tid {entry.tid}" if failed and entry.tid else "",
    ]
    return HistoryLine(
        at=entry.at,
        text=f"{_text(kind, entry)}.",
        support=", ".join(code for code in codes if code),
    )


def created_again(kind: Kind, entries: Sequence[Entry], qbo_id: str | None) -> str:
    """Return that QuickBooks had the record under another Id before; empty if it had not.

    What was deleted or made inactive there is created again when a person asks for it. Invoices go
    on referring to the old customer; payments are sent again for the new invoice.

    Args:
        kind: of the record.
        entries: its history.
        qbo_id: QuickBooks' Id of it now.
    """
    before = [
        entry.qbo_id
        for entry in entries
        if entry.event is Event.SENT
        and entry.operation == Operation.CREATE.value
        and entry.qbo_id not in {None, qbo_id}
    ]
    if qbo_id is None or not before:
        return ""
    return (
        f"It was created again in QuickBooks, as reference {qbo_id}. Before that it was reference "
        f"{before[0]}.{_CHILDREN.get(kind, '')}"
    )


def last_done(entry: Entry | None) -> str:
    """Return in a word or two what was last done to a record; None for one that was only saved."""
    if entry is None:
        return "Saved"
    match entry.event:
        case Event.SENT:
            return _SENT[Operation(entry.operation)] if entry.operation else "Synced"
        case Event.RETRY | Event.REJECTED:
            return "Tried to send"
        case Event.WAITING:
            return "Held back"
        case Event.NOTED:
            return _noted(entry)
        case Event.ASKED:
            return _COMMANDS[Command(entry.code or "")]


def _text(kind: Kind, entry: Entry) -> str:
    match entry.event:
        case Event.SENT:
            note = f". {_noted(entry)}" if entry.code or entry.text else ""
            return f"{_sent(entry)}{note}"
        case Event.WAITING:
            return f"Waited for its {Kind(entry.code or '').word}"
        case Event.RETRY:
            return f"{_title(kind, entry)}; tried again automatically"
        case Event.REJECTED:
            return f"{_title(kind, entry)}; needs attention"
        case Event.NOTED:
            return _noted(entry)
        case Event.ASKED:
            by = f" by {entry.actor}" if entry.actor else ""
            why = f": {entry.note.rstrip('.')}" if entry.note else ""
            return f"{_COMMANDS[Command(entry.code or '')]}{by}{why}"


def _sent(entry: Entry) -> str:
    if not entry.operation:
        return "Synced with QuickBooks"
    operation = Operation(entry.operation)
    return f"{_SENT[operation]} {'to' if operation is Operation.CREATE else 'in'} QuickBooks"


def _title(kind: Kind, entry: Entry) -> str:
    return advise(kind, ErrorInfo(code=entry.code or "", text=entry.text or "")).title


def _noted(entry: Entry) -> str:
    code = entry.code or ""
    if code in set(SkipReason):
        return _SKIPPED[SkipReason(code)]
    if code in set(Note):
        amount = amount_text(Decimal(entry.note)) if entry.note else "some"
        return _NOTES[Note(code)].format(amount=amount)
    # Before the first release the history had sentences.
    text = (entry.text or "").strip().rstrip(".")
    return text[:1].upper() + text[1:]
