"""What the CRM keeps: organizations, people, leads, proposals, jobs, invoices and payments.

These are the CRM's own values. What plugins see of them is made in `contract`.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003  attrs resolves the annotations of its fields
from decimal import Decimal
from enum import StrEnum

import attrs

CENT = Decimal("0.01")


class ProposalStatus(StrEnum):
    """How far a proposal got."""

    SENT = "sent"
    APPROVED = "approved"
    DECLINED = "declined"


class JobStatus(StrEnum):
    """Whether the work is done."""

    SCHEDULED = "scheduled"
    COMPLETED = "completed"


class PaidBy(StrEnum):
    """How a payment was taken, as the office chooses it."""

    CARD = "card"
    ACH = "ach"
    CASH = "cash"
    CHECK = "check"
    BANK_TRANSFER = "bank_transfer"
    CARD_ELSEWHERE = "card_elsewhere"

    @property
    def label(self) -> str:
        """The words on the page."""
        return _LABELS[self]

    @property
    def through_dunahub(self) -> bool:
        """Whether DunaHub itself collected the money."""
        return self in (PaidBy.CARD, PaidBy.ACH)


_LABELS = {
    PaidBy.CARD: "Card, charged through DunaHub",
    PaidBy.ACH: "ACH, through DunaHub",
    PaidBy.CASH: "Cash",
    PaidBy.CHECK: "Check",
    PaidBy.BANK_TRANSFER: "Bank transfer",
    PaidBy.CARD_ELSEWHERE: "Card, on another terminal",
}


@attrs.frozen(kw_only=True)
class Mail:
    """What a plugin told the CRM, as it is kept: by its id, once."""

    id: str
    org_id: str | None
    about: str
    audience: str
    title: str
    text: str
    came_at: str
    panel: str | None
    over: bool


@attrs.frozen(kw_only=True)
class Company:
    """An organization: one contractor's company."""

    id: str
    name: str
    region: str
    timezone: str


@attrs.frozen(kw_only=True)
class Member:
    """Somebody of an organization's office, who can sign in."""

    id: str
    org_id: str
    name: str
    email: str
    role: str


@attrs.frozen(kw_only=True)
class Service:
    """Something that an organization sells."""

    id: str
    name: str
    unit_price: Decimal
    description: str = ""
    taxable: bool = False


@attrs.frozen(kw_only=True)
class LeadRecord:
    """A person or company that asked for work."""

    id: int = 0
    org_id: str
    name: str = ""
    company: str = ""
    email: str = ""
    phone: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""

    @property
    def title(self) -> str:
        """What the lead is called on pages."""
        return self.name or self.company or "(no name)"


@attrs.frozen(kw_only=True)
class Line:
    """One line of a proposal or an invoice."""

    service_id: str = ""
    service_name: str = ""
    description: str = ""
    quantity: Decimal = Decimal(1)
    unit_price: Decimal = Decimal(0)
    taxable: bool = False

    @property
    def amount(self) -> Decimal:
        """Dollars for the line, to the cent, half up."""
        return (self.quantity * self.unit_price).quantize(CENT, rounding="ROUND_HALF_UP")


@attrs.frozen(kw_only=True)
class Proposal:
    """An offer to a lead."""

    id: int = 0
    org_id: str
    lead_id: int
    title: str
    lines: tuple[Line, ...] = ()
    status: ProposalStatus = attrs.field(default=ProposalStatus.SENT, converter=ProposalStatus)

    @property
    def total(self) -> Decimal:
        """Dollars for the whole offer."""
        return subtotal(self.lines)


@attrs.frozen(kw_only=True)
class Job:
    """Work that was agreed on."""

    id: int = 0
    org_id: str
    lead_id: int
    proposal_id: int
    title: str
    scheduled_on: date
    status: JobStatus = attrs.field(default=JobStatus.SCHEDULED, converter=JobStatus)


@attrs.frozen(kw_only=True)
class InvoiceRecord:
    """A bill.

    Attributes:
        total: what the customer is asked to pay: the sum, unless somebody typed another figure.
        job_id: the job it was made from, 0 for none.
    """

    id: int = 0
    org_id: str
    lead_id: int
    job_id: int = 0
    number: str = ""
    lines: tuple[Line, ...] = ()
    discount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)
    total: Decimal
    issued_on: date
    due_on: date | None = None
    message: str = ""
    voided: bool = False

    @property
    def title(self) -> str:
        """What the invoice is called on pages."""
        return f"Invoice {self.number}" if self.number else f"Invoice without a number (#{self.id})"

    @property
    def computed_total(self) -> Decimal:
        """Dollars by the lines: their sum minus discount plus tax."""
        return subtotal(self.lines) - self.discount + self.tax


@attrs.frozen(kw_only=True)
class PaymentRecord:
    """Money received on an invoice."""

    id: int = 0
    org_id: str
    invoice_id: int
    amount: Decimal
    paid_by: PaidBy = attrs.field(converter=PaidBy)
    paid_on: date
    reference: str = ""


def subtotal(lines: tuple[Line, ...]) -> Decimal:
    """Add the amounts of lines."""
    return sum((line.amount for line in lines), Decimal(0))
