"""A record: what is to be sent of it, and where it stands."""

from __future__ import annotations

import hashlib
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
"""The code of a record whose object was deleted or made inactive in QuickBooks."""
VOIDED: Final = "voided"
"""The code of a record whose object was voided in QuickBooks, and not by us."""
AMBIGUOUS: Final = "ambiguous"
"""The code of a record of which QuickBooks has something that may be it, or another one."""
BOTH_CHANGED: Final = "both-changed"
"""The code of a record of which DunaHub and somebody in QuickBooks changed the same thing."""
QUESTIONS: Final = (GONE, VOIDED, AMBIGUOUS, BOTH_CHANGED)
"""Codes that ask a person about one record: only that record's own Retry answers yes."""
KEEP_THEIRS: Final = "keep-theirs"
"""The answer to `BOTH_CHANGED` that leaves what QuickBooks has; Retry is the other one."""
PARENT_UNKNOWN: Final = "parent-unknown"
"""The code of a payment of whose invoice DunaHub never told us."""
PARENT_SKIPPED: Final = "parent-withheld"
"""The code of a record whose parent is not there and, by decision, will not be."""


MAX_ID_LENGTH: Final = 200
"""Characters of an id of the host's; PostgreSQL indexes no more than some 2,700 bytes."""


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


def storable_id(host_id: str) -> str:
    """Return an id of the host's as every database can store and index it.

    An id of a sensible length without control characters is itself; any other one is told apart by
    its digest. What is storable stays as it is.
    """
    if len(host_id) <= MAX_ID_LENGTH and host_id.isprintable():
        return host_id
    digest = hashlib.sha256(host_id.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    start = "".join(character for character in host_id[:60] if character.isprintable())
    return f"{start}~{digest}"


@attrs.frozen(kw_only=True)
class RecordKey:
    """A record of one company: its kind and the host's id of it, made storable."""

    kind: Kind
    local_id: str = attrs.field(converter=storable_id)

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
    """

    id: str
    sync_token: str


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
        cause: the name of its row in `qbo.fault_table`; empty for a name of ours.
        facts: what the words for it need, by name; each code has its own.
    """

    code: str
    text: str = ""
    status: int | None = None
    element: str = ""
    intuit_tid: str = ""
    subject: str = ""
    cause: str = ""
    facts: Mapping[str, Fact] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class Intent:
    """A write that was decided and committed before it left.

    Attributes:
        entity: QuickBooks' entity in a path: ``customer``, ``invoice`` or ``payment``.
        operation: what it does.
        body: the exact JSON text; every resend uses it to the letter.
        base: JSON of what DunaHub wants of the object, where the body holds more (what QuickBooks
            has besides) or less; empty where the body is just that.
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
    base: str = attrs.field(default="", repr=False)


@attrs.frozen(kw_only=True)
class Parent:
    """What a record stands on: an invoice's customer, or a payment's invoice.

    Attributes:
        label: how people call it; empty when DunaHub never told us of it.
        remote_id: its Id in QuickBooks, None while it is not there.
        pending: True while a change of it is still to be sent.
        skipped: True when it is not there and, by decision, will not be.
        known: False when DunaHub never told us of it.
    """

    key: RecordKey
    label: str = ""
    remote_id: str | None = None
    pending: bool = False
    skipped: bool = False
    known: bool = True


@attrs.frozen(kw_only=True)
class Claim:
    """A due record, with everything that is needed to make QuickBooks agree.

    Attributes:
        version: counts the changes in DunaHub; tells whether one came while we worked.
        fingerprint: of ``value``.
        value: what it shall look like; None where the stored text cannot be read.
        remote: the object in QuickBooks, None until there is one.
        sent: JSON of what our last write that went through said; empty before.
        doubtful_fields: QuickBooks' fields that a later write may have changed, unknown to us.
        current: JSON of what QuickBooks answered of it, where an update must say that again.
        customer_id: for a payment, Id of the customer that its invoice is booked on in QuickBooks:
            not always the one that DunaHub wants it on by now.
        skip_reason: why it is not to be sent; such a record is only due because of an earlier write
            whose outcome is not known.
        synced_fingerprint: of what QuickBooks was last heard to hold.
        synced_total: what that amounts to, dollars; nothing after a void.
        remote_total: what QuickBooks was last heard to total, dollars; None before.
        applied: what of a payment QuickBooks was last heard to apply, dollars; None before.
        request_seq: how many of its intents have ended; part of the next request key.
        look_first: until when a look precedes each create, since a backup was restored; None where
            none was. It tells one restore from another, too.
        error_code: why the last try failed; None where it did not.
        declined: Id of an object that was offered as this very record, and the person pressed
            Retry instead: a look leaves it out.
        consent: the question about this record that a person answered with yes (see `QUESTIONS`),
            or `KEEP_THEIRS`.
        saved_at: when the hook fired.
        intent: a write that was committed earlier and never got a definite answer.
        intent_at: when that was.
        intent_sent_at: when it last may have left.
    """

    record_id: int
    key: RecordKey
    label: str
    version: int
    fingerprint: str
    value: Value | None = attrs.field(repr=False)
    remote: RemoteRef | None = None
    sent: str = attrs.field(default="", repr=False)
    doubtful_fields: frozenset[str] = frozenset()
    current: str = attrs.field(default="", repr=False)
    parent: Parent | None = None
    customer_id: str | None = None
    skip_reason: SkipReason | None = None
    synced_fingerprint: str | None = None
    synced_total: Decimal | None = None
    remote_total: Decimal | None = None
    applied: Decimal | None = None
    attempts: int = 0
    request_seq: int = 0
    look_first: datetime | None = None
    error_code: str | None = None
    declined: str | None = None
    consent: str | None = None
    saved_at: datetime | None = None
    intent: Intent | None = None
    intent_at: datetime | None = None
    intent_sent_at: datetime | None = None
