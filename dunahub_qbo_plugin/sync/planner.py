"""What to send for a due record: decided from what is known, without asking anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_hookspecs import Invoice, InvoiceStatus, Lead, Payment
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.customer import customer_payload
from dunahub_qbo_plugin.mapping.invoice import invoice_payload, void_payload
from dunahub_qbo_plugin.mapping.money import cents
from dunahub_qbo_plugin.mapping.payment import payment_payload
from dunahub_qbo_plugin.model import (
    ErrorInfo,
    Hold,
    Intent,
    Kept,
    Operation,
    Rejected,
    Waiting,
)
from dunahub_qbo_plugin.qbo.wire import encode

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.model import Claim, CompanyProfile

Plan = Intent | Waiting | Kept | Rejected


def plan(claim: Claim, profile: CompanyProfile, *, new_key: Callable[[], str]) -> Plan:
    """Decide what is to be sent.

    A write that was committed earlier and has no definite answer yet comes first, to the letter:
    only then is it known what QuickBooks holds.

    Args:
        claim: the due record.
        profile: what is known of the company.
        new_key: makes a request key.
    """
    if claim.intent is not None:
        return claim.intent
    try:
        match claim.value:
            case Lead():
                return _customer(claim, claim.value, new_key)
            case Invoice():
                return _invoice(claim, claim.value, profile, new_key)
            case Payment():
                return _payment(claim, claim.value, profile, new_key)
    except MappingError as error:
        info = ErrorInfo(code=error.code, text=error.sentence, subject=error.subject)
        return Rejected(info=info)


def _customer(claim: Claim, lead: Lead, new_key: Callable[[], str]) -> Plan:
    payload = customer_payload(lead, remote=claim.remote, sent_fields=claim.sent_fields)
    return _intent(claim, payload, new_key)


def _invoice(
    claim: Claim, invoice: Invoice, profile: CompanyProfile, new_key: Callable[[], str]
) -> Plan:
    if invoice.status is InvoiceStatus.VOID:
        if claim.remote is None:
            return Kept(hold=Hold.VOIDED_UNSENT)
        return _intent(claim, void_payload(claim.remote), new_key, operation=Operation.VOID)
    assert claim.parent is not None  # noqa: S101  an invoice always has its lead
    if claim.parent.remote_id is None:
        return Waiting(parent=claim.parent.key)
    payload = invoice_payload(
        invoice,
        customer_id=claim.parent.remote_id,
        profile=profile,
        remote=claim.remote,
        sent_fields=claim.sent_fields,
    )
    return _intent(claim, payload, new_key, total=cents(invoice.total))


def _payment(
    claim: Claim, payment: Payment, profile: CompanyProfile, new_key: Callable[[], str]
) -> Plan:
    assert claim.parent is not None  # noqa: S101  a payment always has its invoice
    ready = claim.parent.remote_id is not None and not claim.parent.pending
    if not ready or claim.parent.remote_id is None or claim.customer_id is None:
        return Waiting(parent=claim.parent.key)
    payload = payment_payload(
        payment,
        customer_id=claim.customer_id,
        invoice_id=claim.parent.remote_id,
        profile=profile,
        remote=claim.remote,
    )
    return _intent(claim, payload, new_key, total=cents(payment.amount))


def _intent(
    claim: Claim,
    payload: Payload,
    new_key: Callable[[], str],
    *,
    operation: Operation | None = None,
    total: Decimal | None = None,
) -> Intent:
    if operation is None:
        operation = Operation.CREATE if claim.remote is None else Operation.UPDATE
    return Intent(
        entity=claim.key.kind.value,
        operation=operation,
        body=encode(payload),
        request_key=new_key(),
        fingerprint=claim.fingerprint,
        total=total,
    )
