"""Results of connecting, checking and disconnecting."""

from __future__ import annotations

from enum import StrEnum

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


class CallbackKind(StrEnum):
    """How a visit to Intuit's consent page ended."""

    CONNECTED = "connected"
    RECONNECTED = "reconnected"
    CONFIRM = "confirm"
    """Another company than before was chosen; nothing is sent until a person says yes."""
    DECLINED = "declined"
    FAILED = "failed"


class FailureReason(StrEnum):
    """Why an action failed."""

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


@attrs.frozen(kw_only=True)
class CallbackResult:
    """The result of a visit to Intuit's consent page.

    Attributes:
        why: why it failed; None when it did not.
    """

    kind: CallbackKind
    why: FailureReason | None = None


def failed(why: FailureReason) -> CallbackResult:
    """Return the result of a failed attempt to connect."""
    return CallbackResult(kind=CallbackKind.FAILED, why=why)


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
