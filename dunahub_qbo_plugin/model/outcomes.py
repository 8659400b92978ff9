"""How a try to send a record ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from decimal import Decimal

    from dunahub_qbo_plugin.model.notes import Note
    from dunahub_qbo_plugin.model.records import ErrorInfo, RecordKey, RemoteRef, SkipReason


@attrs.frozen(kw_only=True)
class Written:
    """QuickBooks' answer to a write.

    Attributes:
        total: ``TotalAmt``, dollars; None for customers.
        number: the ``DocNumber`` that QuickBooks gave or kept; empty where there is none.
        customer_id: Id of the customer that a document is booked on; None for customers.
        unapplied: what of a payment pays no invoice, dollars.
    """

    remote: RemoteRef
    total: Decimal | None = None
    number: str = ""
    customer_id: str | None = None
    unapplied: Decimal | None = None
    intuit_tid: str = ""


@attrs.frozen(kw_only=True)
class Synced:
    """QuickBooks holds what the intent says.

    Attributes:
        sent_fields: QuickBooks' fields that the write filled in.
        adopted: True when the object was found by a look, not told by the answer to our write.
        note: what is worth telling in the history.
    """

    written: Written
    fingerprint: str
    sent_fields: frozenset[str] = frozenset()
    adopted: bool = False
    note: Note | None = None


@attrs.frozen(kw_only=True)
class Skipped:
    """There is nothing to send, by decision (a void of what was never there)."""

    skip_reason: SkipReason


@attrs.frozen(kw_only=True)
class Unchanged:
    """QuickBooks holds it already: a change was taken back before it was sent."""


@attrs.frozen(kw_only=True)
class Waiting:
    """Nothing was sent: a parent is not in QuickBooks yet."""

    parent: RecordKey


@attrs.frozen(kw_only=True)
class Retry:
    """It will be tried again by itself.

    Attributes:
        info: why.
        after: seconds to wait; None for the usual back-off.
        unknown: True when the request may have been carried out: its key and body are kept.
        remote: what QuickBooks holds now, when that was learned (after 5010).
        voided: True when it was found voided there although it is not to be.
        doubtful: True when QuickBooks may hold something else than it was last heard to hold.
        company_wide: the whole company waits, not only this record.
        note: for the history.
    """

    info: ErrorInfo
    after: float | None = None
    unknown: bool = False
    voided: bool = False
    doubtful: bool = False
    remote: RemoteRef | None = None
    company_wide: bool = False
    note: Note | None = None


@attrs.frozen(kw_only=True)
class Rejected:
    """A person must mend something; it is not tried again before that.

    Attributes:
        info: why.
        unknown: True when an earlier try may have been carried out (its key is kept).
        candidate: an object in QuickBooks that the record could be linked to.
        candidate_name: how QuickBooks calls that object.
    """

    info: ErrorInfo
    unknown: bool = False
    candidate: RemoteRef | None = None
    candidate_name: str = ""


@attrs.frozen(kw_only=True)
class ParentGone:
    """What the record stands on was deleted or made inactive in QuickBooks.

    The parent needs attention, and the record waits for it.
    """

    parent: RecordKey
    info: ErrorInfo


@attrs.frozen(kw_only=True)
class Paused:
    """The whole company stops; the record stays due as it is.

    Attributes:
        info: why.
        unknown: as in `Retry`.
        reauthorize: the access token was refused: renew it and go on.
    """

    info: ErrorInfo
    unknown: bool = False
    reauthorize: bool = False


Outcome = Synced | Skipped | Unchanged | Waiting | Retry | Rejected | ParentGone | Paused
