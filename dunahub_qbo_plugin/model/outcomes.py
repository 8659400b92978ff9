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
    """An object in QuickBooks, as a write or a look gave it back.

    Attributes:
        total: ``TotalAmt``, dollars; None for customers.
        number: the ``DocNumber`` that QuickBooks gave or kept; empty where there is none.
        customer_id: Id of the customer that a document is booked on; None for customers.
        unapplied: ``UnappliedAmt``: what of a payment pays nothing, dollars; None for others.
        kept: JSON of what a later update has to say again; empty where it has not.
    """

    remote: RemoteRef
    total: Decimal | None = None
    number: str = ""
    customer_id: str | None = None
    unapplied: Decimal | None = None
    kept: str = attrs.field(default="", repr=False)
    intuit_tid: str = ""


@attrs.frozen(kw_only=True)
class Synced:
    """QuickBooks holds what the intent says.

    Attributes:
        adopted: True when the object was found by a look, not told by the answer to our write.
        sent: JSON of what we have sent of it, where more is known of that than the intent says.
        again: True when it may hold another state of ours than the intent says: after a restore
            nobody knows what was sent since the backup. The newest state then follows as an update.
        note: what is worth telling in the history.
    """

    written: Written
    adopted: bool = False
    sent: str = attrs.field(default="", repr=False)
    again: bool = False
    note: Note | None = None


@attrs.frozen(kw_only=True)
class Skipped:
    """There is nothing to send, by decision (a void of what was never there)."""

    skip_reason: SkipReason


@attrs.frozen(kw_only=True)
class Unchanged:
    """QuickBooks holds what DunaHub wants of it, or what a person decided to leave there.

    Attributes:
        sent: JSON of what counts as sent from now on; empty where that is as it was.
        kept: JSON of what QuickBooks has, as in `Written`.
        fingerprint: of the desired state that this is.
        total: what the host says the document amounts to, dollars.
    """

    sent: str = attrs.field(default="", repr=False)
    kept: str = attrs.field(default="", repr=False)
    fingerprint: str = ""
    total: Decimal | None = None


@attrs.frozen(kw_only=True)
class Waiting:
    """Nothing was sent: a parent is not in QuickBooks yet.

    Attributes:
        look_after: seconds after which it is looked at again although the parent has not come;
            None to wait for the parent alone.
    """

    parent: RecordKey
    look_after: float | None = None


@attrs.frozen(kw_only=True)
class Retry:
    """It is tried again automatically.

    Attributes:
        info: why.
        after: seconds to wait; None for the usual back-off.
        keeps_key: True when the request may have been carried out: its key and body are kept.
        seen: what QuickBooks holds now, when that was learned (after 5010).
        sent: JSON of what of it is ours, where that was learned with it; else empty.
        doubtful: True when QuickBooks may hold something else than it was last heard to hold.
        company_wide: the whole company waits, not only this record.
        note: for the history.
    """

    info: ErrorInfo
    after: float | None = None
    keeps_key: bool = False
    doubtful: bool = False
    seen: Written | None = None
    sent: str = attrs.field(default="", repr=False)
    company_wide: bool = False
    note: Note | None = None


@attrs.frozen(kw_only=True)
class Rejected:
    """A person must mend or decide something; it is not tried again before that.

    Attributes:
        info: why.
        keeps_key: True when an earlier try may have been carried out.
        doubtful: as in `Retry`.
        candidate: an object in QuickBooks that the record could be linked to.
        candidate_name: how QuickBooks calls that object.
        made: what our write had made, which is gone again; a later save must not make it anew.
    """

    info: ErrorInfo
    keeps_key: bool = False
    doubtful: bool = False
    made: RemoteRef | None = None
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
        keeps_key: as in `Retry`.
        reauthorize: the access token was refused: renew it and go on.
    """

    info: ErrorInfo
    keeps_key: bool = False
    reauthorize: bool = False


Outcome = Synced | Skipped | Unchanged | Waiting | Retry | Rejected | ParentGone | Paused
