"""What happened to a record, in order and in words, for its history."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.advice import advise
from dunahub_qbo_plugin.model import ErrorInfo, Kind, Operation, SkipReason
from dunahub_qbo_plugin.store.records.history import Event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from dunahub_qbo_plugin.store.records.history import Entry

_SENT: Final = {
    Operation.CREATE.value: "Sent",
    Operation.UPDATE.value: "Updated",
    Operation.VOID.value: "Voided",
}
_DONE: Final = {
    Operation.CREATE.value: "Sent to QuickBooks",
    Operation.UPDATE.value: "Updated in QuickBooks",
    Operation.VOID.value: "Voided in QuickBooks",
}
_ASKED: Final = re.compile(
    r"(?P<what>Retry|Send|Link|Dismiss|Undo dismiss) \((?P<who>[^()]*)\)(?:: (?P<why>.*))?",
    re.DOTALL,
)
_PRESSED: Final = {
    "Retry": "Retried",
    "Send": "Asked to be sent",
    "Link": "Linked to the one in QuickBooks",
    "Dismiss": "Dismissed",
    "Undo dismiss": "Dismissal undone",
}
_NOTES: Final = {
    "adopted": "It was in QuickBooks already, and was not sent a second time",
    SkipReason.VOIDED_UNSENT.value: "Voided before QuickBooks ever had it, so nothing was sent",
}


@attrs.frozen(kw_only=True)
class Told:
    """One thing that happened.

    Attributes:
        text: what happened, in words.
        support: codes for support, of a failure only.
    """

    at: datetime
    text: str
    support: str = ""


def told(kind: Kind, entry: Entry) -> Told:
    """Put an entry of the history into words."""
    failed = entry.event in {Event.RETRY, Event.REJECTED}
    codes = [
        f"QuickBooks code {entry.code}" if failed and (entry.code or "")[:1].isdigit() else "",
        f"intuit_tid {entry.tid}" if failed and entry.tid else "",
    ]
    return Told(
        at=entry.at,
        text=f"{_text(kind, entry)}.",
        support=", ".join(code for code in codes if code),
    )


_CHILDREN: Final = {Kind.CUSTOMER: "Invoices", Kind.INVOICE: "Payments"}


def made_anew(kind: Kind, entries: Sequence[Entry], qbo_id: str | None) -> str:
    """Say that QuickBooks had the record under another number before; empty when it had not.

    An object that was deleted or made inactive there is made anew when a person asks for it, and
    what refers to the old one goes on doing so.

    Args:
        kind: of the record.
        entries: its history.
        qbo_id: QuickBooks' number of it now.
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
    stays = f" {_CHILDREN[kind]} that were sent before stay with the old one." * (kind in _CHILDREN)
    return f"It was made anew in QuickBooks: no. {qbo_id}, before that no. {before[0]}.{stays}"


def done(entry: Entry | None) -> str:
    """Say in a word or two what was last done to a record; None is for one that was only saved."""
    if entry is None:
        return "Saved"
    match entry.event:
        case Event.SENT:
            return _SENT.get(entry.operation or "", "Synced")
        case Event.RETRY | Event.REJECTED:
            return "Tried to send"
        case Event.WAITING:
            return "Held back"
        case Event.NOTED:
            return _note(entry.text or "")
        case Event.ASKED:
            found = _ASKED.fullmatch(entry.text or "")
            return _PRESSED[found["what"]] if found else _note(entry.text or "")


def _text(kind: Kind, entry: Entry) -> str:
    match entry.event:
        case Event.SENT:
            done = _DONE.get(entry.operation or "", "Synced with QuickBooks")
            note = f". {_note(entry.text)}" if entry.text else ""
            return f"{done}{note}"
        case Event.WAITING:
            parent = (entry.text or "").partition(":")[0] or "record before it"
            return f"Waited for its {parent}"
        case Event.RETRY:
            return f"{_title(kind, entry)}; tried again by itself"
        case Event.REJECTED:
            return f"{_title(kind, entry)}; needs attention"
        case Event.NOTED:
            return _note(entry.text or "")
        case Event.ASKED:
            return _asked(entry.text or "")


def _title(kind: Kind, entry: Entry) -> str:
    return advise(kind, ErrorInfo(code=entry.code or "", text=entry.text or "")).title


def _note(text: str) -> str:
    told_as = _NOTES.get(text, text).strip().rstrip(".")
    return told_as[:1].upper() + told_as[1:]


def _asked(text: str) -> str:
    found = _ASKED.fullmatch(text)
    if found is None:
        return _note(text)
    by = f" by {found['who']}" if found["who"] else ""
    why = f": {found['why'].rstrip('.')}" if found["why"] else ""
    return f"{_PRESSED[found['what']]}{by}{why}"
