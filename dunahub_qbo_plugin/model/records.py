"""A record: what is to be sent of it, and where it stands."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import attrs

from dunahub_hookspecs import Invoice, Lead, Payment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

Value = Lead | Invoice | Payment
Fact = str | int
"""One thing that the words for an error need: JSON; dollars are a text, as `str` writes them."""

GONE: Final = "gone"
"""The code of a record whose object was deleted in QuickBooks: asked again, it is created again."""
PARENT_SKIPPED: Final = "parent-withheld"
"""The code of a record whose parent is not there and, by decision, will not be."""


class Kind(StrEnum):
    """The kinds of record that are sent, in the order in which they go out."""

    CUSTOMER = "customer"
    INVOICE = "invoice"
    PAYMENT = "payment"

    @property
    def word(self) -> str:
        """The word for it in a sentence."""
        return self.value


class Operation(StrEnum):
    """What a request does to the object in QuickBooks."""

    CREATE = "create"
    UPDATE = "update"
    VOID = "void"


class RecordState(StrEnum):
    """The four states of a record that people see (rule 21)."""

    SYNCED = "Synced"
    WAITING = "Waiting"
    ATTENTION = "Needs attention"
    NOT_SENT = "Not sent"


class Status(StrEnum):
    """The three states of a connection that people see (rule 14)."""

    CONNECTED = "Connected"
    NOT_CONNECTED = "Not connected"
    TOKEN_EXPIRED = "Token expired"  # noqa: S105  a status, not a secret


class SkipReason(StrEnum):
    """Why a record is kept back by decision, not by failure."""

    INELIGIBLE = "ineligible"
    """A payment that was not collected through DunaHub's card or ACH flow."""
    VOIDED_UNSENT = "voided-unsent"
    """An invoice that was voided before QuickBooks ever had it."""
    DISMISSED = "dismissed"
    """The office decided not to send it."""


@attrs.frozen(kw_only=True)
class RecordKey:
    """A record of one company: its kind and the host's id of it."""

    kind: Kind
    local_id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.local_id}"

    @classmethod
    def parse(cls, text: str) -> RecordKey:
        """Read what `str` wrote."""
        kind, _, local_id = text.partition(":")
        return cls(kind=Kind(kind), local_id=local_id)


@attrs.frozen(kw_only=True)
class RemoteRef:
    """An object in QuickBooks as we last saw it.

    Attributes:
        id: its Id.
        sync_token: its SyncToken.
        deposit_account: Id of the account that a payment is deposited to.
    """

    id: str
    sync_token: str
    deposit_account: str | None = None


@attrs.frozen(kw_only=True)
class ErrorInfo:
    """Why a try failed, ready to be stored and shown.

    Attributes:
        code: QuickBooks' code ("6240"), or a name of ours ("unreachable", "name-missing").
        text: QuickBooks' own text, redacted and cut.
        status: the HTTP status, None without an answer.
        element: the field that QuickBooks named, if any.
        intuit_tid: Intuit's id of the exchange, which its support asks for.
        subject: what it is about, for grouping: an item's name, the holder of a customer's name by
            kind and Id, a parent's label. The same for all records that one fix helps.
        facts: what the words for it need, by name; each code has its own.
    """

    code: str
    text: str = ""
    status: int | None = None
    element: str = ""
    intuit_tid: str = ""
    subject: str = ""
    facts: Mapping[str, Fact] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class Intent:
    """A write that was decided and committed before it left.

    Attributes:
        entity: QuickBooks' entity in a path: ``customer``, ``invoice`` or ``payment``.
        operation: what it does.
        body: the exact JSON text; every resend uses it to the letter.
        request_key: the ``requestid`` of every resend.
        fingerprint: of the desired state that the body expresses.
        total: what the host says the document amounts to, dollars; None for customers.
    """

    entity: str
    operation: Operation
    body: str = attrs.field(repr=False)
    request_key: str
    fingerprint: str
    total: Decimal | None = None


@attrs.frozen(kw_only=True)
class Parent:
    """What a record stands on: an invoice's customer, or a payment's invoice.

    Attributes:
        label: how people call it; empty when DunaHub never told us of it.
        remote_id: its Id in QuickBooks, None while it is not there.
        pending: True while a change of it is still to be sent.
        skipped: True when it is not there and, by decision, will not be.
    """

    key: RecordKey
    label: str = ""
    remote_id: str | None = None
    pending: bool = False
    skipped: bool = False


@attrs.frozen(kw_only=True)
class Claim:
    """A due record, with everything that is needed to make QuickBooks agree.

    Attributes:
        version: counts the changes in DunaHub; tells whether one came while we worked.
        fingerprint: of ``value``.
        value: what it shall look like; None where the stored text cannot be read.
        remote: the object in QuickBooks, None until there is one.
        sent_fields: QuickBooks' fields that our last write filled in.
        customer_id: for a payment, Id of the customer that its invoice is booked on in QuickBooks:
            not always the one that DunaHub wants it on by now.
        skip_reason: why it is not to be sent; such a record is only due because of an earlier write
            whose outcome is not known.
        synced_fingerprint: of what QuickBooks holds.
        synced_total: what that amounts to, dollars; nothing after a void.
        request_seq: how many of its intents have ended; part of the next request key.
        look_first: True to look in QuickBooks before a create, as after restoring a backup.
        declined: Id of an object that was offered as this very record, and the person pressed
            Retry instead: a look leaves it out.
        intent: a write that was committed earlier and never got a definite answer.
        intent_at: when that was.
    """

    record_id: int
    key: RecordKey
    label: str
    version: int
    fingerprint: str
    value: Value | None = attrs.field(repr=False)
    remote: RemoteRef | None = None
    sent_fields: frozenset[str] = frozenset()
    parent: Parent | None = None
    customer_id: str | None = None
    skip_reason: SkipReason | None = None
    synced_fingerprint: str | None = None
    synced_total: Decimal | None = None
    attempts: int = 0
    request_seq: int = 0
    look_first: bool = False
    declined: str | None = None
    intent: Intent | None = None
    intent_at: datetime | None = None
