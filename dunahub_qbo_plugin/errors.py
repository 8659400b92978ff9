"""Every error that this plugin raises.

::

    QuickBooksPluginError
    ├── ConfigurationError          an operator must act (keys, addresses, database)
    ├── NotConnected                a person must connect
    ├── GrantRevoked                Intuit refused the refresh token: a person must reconnect
    ├── LeaseLost                   another worker has taken the company over: send nothing more
    ├── MappingError                the record cannot be expressed in QuickBooks; edit it
    └── QboError                    a refusal by QuickBooks, or no answer
        ├── Unreachable             no answer: it may or may not have been carried out
        ├── Busy                    throttled or out of order: try again later
        │   └── ReadsRefused        reads alone are throttled, or used up for this month
        ├── Unauthorized            the access token was not accepted
        ├── Forbidden               the app or the person may not use this company
        ├── Stale                   the object changed in QuickBooks since we last saw it (5010)
        ├── DuplicateName           the name is taken (6240)
        ├── DuplicateNumber         the document number is taken (6140)
        ├── DuplicateRequest        the request key was used before (600)
        ├── BadReference            something referred to is deleted or inactive (610, 2500)
        └── Refused                 any other definite refusal

No error carries a token, a client secret or a request body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.model import ErrorInfo, Fact


class QuickBooksPluginError(Exception):
    """Base of all errors of this plugin."""


class ConfigurationError(QuickBooksPluginError):
    """An operator must act; the text says on what, and with which command."""


class NotConnected(QuickBooksPluginError):
    """The organization has no usable connection to a QuickBooks company."""


class GrantRevoked(QuickBooksPluginError):
    """Intuit no longer accepts the refresh token: expired, revoked, or the user lost access."""


class LeaseLost(QuickBooksPluginError):
    """The lease is gone: another worker drains the company; nothing more may be sent."""


class MappingError(QuickBooksPluginError):
    """A record cannot be expressed in QuickBooks; a person must change it in DunaHub.

    Attributes:
        code: a stable name of the cause, such as ``name-missing``; `advice.refusals` has the words.
        subject: what it is about (a customer, an item), for grouping; may be empty.
        facts: what the words for it need, by name.
    """

    def __init__(
        self, code: str, *, subject: str = "", facts: Mapping[str, Fact] | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.subject = subject
        self.facts = facts or {}


class QboError(QuickBooksPluginError):
    """A refusal by QuickBooks, or no answer.

    Attributes:
        info: status, code, text and ``intuit_tid``, already redacted and cut.
        refuses: True for a QuickBooks Fault that says that nothing was carried out.
    """

    def __init__(self, info: ErrorInfo, *, refuses: bool = False) -> None:
        super().__init__(f"{info.status or 'no answer'} {info.code}: {info.text}")
        self.info = info
        self.refuses = refuses


class Unreachable(QboError):
    """No answer came: the request may or may not have been carried out.

    Attributes:
        sent: False when it is certain that nothing reached QuickBooks (no connection was made).
    """

    def __init__(self, info: ErrorInfo, *, sent: bool) -> None:
        super().__init__(info)
        self.sent = sent


class Busy(QboError):
    """Throttled (429), out of order (5xx), or a fault that Intuit calls temporary.

    Attributes:
        retry_after: seconds that QuickBooks asked to wait, None if it did not say.
        throttled: True if the whole company must pause, not only this record.
    """

    def __init__(
        self,
        info: ErrorInfo,
        *,
        retry_after: float | None = None,
        throttled: bool = False,
        refuses: bool = False,
    ) -> None:
        super().__init__(info, refuses=refuses)
        self.retry_after = retry_after
        self.throttled = throttled


class ReadsRefused(Busy):
    """QuickBooks answers no reads for a while, or would not: what needs none goes on."""


class Unauthorized(QboError):
    """The access token was not accepted (401)."""


class Forbidden(QboError):
    """The app or the person may not use this company (403)."""


class Stale(QboError):
    """The object changed in QuickBooks since we last saw it (5010)."""


class DuplicateName(QboError):
    """A customer, vendor or employee already has the name (6240)."""


class DuplicateNumber(QboError):
    """Another transaction already has the document number (6140)."""


class DuplicateRequest(QboError):
    """The request key was used before (600); whether it took effect must be looked up."""


class BadReference(QboError):
    """A customer, item or transaction that was referred to is deleted or inactive (610, 2500)."""


class Refused(QboError):
    """Any other definite refusal; nothing was carried out."""


def cause_of(error: Exception) -> str:
    """Return what a log may tell of an error.

    Those of libraries are told by their names: their texts may hold addresses and values.
    """
    return str(error) if isinstance(error, ConfigurationError) else type(error).__name__
