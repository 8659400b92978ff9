"""The message at the top of the page after an action.

The page's address carries a code, never a text, so nobody can make the page say anything else.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.connect.results import FailureReason
from dunahub_qbo_plugin.model import Status

if TYPE_CHECKING:
    from dunahub_qbo_plugin.panel.status import StatusView


class ActionResult(StrEnum):
    """The result of an action."""

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
    RETRIED_OTHERS = "retried-others"
    ONLY_QUESTIONS = "only-questions"
    NOTHING_TO_RETRY = "nothing-to-retry"
    LINKED = "linked"
    NOT_LINKED = "not-linked"
    KEPT = "kept"
    NOTHING_KEPT = "nothing-kept"
    SENDING = "sending"
    NOTHING_TO_SEND = "nothing-to-send"
    DISMISSED = "dismissed"
    NOT_DISMISSED = "not-dismissed"
    NO_REASON = "no-reason"
    UNDONE = "undone"
    NOT_UNDONE = "not-undone"
    UNKNOWN_RECORD = "unknown-record"
    NOTHING_CHOSEN = "nothing-chosen"
    TOO_MANY = "too-many"
    TOO_OFTEN = "too-often"
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
    """A message and its color.

    Attributes:
        tone: ``good``, ``bad`` or ``plain``.
        look_again: True when the outcome is still to come.
    """

    tone: str
    text: str
    look_again: bool = False


_FIXED: Final = {
    ActionResult.CONFIRM: Flash(
        "plain",
        "Check which company you connected, below. Nothing has been sent to it yet.",
    ),
    ActionResult.DECLINED: Flash(
        "plain",
        "The connection was not approved at Intuit, so nothing was changed.",
    ),
    ActionResult.FAILED: Flash(
        "bad",
        "QuickBooks could not be connected, and nothing was changed. Start again from this "
        "page. Whoever starts must also approve it, within 15 minutes.",
    ),
    ActionResult.NOT_CONFIRMED: Flash(
        "plain",
        "Nothing was changed: that company is no longer waiting for your answer. See below.",
    ),
    ActionResult.CANCELED: Flash(
        "plain",
        "Nothing was changed, and nothing was sent to the other company.",
    ),
    ActionResult.DISCONNECTED: Flash(
        "good",
        "QuickBooks is disconnected. Nothing was deleted, in DunaHub or in QuickBooks.",
    ),
    ActionResult.RETRIED: Flash("good", "It is being tried again now."),
    ActionResult.RETRIED_OTHERS: Flash(
        "good",
        "It is being tried again now, except for the records that ask you a question. Answer each "
        "of those under Needs attention.",
    ),
    ActionResult.ONLY_QUESTIONS: Flash(
        "plain",
        "Nothing was tried again: each record that is left asks you a question. Answer it under "
        "Needs attention.",
    ),
    ActionResult.NOTHING_TO_RETRY: Flash("plain", "There was nothing left to try again."),
    ActionResult.LINKED: Flash(
        "good",
        "Linked to the one in QuickBooks. What was waiting for it goes out automatically.",
    ),
    ActionResult.NOT_LINKED: Flash(
        "plain",
        "There was nothing left to link. See below where it stands.",
    ),
    ActionResult.KEPT: Flash(
        "good",
        "What was changed in QuickBooks stays as it is there. Whatever else you changed in DunaHub "
        "is sent.",
    ),
    ActionResult.NOTHING_KEPT: Flash(
        "plain", "That question was answered already. See below where it stands."
    ),
    ActionResult.SENDING: Flash("good", "It is being sent now."),
    ActionResult.NOTHING_TO_SEND: Flash("plain", "There was nothing left to send."),
    ActionResult.DISMISSED: Flash(
        "good",
        "Dismissed: it will not be sent. You can find it under Not sent.",
    ),
    ActionResult.NOT_DISMISSED: Flash("plain", "There was nothing left to dismiss."),
    ActionResult.NO_REASON: Flash("bad", "Nothing was dismissed. Please say why, in a few words."),
    ActionResult.UNDONE: Flash("good", "The dismissal is undone."),
    ActionResult.NOT_UNDONE: Flash("plain", "There was no dismissal to undo."),
    ActionResult.UNKNOWN_RECORD: Flash(
        "bad", "That is not one of your records. Nothing was changed."
    ),
    ActionResult.NOTHING_CHOSEN: Flash("bad", "Nothing was changed. Choose at least one record."),
    ActionResult.TOO_MANY: Flash(
        "bad",
        "Nothing was changed: that is more than one page lists. Choose fewer records, or press the "
        "button for all of them.",
    ),
    ActionResult.TOO_OFTEN: Flash(
        "plain",
        "Your records were compared many times within the last hour. The last result is below; try "
        "again in an hour.",
    ),
    ActionResult.NOT_REVOKED: Flash(
        "plain",
        "QuickBooks is disconnected. Intuit could not be reached to revoke the access, so it "
        "was deleted here, where nothing can use it anymore. You can also remove DunaHub in "
        "QuickBooks under Apps.",
    ),
    ActionResult.CHOSEN: Flash(
        "good",
        "Saved. It counts for everything sent from now on, and what failed because of it is "
        "tried again automatically.",
    ),
    ActionResult.NOTHING_CHANGED: Flash("plain", "Nothing was changed: that was chosen already."),
    ActionResult.REPLACED: Flash(
        "good",
        "The other product is chosen, and every invoice that failed because of the old one is "
        "tried again automatically.",
    ),
    ActionResult.ITEM_UNKNOWN: Flash(
        "bad",
        "Nothing was changed. Choose a product that is active in QuickBooks. If it is "
        "new there, press Read the list again first.",
    ),
    ActionResult.TAX_CODE_UNKNOWN: Flash(
        "bad",
        "Nothing was changed. Choose a sales tax code that is active in QuickBooks. If it is "
        "new there, press Read the list again first.",
    ),
    ActionResult.MATCHED: Flash(
        "good",
        "Services were matched to the QuickBooks products of the same name.",
    ),
    ActionResult.NOTHING_MATCHED: Flash(
        "plain",
        "No other service has exactly one active QuickBooks product of the same name.",
    ),
    ActionResult.ITEMS_READ: Flash(
        "good",
        "The products and settings were read from QuickBooks again. Nothing was changed there.",
    ),
    ActionResult.COMPARING: Flash(
        "good",
        "The comparison is running. It changes nothing, in DunaHub or in QuickBooks.",
    ),
    ActionResult.NOT_CONNECTED: Flash(
        "bad",
        "That is not possible now: QuickBooks is not connected.",
    ),
    ActionResult.SETUP: Flash(
        "bad",
        "That is not possible now: the QuickBooks setup is not complete. See below.",
    ),
    ActionResult.TROUBLE: Flash(
        "bad",
        "That did not work, and nothing was changed. Try again in a few minutes.",
    ),
}

_FAILED: Final = {
    ActionResult.FAILED: "QuickBooks could not be connected, and nothing was changed.",
    ActionResult.CHECK_FAILED: "The check did not go through.",
}
"""What a reason follows."""
_REASONS: Final = {
    FailureReason.LATE: "This attempt has expired. Press Connect to QuickBooks again. Whoever "
    "presses it must also approve it, within 15 minutes.",
    FailureReason.NO_COMPANY: "Intuit did not say which company to connect. Try again.",
    FailureReason.WRONG_COMPANY: "The company that came back from Intuit is not the one that was "
    "approved there. Nothing was changed. Press Connect again.",
    FailureReason.CURRENCY: "This QuickBooks company does not keep its books in US dollars, "
    "and DunaHub bills in them. Nothing was connected. Press Connect and choose a company with "
    "books in US dollars.",
    FailureReason.SETUP: "The QuickBooks setup is not complete. DunaHub support has to fix this.",
    FailureReason.REVOKED: "QuickBooks does not accept our access: it expired or was removed. "
    "Connect again from this page.",
    FailureReason.NOT_CONNECTED: "QuickBooks is not connected.",
    FailureReason.FORBIDDEN: "QuickBooks does not let DunaHub into this company: whoever connected "
    "it has no access to these books anymore. Have one of its administrators press Reconnect.",
    FailureReason.UNREACHABLE: "QuickBooks could not be reached. Try again in a few minutes.",
    FailureReason.BUSY: "QuickBooks asked for a pause. Try again in a few minutes.",
    FailureReason.READS: "QuickBooks is not answering DunaHub's questions right now. Records are "
    "still being sent. Try again later.",
    FailureReason.TOO_OFTEN: "That was asked of QuickBooks many times within the last hour. Try "
    "again in an hour; records go out as usual meanwhile.",
    FailureReason.REFUSED: "QuickBooks did not accept the request. Try again in a few minutes. If "
    "it happens again, tell DunaHub support.",
    FailureReason.OTHER: "Try again in a few minutes. If it happens again, tell DunaHub support.",
}
_SENDS: Final = frozenset({ActionResult.RETRIED, ActionResult.RETRIED_OTHERS, ActionResult.SENDING})
"""Results that say "now", which is true only while records go out."""
_TO_COME: Final = _SENDS | {
    ActionResult.LINKED,
    ActionResult.KEPT,
    ActionResult.UNDONE,
    ActionResult.CHOSEN,
    ActionResult.REPLACED,
    ActionResult.COMPARING,
}
_OF_CONNECTION: Final = {
    ActionResult.CONNECTED: "Connected to {company}. What you save from now on is sent "
    "automatically.",
    ActionResult.RECONNECTED: "Connected to {company} again. {backlog}",
    ActionResult.CONFIRMED: "DunaHub sends to {company} from now on.",
    ActionResult.CHECKED: "QuickBooks answered: the connection to {company} works. Nothing in your "
    "books was changed.",
}
"""Messages that are true only while it is connected."""


def flash(code: str, status: StatusView) -> Flash | None:
    """Return the message for a code; None where there is none, or it is no longer true.

    Args:
        code: as it stands in the page's address, so it may be anything.
        status: as it is now; messages about the connection are made from it.
    """
    head, _, tail = code.partition(".")
    result = next((known for known in ActionResult if known.value == head), None)
    why = next((one for one in FailureReason if one.value == tail), None)
    if result not in _FAILED:
        why = None
    if result is None or not _still_true(result, status):
        return None
    if why is not None and status.status is not Status.TOKEN_EXPIRED:
        return Flash("bad", f"{_FAILED[result]} {_REASONS[why]}")
    if result is ActionResult.CHECK_FAILED:
        return _check_failed(status)
    if result in _OF_CONNECTION:
        backlog = "What was waiting goes out now." if status.waiting else "Nothing was waiting."
        return Flash("good", _OF_CONNECTION[result].format(company=status.company, backlog=backlog))
    if result in _SENDS and (until := _held_until(status)):
        return Flash("plain", f"It is sent automatically {until}.")
    return attrs.evolve(_FIXED[result], look_again=result in _TO_COME)


def because(result: ActionResult, why: FailureReason | None) -> str:
    """Return the code of a result, with the reason if there is one."""
    return result.value if why is None else f"{result.value}.{why.value}"


def tone_of(code: str) -> str:
    """Return the tone of a code's message."""
    head = code.partition(".")[0]
    known = next((one for one in ActionResult if one.value == head), ActionResult.TROUBLE)
    if known is ActionResult.CHECK_FAILED:
        return "bad"
    return _FIXED[known].tone if known in _FIXED else "good"


def _still_true(result: ActionResult, status: StatusView) -> bool:
    connected = status.status is Status.CONNECTED
    if result in _OF_CONNECTION:
        return connected
    if result is ActionResult.CONFIRM:
        return status.pending is not None
    return result not in {ActionResult.DISCONNECTED, ActionResult.NOT_REVOKED} or not connected


def _held_until(status: StatusView) -> str:
    """Return what must come before anything is sent; empty where nothing must."""
    if status.status is Status.TOKEN_EXPIRED:
        return "once you reconnect to QuickBooks"
    return "when the pause below is over" if status.pause is not None else ""


def _check_failed(status: StatusView) -> Flash:
    if status.status is Status.TOKEN_EXPIRED:
        return Flash("bad", "QuickBooks no longer accepts our access. Press Reconnect below.")
    if status.pause is not None:
        return Flash("bad", f"The check did not go through. {status.pause.title}.")
    return Flash(
        "bad",
        "The check did not go through: QuickBooks gave no usable answer. Nothing is lost. Try "
        "again in a few minutes.",
    )
