"""A payment as QuickBooks' Payment on its invoice, and which payments are sent at all.

Limits and rules are those of Intuit's API reference, Payment, where nothing else is said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_hookspecs import PaymentMethod
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.money import cents, is_plausible
from dunahub_qbo_plugin.mapping.text import one_line

if TYPE_CHECKING:
    from decimal import Decimal

    from dunahub_hookspecs import Payment
    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.model import CompanyProfile, RemoteRef

REFERENCE_LIMIT: Final = 21
NOTE_LIMIT: Final = 4000

SENT_METHODS: Final = frozenset({PaymentMethod.CARD, PaymentMethod.ACH})

METHOD_NAMES: Final[dict[PaymentMethod, tuple[str, ...]]] = {
    PaymentMethod.CARD: (
        "credit card",
        "credit/debit card",
        "debit/credit card",
        "credit or debit card",
        "debit or credit card",
        "card",
    ),
    PaymentMethod.ACH: (
        "ach",
        "ach payment",
        "ach transfer",
        "ach bank transfer",
        "ach/bank transfer",
        "ach/eft",
        "bank transfer (ach)",
        "e-check",
        "echeck",
        "electronic check",
        "eft",
        "bank transfer",
    ),
}
"""QuickBooks payment methods that surely mean the same, the surest first. A card's brand is not
known, so "Visa" is no match for a card; without a match none is named, and the bookkeeper sees a
payment without a method rather than with a wrong one."""

_PAID_BY: Final = {
    PaymentMethod.CARD: "Paid by card outside DunaHub.",
    PaymentMethod.ACH: "Paid by ACH outside DunaHub.",
    PaymentMethod.CASH: "Paid in cash.",
    PaymentMethod.CHECK: "Paid by check.",
    PaymentMethod.BANK_TRANSFER: "Paid by bank transfer.",
    PaymentMethod.OTHER: "Paid some other way.",
}
_ONLY: Final = "Only card and ACH payments collected through DunaHub are sent to QuickBooks."


def is_eligible(payment: Payment) -> bool:
    """Return whether a payment is one that is sent (rule 5)."""
    return payment.collected_by_dunahub and payment.method in SENT_METHODS


def ineligible_words(payment: Payment) -> str:
    """Say why a payment is not sent; empty for one that is."""
    return "" if is_eligible(payment) else f"{_PAID_BY[payment.method]} {_ONLY}"


def payment_payload(
    payment: Payment,
    *,
    customer_id: str,
    invoice_id: str,
    profile: CompanyProfile,
    remote: RemoteRef | None = None,
) -> Payload:
    """Write the Payment that a payment becomes, applied to its invoice.

    It is always the whole object, an update too: QuickBooks refused sparse updates that touch a
    payment's amount (measured 2026-09). What a whole object leaves out is reset, so an update
    names the account again that the payment is deposited to: the bookkeeper may have chosen it.

    Args:
        payment: what to write.
        customer_id: QuickBooks' id of the invoice's customer.
        invoice_id: QuickBooks' id of the invoice.
        profile: what is known of the company: its payment methods.
        remote: the payment to update; None to create one.

    Raises:
        MappingError: the amount is not above zero, or it is beyond what books hold.
    """
    amount = _checked_amount(payment)
    payload: Payload = {}
    if remote is not None:
        payload |= {"Id": remote.id, "SyncToken": remote.sync_token}
        if remote.deposit_account is not None:
            payload["DepositToAccountRef"] = {"value": remote.deposit_account}
    payload["CustomerRef"] = {"value": customer_id}
    if profile.multicurrency:
        payload["CurrencyRef"] = {"value": "USD"}
    payload["TotalAmt"] = amount
    payload["TxnDate"] = payment.paid_on.isoformat()
    if number := reference_number(payment):
        payload["PaymentRefNum"] = number
    if method_id := payment_method_id(payment.method, profile):
        payload["PaymentMethodRef"] = {"value": method_id}
    payload["PrivateNote"] = _note(payment)
    payload["Line"] = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}
    ]
    return payload


def reference_number(payment: Payment) -> str:
    """Return the PaymentRefNum: the first 21 characters of the processor's reference.

    Intuit names no limit; 21 is what integrations have found to be kept. The whole reference is in
    the note.
    """
    return one_line(payment.reference)[:REFERENCE_LIMIT].rstrip()


def payment_marker(local_id: str) -> str:
    """Return the note by which a payment that we made is known again in QuickBooks.

    Look for it within PrivateNote. A copy made in QuickBooks carries it too, so it is a hint beside
    reference, customer and amount, and no proof by itself.
    """
    return f"[DunaHub payment {one_line(local_id)}]"


def payment_method_id(method: PaymentMethod, profile: CompanyProfile) -> str | None:
    """Return QuickBooks' id of a payment method, None where none surely means the same."""
    known = {one_line(name).casefold(): found for name, found in profile.payment_methods.items()}
    return next((known[name] for name in METHOD_NAMES.get(method, ()) if name in known), None)


def _checked_amount(payment: Payment) -> Decimal:
    number = one_line(payment.invoice_number)
    if not is_plausible(payment.amount):
        raise MappingError("amount-too-large", facts={"number": number})
    amount = cents(payment.amount)
    if amount <= 0:
        facts = {"number": number, "amount": str(amount)}
        raise MappingError("payment-not-positive", facts=facts)
    return amount


def _note(payment: Payment) -> str:
    marker = payment_marker(payment.id)
    reference = one_line(payment.reference)
    return f"{marker} Reference: {reference}"[:NOTE_LIMIT] if reference else marker
