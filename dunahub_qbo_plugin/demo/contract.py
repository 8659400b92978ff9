"""Convert the CRM's records to the values of the plugin contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_hookspecs import (
    Address,
    Invoice,
    InvoiceSource,
    InvoiceStatus,
    Lead,
    LineItem,
    Organization,
    Payment,
    PaymentMethod,
    Person,
    Region,
)
from dunahub_qbo_plugin.demo.records import Mail, PaidBy

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_hookspecs import Notice
    from dunahub_qbo_plugin.demo.records import (
        Company,
        InvoiceRecord,
        LeadRecord,
        Member,
        PaymentRecord,
    )


def organization(company: Company) -> Organization:
    """Return an organization as plugins know it."""
    return Organization(
        id=company.id,
        name=company.name,
        region=Region(company.region),
        timezone=company.timezone,
    )


def mail(notice: Notice, now: datetime) -> Mail:
    """Return what a plugin told as the CRM keeps it."""
    return Mail(
        id=notice.id,
        org_id=notice.org_id,
        about=notice.about,
        audience=notice.audience.value,
        title=notice.title,
        text=notice.text,
        came_at=f"{now:%Y-%m-%d %H:%M:%S}",
        panel=notice.panel,
        over=notice.over,
    )


def person(member: Member) -> Person:
    """Return a member of the office as plugins know them."""
    return Person(id=member.id, name=member.name, email=member.email)


def lead(record: LeadRecord) -> Lead:
    """Return a lead as plugins know it."""
    return Lead(
        id=record.id,
        name=record.name,
        company=record.company,
        email=record.email,
        phone=record.phone,
        address=Address(
            line1=record.line1,
            line2=record.line2,
            city=record.city,
            state=record.state,
            postal_code=record.postal_code,
        ),
    )


def invoice(record: InvoiceRecord, billed: LeadRecord) -> Invoice:
    """Return an invoice, with the whole lead that it bills, as plugins know it."""
    return Invoice(
        id=record.id,
        number=record.number,
        lead=lead(billed),
        lines=tuple(
            LineItem(
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                service_id=line.service_id or None,
                service_name=line.service_name,
                taxable=line.taxable,
            )
            for line in record.lines
        ),
        discount=record.discount,
        tax=record.tax,
        total=record.total,
        issued_on=record.issued_on,
        due_on=record.due_on,
        message=record.message,
        status=InvoiceStatus.VOID if record.voided else InvoiceStatus.OPEN,
        source=InvoiceSource.JOB if record.job_id else InvoiceSource.LEAD,
    )


def payment(record: PaymentRecord, paid: InvoiceRecord) -> Payment:
    """Return a payment as plugins know it."""
    elsewhere = record.paid_by is PaidBy.CARD_ELSEWHERE
    method = PaymentMethod.CARD if elsewhere else PaymentMethod(record.paid_by.value)
    return Payment(
        id=record.id,
        invoice_id=paid.id,
        invoice_number=paid.number,
        amount=record.amount,
        method=method,
        collected_by_dunahub=record.paid_by.through_dunahub,
        paid_on=record.paid_on,
        reference=record.reference,
    )
