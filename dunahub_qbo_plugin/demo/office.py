"""The actions of the office: each change is committed first, then passed to the plugins."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from dunahub_qbo_plugin.demo import contract
from dunahub_qbo_plugin.demo.records import (
    InvoiceRecord,
    Job,
    JobStatus,
    LeadRecord,
    PaymentRecord,
    Proposal,
    ProposalStatus,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from dunahub_qbo_plugin.demo.bridge import Plugins
    from dunahub_qbo_plugin.demo.records import Company
    from dunahub_qbo_plugin.demo.store import Store

_NOTHING = Decimal(0)
_FIRST_NUMBER = 1001
_LONGEST_PLAIN_NUMBER = 9
_DUE_AFTER = timedelta(days=30)


@attrs.define(eq=False)
class Office:
    """One organization's office at work.

    Attributes:
        company: whose office it is.
        store: where the records are.
        plugins: who hears of them.
        clock: the time now, with its zone.
    """

    company: Company
    store: Store
    plugins: Plugins
    clock: Callable[[], datetime]

    @property
    def today(self) -> date:
        """The day where the organization is."""
        try:
            zone = ZoneInfo(self.company.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            return self.clock().astimezone(UTC).date()
        return self.clock().astimezone(zone).date()

    def lead(self, lead_id: int) -> LeadRecord | None:
        """Return a lead of this organization."""
        return self.store.get(LeadRecord, self.company.id, lead_id)

    def invoice(self, invoice_id: int) -> InvoiceRecord | None:
        """Return an invoice of this organization."""
        return self.store.get(InvoiceRecord, self.company.id, invoice_id)

    def paid(self, invoice: InvoiceRecord) -> Decimal:
        """Add up what was paid on an invoice."""
        payments = self.store.find(PaymentRecord, self.company.id, invoice_id=invoice.id)
        return sum((payment.amount for payment in payments), _NOTHING)

    def save_lead(self, lead: LeadRecord) -> LeadRecord:
        """Save a new or changed lead."""
        saved = self.store.change(lead) if lead.id else self.store.add(lead)
        self._tell("on_lead_saved", saved.title, lead=contract.lead(saved))
        return saved

    def approve(self, proposal: Proposal) -> Proposal:
        """Record that the customer said yes."""
        return self.store.change(attrs.evolve(proposal, status=ProposalStatus.APPROVED))

    def decline(self, proposal: Proposal) -> Proposal:
        """Record that the customer said no."""
        return self.store.change(attrs.evolve(proposal, status=ProposalStatus.DECLINED))

    def schedule(self, proposal: Proposal) -> Job:
        """Return the job of an approved proposal, which is created if there is none yet."""
        known = self.store.find(Job, self.company.id, proposal_id=proposal.id)
        if known:
            return known[0]
        return self.store.add(
            Job(
                org_id=self.company.id,
                lead_id=proposal.lead_id,
                proposal_id=proposal.id,
                title=proposal.title,
                scheduled_on=self.today,
            )
        )

    def complete(self, job: Job) -> Job:
        """Record that the work is done."""
        return self.store.change(attrs.evolve(job, status=JobStatus.COMPLETED))

    def draft_invoice(self, lead: LeadRecord, job: Job | None) -> InvoiceRecord:
        """Return an invoice to fill in: the next number, and the lines of the job's proposal."""
        offered = job and self.store.get(Proposal, self.company.id, job.proposal_id)
        lines = offered.lines if offered else ()
        draft = InvoiceRecord(
            org_id=self.company.id,
            lead_id=lead.id,
            job_id=job.id if job else 0,
            number=self._next_number(),
            lines=lines,
            total=_NOTHING,
            issued_on=self.today,
            due_on=self.today + _DUE_AFTER,
        )
        return attrs.evolve(draft, total=draft.computed_total)

    def create_invoice(self, invoice: InvoiceRecord) -> InvoiceRecord:
        """Save a new invoice."""
        return self._tell_invoice("on_invoice_created", self.store.add(invoice))

    def change_invoice(self, invoice: InvoiceRecord) -> InvoiceRecord:
        """Save a changed invoice."""
        return self._tell_invoice("on_invoice_updated", self.store.change(invoice))

    def void_invoice(self, invoice: InvoiceRecord) -> InvoiceRecord:
        """Void an invoice for good."""
        return self.change_invoice(attrs.evolve(invoice, voided=True))

    def take_payment(self, payment: PaymentRecord, invoice: InvoiceRecord) -> PaymentRecord:
        """Save a payment on an invoice."""
        saved = self.store.add(payment)
        if payment.paid_by.through_dunahub and not payment.reference:
            saved = self.store.change(attrs.evolve(saved, reference=f"pay_demo_{saved.id:05d}"))
        self._tell(
            "on_payment_recorded", f"on {invoice.title}", payment=contract.payment(saved, invoice)
        )
        return saved

    def _tell_invoice(self, hook: str, invoice: InvoiceRecord) -> InvoiceRecord:
        billed = self.lead(invoice.lead_id)
        if billed is not None:
            self._tell(hook, invoice.title, invoice=contract.invoice(invoice, billed))
        return invoice

    def _tell(self, hook: str, subject: str, **arguments: object) -> None:
        self.plugins.tell(contract.organization(self.company), hook, subject, **arguments)

    def _next_number(self) -> str:
        numbers = (invoice.number for invoice in self.store.find(InvoiceRecord, self.company.id))
        plain = [
            int(number)
            for number in numbers
            if number.isdecimal() and len(number) <= _LONGEST_PLAIN_NUMBER
        ]
        return str(max([*plain, _FIRST_NUMBER - 1]) + 1)
