"""What the CRM holds, save by save: the truth that QuickBooks is to agree with.

Promises to know which content of a record is the newest, also where the clock was set back.
Promises that what was rolled back is never taken for saved.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from dunahub_hookspecs import (
    Invoice,
    InvoiceStatus,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Region,
)
from dunahub_qbo_plugin.model import Kind, RecordKey, snapshot

if TYPE_CHECKING:
    from datetime import datetime

    from tests.simulation.scheduler import Life

DAY = date(2026, 3, 2)
LEADS, INVOICES, PAYMENTS = 3, 5, 8
FOREIGN = 9
"""Number of an invoice that the plugin is never told of."""

Value = Lead | Invoice | Payment


@attrs.define(eq=False)
class Save:
    """One save of one record.

    Attributes:
        at: what the machine's clock said when the hook was called.
        called: the step at which it was.
        heard: the step at which it had returned; None before.
        unsure: the clock had been set back a moment before, so that processes do not agree on time.
        brought: a lead that an invoice brought along, as it was when the invoice was made.
        kept_in_memory: the database did not take it at once.
    """

    value: Value
    request: Request
    at: datetime
    called: int = 0
    heard: int | None = None
    unsure: bool = False
    brought: bool = False
    kept_in_memory: bool = False


@attrs.define(eq=False)
class Request:
    """One request of a host, which saved some records.

    Attributes:
        life: of the host.
        step: the run's step at which it was committed in the CRM.
        us: the organization was in the US, as far as this host knew.
        told: the step at which the hooks had returned; None before.
        undone: the host's transaction was rolled back.
    """

    life: Life
    step: int
    us: bool
    told: int | None = None
    undone: bool = False


@attrs.define(eq=False)
class Record:
    """One record of one organization."""

    key: RecordKey
    saves: list[Save] = attrs.field(factory=list)
    busy: bool = False
    """In a host's open transaction."""

    @property
    def standing(self) -> list[Save]:
        """Saves that were not taken back, oldest first."""
        return [save for save in self.saves if not save.request.undone]

    @property
    def last(self) -> Save | None:
        """The newest save."""
        standing = self.standing
        return standing[-1] if standing else None

    @property
    def changed_at(self) -> int:
        """The step at which it was last saved with another content than before.

        Of two hooks at the same time the plugin may have taken the last one's first: the other
        one then changed nothing.
        """
        step, text = 0, ""
        standing = self.standing
        last = self.last
        for save in standing:
            if save is not last and last and (save.heard or 0) > last.called:
                continue
            if snapshot.dump(save.value) != text:
                step, text = save.request.step, snapshot.dump(save.value)
        return step

    @property
    def contents(self) -> set[str]:
        """Everything that it was ever saved as."""
        return {snapshot.dump(save.value) for save in self.standing}

    def newest(self) -> list[Save]:
        """Return the saves that may count as the newest.

        Several where the clock was set back, or where an invoice may have brought an old lead.
        """
        standing = self.standing
        if not standing:
            return []
        last = standing[-1]
        itself = next((save for save in reversed(standing) if not save.brought), last)
        return [
            save
            for save in standing
            if save in (last, itself)
            or save.at >= last.at
            or save.called > last.called
            or (save.unsure and last.unsure)
        ]


@attrs.define(eq=False)
class Org:
    """One organization, as the CRM has it."""

    id: str
    realms: tuple[str, ...]
    us: bool = True
    moved: int = 0
    """The step at which its region was changed last."""
    moving: bool = False
    """Nobody has looked at its page since."""
    records: dict[RecordKey, Record] = attrs.field(factory=dict)

    def value(self, *, us: bool | None = None) -> Organization:
        """Return what hooks are given; a host may not know the newest region yet."""
        here = self.us if us is None else us
        return Organization(id=self.id, name=self.id, region=Region.US if here else Region.BR)

    def record(self, kind: Kind, number: int) -> Record:
        """Return a record, made when it is first asked for."""
        return self.of(RecordKey(kind=kind, local_id=f"{self.id}-{kind.value}-{number}"))

    def of(self, key: RecordKey) -> Record:
        """Return a record by its key."""
        return self.records.setdefault(key, Record(key))

    def lead(self, number: int) -> Lead:
        """Return a lead as it is now."""
        last = self.record(Kind.CUSTOMER, number).last
        return last.value if last and isinstance(last.value, Lead) else lead(self.id, number, 0)

    def invoice(self, number: int) -> Invoice | None:
        """Return an invoice as it is now."""
        last = self.record(Kind.INVOICE, number).last
        return last.value if last and isinstance(last.value, Invoice) else None

    def payments_of(self, invoice: int) -> list[Payment]:
        """Return the payments on an invoice that QuickBooks is to have."""
        found = []
        for record in self.records.values():
            value = record.last.value if record.last else None
            if isinstance(value, Payment) and value.invoice_id == f"{self.id}-invoice-{invoice}":
                found.append(value)
        return [one for one in found if one.collected_by_dunahub]

    def open_cents(self, invoice: int) -> int:
        """Return what of an invoice nobody has paid yet."""
        bill = self.invoice(invoice)
        if bill is None or bill.status is InvoiceStatus.VOID:
            return 0
        paid = sum((one.amount for one in self.payments_of(invoice)), Decimal(0))
        return int((bill.total - paid) * 100)


def lead(org: str, number: int, version: int) -> Lead:
    """Make a lead; its e-mail tells the version."""
    local_id = f"{org}-customer-{number}"
    return Lead(id=local_id, name=local_id, email=f"v{version}@{local_id}.example")


def invoice(org: Org, number: int, cents: int, *, void: bool = False, message: str = "") -> Invoice:
    """Make an invoice for the lead as it is now."""
    local_id = f"{org.id}-invoice-{number}"
    return Invoice(
        id=local_id,
        number=f"{org.id[0].upper()}-{number}",
        lead=org.lead(number % LEADS),
        lines=(LineItem(description="Work", unit_price=Decimal(cents) / 100),),
        issued_on=DAY,
        status=InvoiceStatus.VOID if void else InvoiceStatus.OPEN,
        message=message,
    )


def payment(org: Org, number: int, of: int, cents: int, *, cash: bool = False) -> Payment:
    """Make a payment on an invoice."""
    local_id = f"{org.id}-payment-{number}"
    return Payment(
        id=local_id,
        invoice_id=f"{org.id}-invoice-{of}",
        invoice_number=f"{org.id[0].upper()}-{of}",
        amount=Decimal(cents) / 100,
        method=PaymentMethod.CASH if cash else PaymentMethod.CARD,
        collected_by_dunahub=not cash,
        paid_on=DAY,
        reference=f"pi_{local_id}"[:21],
    )
