"""What QuickBooks should hold, in plain Python: the product rules, without any of the plugin.

A record is known by its kind ("customer", "invoice", "payment") and number. Its content is what
was last saved of it: for an invoice or a payment its cents, for a voided invoice `VOID`, for a
customer a version.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

VOID = -1
"""The content of an invoice that the CRM voided."""

Key = tuple[str, int]
PARENT_KIND = {"invoice": "customer", "payment": "invoice"}
CUSTOMERS = 3
INVOICES = 5


def parent_of(key: Key) -> Key | None:
    """Return the customer of an invoice, or the invoice of a payment."""
    kind, number = key
    if kind == "invoice":
        return ("customer", number % CUSTOMERS)
    return ("invoice", number % INVOICES) if kind == "payment" else None


class Seen(StrEnum):
    """The state that people see."""

    SYNCED = "Synced"
    WAITING = "Waiting"
    ATTENTION = "Needs attention"
    NOT_SENT = "Not sent"


@attrs.define
class Record:
    """One record of one company.

    Attributes:
        content: what it shall be.
        connection_period: the connected period that it was last changed in.
        synced: what QuickBooks was last told; None when it was told nothing, or it is gone.
        there: QuickBooks holds it, as far as the office can know.
        deleted: the bookkeeper deleted it there.
        noticed: we noticed that.
        alone: a payment, and when it was to be sent nobody had told of its invoice.
        total_there: cents that the bookkeeper changed it to, until it is sent again.
        held: it is not to be sent, by decision.
        tried: a worker may have set about creating it, and a worker ends what it began: if it was
            voided since, it may be there and be void.
        unsure: QuickBooks' answer was lost, so it may have been carried out unknown to us.
    """

    content: int
    connection_period: int
    synced: int | None = None
    there: bool = False
    deleted: bool = False
    noticed: bool = False
    alone: bool = False
    total_there: int | None = None
    held: bool = False
    tried: bool = False
    unsure: bool = False


@attrs.define
class Company:
    """One QuickBooks company of one organization.

    Attributes:
        revoked: somebody ended our access at Intuit.
        renewal_lost: a process died before it could store what Intuit had renewed; the old value
            may be worth nothing any more.
    """

    connection_period: int = 1
    connected: bool = True
    revoked: bool = False
    renewal_lost: bool = False
    expired: bool = False
    records: dict[Key, Record] = attrs.field(factory=dict)


@attrs.define
class Org:
    """One organization."""

    us: bool = True
    stopped: bool = False
    current: str | None = None
    pending: str | None = None
    companies: dict[str, Company] = attrs.field(factory=dict)

    @property
    def company(self) -> Company | None:
        """The company that records go to."""
        return None if self.current is None else self.companies[self.current]

    @property
    def live(self) -> bool:
        """Whether anything is sent."""
        company = self.company
        return (
            company is not None and company.connected and not company.expired and not self.stopped
        )

    def has(self, holds: Callable[[Record], bool]) -> bool:
        """Whether a record of the present company is of some sort."""
        return self.company is not None and any(map(holds, self.company.records.values()))

    # What the office does.

    def connect(self, realm: str) -> None:
        """Consent to a company; another one than the present awaits a yes."""
        if self.current is not None and realm != self.current:
            self.pending = realm
            self._granted(realm)
            return
        self.current = realm
        self.pending = None
        self._granted(realm)
        self._resume(realm)

    def confirm(self) -> None:
        """Say yes to the other company."""
        if self.pending is None or self.company is None:
            return
        self._leave(self.company)
        self.current, self.pending = self.pending, None
        self._resume(self.current)

    def decline(self) -> None:
        """Say no to it."""
        self.pending = None

    def disconnect(self) -> None:
        """Stop sending; another company that awaits a yes is let go."""
        self.pending = None
        if self.company is not None:
            self._leave(self.company)

    def _granted(self, realm: str) -> None:
        known = self.companies.get(realm)
        if known is not None:
            known.revoked = known.renewal_lost = known.expired = False
        self.stopped = False

    def _resume(self, realm: str) -> None:
        company = self.companies.setdefault(realm, Company())
        if not company.connected:
            company.connected = True
            company.connection_period += 1

    @staticmethod
    def _leave(company: Company) -> None:
        if company.connected:
            company.connected = company.expired = company.revoked = False
            company.connection_period += 1

    # What the CRM does.

    def leave_us(self) -> None:
        """Move to another region."""
        self.us = False
        self.stopped = bool(self.companies)

    def save(self, key: Key, content: int, *, sendable: bool = True) -> None:
        """Save a record; an invoice brings its customer along."""
        company = self.company
        if company is None:
            return
        customer = parent_of(key)
        if key[0] == "invoice" and customer is not None:
            known = company.records.get(customer)
            self._write(company, customer, known.content if known else 0, as_parent=True)
        self._write(company, key, content, sendable=sendable)

    @staticmethod
    def _write(
        company: Company, key: Key, content: int, *, sendable: bool = True, as_parent: bool = False
    ) -> None:
        record = company.records.get(key)
        if record is None:
            company.records[key] = Record(content, company.connection_period, held=not sendable)
        elif record.content != content:
            record.content, record.connection_period = content, company.connection_period
            record.held, record.noticed = not sendable, False
        elif as_parent and record.synced != content and not record.held:
            record.connection_period = company.connection_period

    def send_left_behind(self) -> None:
        """Press "Send all" on what was not sent."""
        if self.company is not None and self.company.connected:
            for record in self.company.records.values():
                if record.synced != record.content and not record.held:
                    record.connection_period = self.company.connection_period
                    record.noticed = False

    def retry(self) -> None:
        """Press "Retry all": what was deleted in QuickBooks is made anew."""
        if self.company is not None:
            for record in self.company.records.values():
                if self._is_due(record) and record.noticed:
                    record.noticed = record.deleted = record.there = False

    # What comes of it.

    def settle(self) -> None:
        """Send everything that can be sent."""
        company = self.company
        if company is None or not self.live:
            return
        if company.revoked:
            return
        for kind in ("customer", "invoice", "payment"):
            for key, record in sorted(company.records.items()):
                if key[0] == kind and self._is_due(record):
                    self._send(company, key, record)

    def _is_due(self, record: Record) -> bool:
        company = self.company
        return (
            company is not None
            and record.connection_period == company.connection_period
            and not record.held
            and record.synced != record.content
        )

    def would_try(self, key: Key) -> bool:
        """Whether a worker would ask QuickBooks something about a record."""
        assert self.company is not None
        record = self.company.records[key]
        there = record.there or record.unsure or record.content != VOID
        return self._is_due(record) and there and not record.noticed and not self.waits(key)

    def waits(self, key: Key) -> bool:
        """Whether a record waits for its parent to be in QuickBooks."""
        assert self.company is not None
        parent = parent_of(key)
        if parent is None or self.company.records[key].content == VOID:
            return False
        found = self.company.records.get(parent)
        return found is None or not found.there

    def _send(self, company: Company, key: Key, record: Record) -> None:
        if record.content == VOID and not record.there:
            record.held = True
            return
        record.alone = self.is_alone(key)
        if self.waits(key) or record.noticed:
            return
        if record.deleted:
            record.noticed = True
            return
        parent = parent_of(key)
        if key[0] == "payment" and parent is not None and company.records[parent].deleted:
            company.records[parent].noticed = True
            company.records[parent].synced = None
            return
        record.synced, record.there, record.total_there = record.content, True, None
        record.unsure = False

    def seen(self, key: Key) -> Seen:
        """Return the state that people see of a record of the present company."""
        company = self.company
        assert company is not None
        record = company.records[key]
        if record.held:
            return Seen.NOT_SENT
        if record.synced == record.content:
            return Seen.SYNCED
        if record.connection_period != company.connection_period or not company.connected:
            return Seen.NOT_SENT
        if record.noticed or (record.alone and self.is_alone(key)):
            return Seen.ATTENTION
        return Seen.WAITING

    def is_alone(self, key: Key) -> bool:
        """Return whether it is a payment on an invoice of which nobody has told."""
        company, parent = self.company, parent_of(key)
        return key[0] == "payment" and company is not None and parent not in company.records
