"""What the page says after an action: a code in its address names one of these sentences.

The address never carries text, so nobody can make the page say anything else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import Download, Redirect
from dunahub_qbo_plugin.connect.results import NOT_REVOKED, WORDS, FailureReason
from dunahub_qbo_plugin.model import Status

if TYPE_CHECKING:
    from dunahub_qbo_plugin.panel.status import StatusView


Answer = str | Redirect | Download
"""What an action gives: a code of the page's sentences, or somewhere else to go."""


class Said(StrEnum):
    """What an action came to."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    CONFIRM = "confirm"
    DECLINED = "declined"
    FAILED = "failed"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not-confirmed"
    CANCELED = "canceled"
    DISCONNECTED = "disconnected"
    CHECKED = "checked"
    CHECK_FAILED = "check-failed"
    RETRIED = "retried"
    NOTHING_TO_RETRY = "nothing-to-retry"
    LINKED = "linked"
    NOT_LINKED = "not-linked"
    SENDING = "sending"
    NOTHING_TO_SEND = "nothing-to-send"
    DISMISSED = "dismissed"
    NOT_DISMISSED = "not-dismissed"
    NO_REASON = "no-reason"
    UNDONE = "undone"
    NOT_UNDONE = "not-undone"
    UNKNOWN_RECORD = "unknown-record"
    NOTHING_CHOSEN = "nothing-chosen"
    NOT_REVOKED = "not-revoked"
    CHOSEN = "chosen"
    NOTHING_CHANGED = "nothing-changed"
    REPLACED = "replaced"
    ITEM_UNKNOWN = "item-unknown"
    TAX_CODE_UNKNOWN = "tax-code-unknown"
    MATCHED = "matched"
    NOTHING_MATCHED = "nothing-matched"
    ITEMS_READ = "items-read"
    COMPARING = "comparing"
    NOT_CONNECTED = "not-connected"
    SETUP = "setup"
    TROUBLE = "trouble"


@attrs.frozen
class Flash:
    """A sentence and its color.

    Attributes:
        tone: ``good``, ``bad`` or ``plain``.
        look_again: True when the outcome is still to come.
    """

    tone: str
    text: str
    look_again: bool = False


_FIXED: Final = {
    Said.CONFIRM: ("plain", "Please check the company below. Nothing was sent to it yet."),
    Said.DECLINED: (
        "plain",
        "The connection was not approved at Intuit, so nothing was changed.",
    ),
    Said.FAILED: (
        "bad",
        (
            "QuickBooks could not be connected, and nothing was changed. Please start again from "
            "this page. The approval must be finished within 15 minutes, by whoever began it."
        ),
    ),
    Said.NOT_CONFIRMED: (
        "plain",
        "Nothing was changed: that company is not waiting for a yes any more. See below.",
    ),
    Said.CANCELED: ("plain", "Nothing was changed, and nothing was sent to the other company."),
    Said.DISCONNECTED: (
        "good",
        "QuickBooks is disconnected. Nothing was deleted, in DunaHub or in QuickBooks.",
    ),
    Said.RETRIED: ("good", "It is being tried again now."),
    Said.NOTHING_TO_RETRY: ("plain", "There was nothing to try again: it is done already."),
    Said.LINKED: (
        "good",
        "Linked to what QuickBooks has already. What waited for it goes out by itself.",
    ),
    Said.NOT_LINKED: ("plain", "There was nothing to link any more. See below how it stands."),
    Said.SENDING: ("good", "It is being sent now."),
    Said.NOTHING_TO_SEND: ("plain", "There was nothing to send: it is done already."),
    Said.DISMISSED: ("good", "Dismissed: it will not be sent. You find it under Not sent."),
    Said.NOT_DISMISSED: ("plain", "There was nothing to dismiss: it is done already."),
    Said.NO_REASON: ("bad", "Nothing was dismissed: please say why, in a few words."),
    Said.UNDONE: ("good", "The dismissal is undone."),
    Said.NOT_UNDONE: ("plain", "There was no dismissal to undo."),
    Said.UNKNOWN_RECORD: ("bad", "That record is not one of yours. Nothing was changed."),
    Said.NOTHING_CHOSEN: ("bad", "Nothing was done: please choose at least one record."),
    Said.NOT_REVOKED: ("plain", NOT_REVOKED),
    Said.CHOSEN: (
        "good",
        "Saved. It counts for what is sent from now on, and what failed for it is tried again now.",
    ),
    Said.NOTHING_CHANGED: ("plain", "Nothing was changed: that is what was chosen already."),
    Said.REPLACED: (
        "good",
        "The other product is chosen, and every record that failed for it is tried again now.",
    ),
    Said.ITEM_UNKNOWN: (
        "bad",
        (
            "Nothing was changed: please choose a product that is active in QuickBooks. If it is "
            "new there, press Read the list again first."
        ),
    ),
    Said.TAX_CODE_UNKNOWN: (
        "bad",
        (
            "Nothing was changed: please choose a sales tax code that is active in QuickBooks. If "
            "it is new there, press Read the list again first."
        ),
    ),
    Said.MATCHED: ("good", "Services were matched with the QuickBooks products of the same name."),
    Said.NOTHING_MATCHED: (
        "plain",
        "No further service has exactly one active QuickBooks product of the same name.",
    ),
    Said.ITEMS_READ: (
        "good",
        "The products and settings were read from QuickBooks again. Nothing there was changed.",
    ),
    Said.COMPARING: (
        "good",
        "The comparison is running. Nothing is changed by it, here or in QuickBooks.",
    ),
    Said.NOT_CONNECTED: ("bad", "QuickBooks is not connected, so that is not possible now."),
    Said.SETUP: ("bad", "That was not possible: the QuickBooks setup is not complete. See below."),
    Said.TROUBLE: (
        "bad",
        "That did not work, and nothing was changed. Please try again in a few minutes.",
    ),
}

_FAILED: Final = {
    Said.FAILED: "QuickBooks could not be connected, and nothing was changed.",
    Said.CHECK_FAILED: "The check did not go through.",
}
"""What a reason follows."""
_TO_COME: Final = frozenset(
    {Said.RETRIED, Said.SENDING, Said.LINKED, Said.UNDONE, Said.CHOSEN, Said.REPLACED}
    | {Said.COMPARING}
)
_OF_CONNECTION: Final = {
    Said.CONNECTED: "Connected to {company}. What you save from now on is sent by itself.",
    Said.RECONNECTED: "Connected to {company} again. {goes}",
    Said.CONFIRMED: "DunaHub sends to {company} from now on.",
    Said.CHECKED: (
        "QuickBooks answered: the connection to {company} works. Nothing in your books was touched."
    ),
}
"""Sentences that are true only while it is connected."""


def flash(code: str, status: StatusView) -> Flash | None:
    """Find the sentence for a code; None for one that there is not, or that is not true any more.

    Args:
        code: as it stands in the page's address, so it may be anything.
        status: as it is now; sentences about the connection are made from it.
    """
    head, _, tail = code.partition(".")
    said = next((known for known in Said if known.value == head), None)
    why = next((one for one in FailureReason if one.value == tail), None)
    if said not in _FAILED:
        why = None
    if said is None or not _still_true(said, status):
        return None
    if why is not None and status.status is not Status.TOKEN_EXPIRED:
        return Flash("bad", f"{_FAILED[said]} {WORDS[why]}")
    if said is Said.CHECK_FAILED:
        return _check_failed(status)
    if said in _OF_CONNECTION:
        goes = "What was waiting goes out now." if status.waiting else "Nothing was waiting."
        text = _OF_CONNECTION[said].format(company=status.company, goes=goes)
        return Flash("good", text)
    tone, text = _FIXED[said]
    return Flash(tone, text, look_again=said in _TO_COME)


def because(said: Said, why: FailureReason | None) -> str:
    """Return the code for what came of an action, with the reason if there is one."""
    return said.value if why is None else f"{said.value}.{why.value}"


def tone_of(code: str) -> str:
    """Return the tone in which a code is said."""
    head = code.partition(".")[0]
    known = next((said for said in Said if said.value == head), Said.TROUBLE)
    if known is Said.CHECK_FAILED:
        return "bad"
    return _FIXED[known][0] if known in _FIXED else "good"


def _still_true(said: Said, status: StatusView) -> bool:
    connected = status.status is Status.CONNECTED
    if said in _OF_CONNECTION:
        return connected
    if said is Said.CONFIRM:
        return status.pending is not None
    return said not in {Said.DISCONNECTED, Said.NOT_REVOKED} or not connected


def _check_failed(status: StatusView) -> Flash:
    if status.status is Status.TOKEN_EXPIRED:
        return Flash("bad", "QuickBooks no longer accepts our access. Press Reconnect below.")
    if status.pause is not None:
        return Flash("bad", f"The check did not go through. {status.pause.title}.")
    return Flash(
        "bad",
        "The check did not go through: QuickBooks gave no usable answer. Nothing is lost; please "
        "try again in a few minutes.",
    )
