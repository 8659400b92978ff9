"""Results of connecting, checking and disconnecting."""

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
    ReadsRefused,
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
    WRONG_COMPANY = "wrong-company"
    """The tokens are not those of the company that the address of the callback names."""
    CURRENCY = "currency"
    """The books are not kept in US dollars: nothing was connected (rule 41)."""
    SETUP = "setup"
    """A setting is missing or wrong: an operator must act."""
    REVOKED = "revoked"
    NOT_CONNECTED = "not-connected"
    FORBIDDEN = "forbidden"
    UNREACHABLE = "unreachable"
    BUSY = "busy"
    READS = "reads"
    """QuickBooks answers no reads; records are sent all the same."""
    TOO_OFTEN = "too-often"
    """It was asked for so often within the hour that everybody's reads would suffer."""
    REFUSED = "refused"
    OTHER = "other"


class OtherCurrency(QuickBooksPluginError):
    """A company's books are not kept in US dollars."""


class WrongCompany(QuickBooksPluginError):
    """Tokens are not those of the company that they came with."""


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


_REASONS: Final = (
    (WrongCompany, FailureReason.WRONG_COMPANY),
    (OtherCurrency, FailureReason.CURRENCY),
    (ConfigurationError, FailureReason.SETUP),
    (GrantRevoked, FailureReason.REVOKED),
    (NotConnected, FailureReason.NOT_CONNECTED),
    (Forbidden, FailureReason.FORBIDDEN),
    (ReadsRefused, FailureReason.READS),
    (Busy, FailureReason.BUSY),
    (Unreachable, FailureReason.UNREACHABLE),
    (QboError, FailureReason.REFUSED),
)


def why_of(error: QuickBooksPluginError) -> FailureReason:
    """Return the reason that an error stands for."""
    return next(
        (reason for kind, reason in _REASONS if isinstance(error, kind)), FailureReason.OTHER
    )
