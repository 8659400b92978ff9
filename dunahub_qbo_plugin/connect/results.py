"""Results of connecting, checking and disconnecting, with sentences for the office."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs

from dunahub_qbo_plugin.errors import (
    Busy,
    ConfigurationError,
    Forbidden,
    GrantRevoked,
    NotConnected,
    QboError,
    QuickBooksPluginError,
    Unreachable,
)

NOT_REVOKED: Final = (
    "Disconnected. Intuit could not be reached to revoke the access; it was deleted here and "
    "cannot be used any more. You can also remove it in QuickBooks under Apps."
)


class CallbackKind(StrEnum):
    """How a visit to Intuit's consent page ended."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    CONFIRM = "confirm"
    """Another company than before was chosen; nothing is sent until a person says yes."""
    DECLINED = "declined"
    FAILED = "failed"


class FailureReason(StrEnum):
    """Why an action failed; `WORDS` has the sentence for each."""

    LATE = "late"
    """The attempt to connect is over: too late, used before, or somebody else's."""
    NO_COMPANY = "no-company"
    SETUP = "setup"
    """A setting is missing or wrong: an operator must act."""
    REVOKED = "revoked"
    NOT_CONNECTED = "not-connected"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    REFUSED = "refused"
    OTHER = "other"


WORDS: Final = {
    FailureReason.LATE: "This attempt to connect has expired. Press Connect to QuickBooks again. "
    "The approval must be finished within 15 minutes, by whoever began it.",
    FailureReason.NO_COMPANY: "QuickBooks did not say which company to connect. Try again.",
    FailureReason.SETUP: "The QuickBooks setup is not complete. This is for whoever runs DunaHub.",
    FailureReason.REVOKED: "QuickBooks no longer accepts our access. Press Reconnect.",
    FailureReason.NOT_CONNECTED: "QuickBooks is not connected.",
    FailureReason.FORBIDDEN: "QuickBooks does not let DunaHub into this company: whoever "
    "connected it has no access to these books any more. An "
    "administrator of them must press Reconnect.",
    FailureReason.UNREACHABLE: "QuickBooks could not be reached just now. Try again in a few "
    "minutes.",
    FailureReason.BUSY: "QuickBooks asked for a pause. Nothing is lost: what waits goes out by "
    "itself once it is over.",
    FailureReason.REFUSED: "QuickBooks did not accept the request. Try again in a few minutes; if "
    "it stays, tell whoever runs DunaHub.",
    FailureReason.OTHER: "That did not work. Try again in a few minutes.",
}
"""Sentences for the office."""


@attrs.frozen(kw_only=True)
class CallbackResult:
    """The result of a visit to Intuit's consent page, with a sentence for the office.

    Attributes:
        why: why it failed; None when it did not.
    """

    kind: CallbackKind
    sentence: str
    why: FailureReason | None = None


@attrs.frozen(kw_only=True)
class Checked:
    """The result of a connection check.

    Attributes:
        why: why it does not; None when it does.
    """

    ok: bool
    sentence: str
    why: FailureReason | None = None


@attrs.frozen(kw_only=True)
class Disconnected:
    """The result of disconnecting.

    Attributes:
        revoked: False if Intuit could not be reached; the access is deleted here all the same.
    """

    revoked: bool
    sentence: str


def failed(why: FailureReason, sentence: str = "") -> CallbackResult:
    """Return a failed result, with a sentence of its own or the usual one."""
    return CallbackResult(kind=CallbackKind.FAILED, sentence=sentence or WORDS[why], why=why)


def why_of(error: QuickBooksPluginError) -> FailureReason:
    """Return the reason that an error stands for."""
    match error:
        case ConfigurationError():
            return FailureReason.SETUP
        case GrantRevoked():
            return FailureReason.REVOKED
        case NotConnected():
            return FailureReason.NOT_CONNECTED
        case Forbidden():
            return FailureReason.FORBIDDEN
        case Busy():
            return FailureReason.BUSY
        case Unreachable():
            return FailureReason.UNREACHABLE
        case QboError():
            return FailureReason.REFUSED
        case _:
            return FailureReason.OTHER


def words_of(error: QuickBooksPluginError) -> str:
    """Return the sentence for an error."""
    if isinstance(error, ConfigurationError):
        return f"This is for whoever runs DunaHub: {error}."
    return WORDS[why_of(error)]
