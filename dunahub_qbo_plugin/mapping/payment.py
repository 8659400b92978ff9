"""A payment as QuickBooks' Payment on its invoice, and which payments are sent at all.

Limits and rules are those of Intuit's API reference, Payment, where nothing else is said.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dunahub_hookspecs import PaymentMethod
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.merge import Update, in_conflict, merged
from dunahub_qbo_plugin.mapping.money import cents, is_plausible
from dunahub_qbo_plugin.mapping.text import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_hookspecs import Payment
    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.mapping.merge import Known
    from dunahub_qbo_plugin.model import CompanyProfile

_NEVER_IN_CONFLICT: Final = frozenset({"CustomerRef", "Line", "PrivateNote"})
"""Customer and lines follow QuickBooks' own invoice; the note has room for both sides' words."""
REFERENCE_LIMIT: Final = 21
NOTE_LIMIT: Final = 4000
VOIDED_NOTE: Final = "Voided - "
"""What QuickBooks puts before the note of what it voids (recorded 2025)."""

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
    payment: Payment, *, customer_id: str, invoice_id: str, profile: CompanyProfile
) -> Payload:
    """Write the Payment that a payment becomes, applied to its invoice.

    Args:
        payment: what to write.
        customer_id: QuickBooks' id of the invoice's customer.
        invoice_id: QuickBooks' id of the invoice.
        profile: what is known of the company: its payment methods.

    Raises:
        MappingError: the amount is not above zero, or it is beyond what books hold.
    """
    amount = _checked_amount(payment)
    payload: Payload = {"CustomerRef": {"value": customer_id}}
    if profile.multicurrency:
        payload["CurrencyRef"] = {"value": "USD"}
    payload["TotalAmt"] = amount
    payload["TxnDate"] = payment.paid_on.isoformat()
    if number := reference_number(payment):
        payload["PaymentRefNum"] = number
    if method_id := payment_method_id(payment.method, profile):
        payload["PaymentMethodRef"] = {"value": method_id}
    payload["PrivateNote"] = _note(payment)
    payload["Line"] = [_applied(invoice_id, amount)]
    return payload


def payment_update(
    wanted: Payload, known: Known, *, number: str, keep_theirs: bool = False
) -> Update:
    """Write the update of a payment: always the whole object.

    QuickBooks refused sparse updates that touch a payment's amount (measured 2026-09), and resets
    what a whole object leaves out. So what the bookkeeper did stays in it: the note, the account,
    and money that was applied elsewhere. What of the payment is applied nowhere goes to its
    invoice; QuickBooks applies as much of it as the invoice has room for.

    Args:
        wanted: as `payment_payload` writes it.
        known: what is known of the payment in QuickBooks.
        number: of its invoice, for the words of a refusal.
        keep_theirs: leave what both sides changed as QuickBooks has it.

    Raises:
        MappingError: more of it is applied elsewhere than it amounts to by now.
    """
    changed = [name for name, value in wanted.items() if known.differs(name, value)]
    conflicts = tuple(
        name
        for name in changed
        if name not in _NEVER_IN_CONFLICT and in_conflict(name, wanted[name], known)
    )
    whole = merged(wanted, known) if known.now else dict(wanted)
    if keep_theirs:
        whole |= {name: known.now[name] for name in conflicts if name in known.now}
    total = Decimal(whole["TotalAmt"])
    invoice_id = _invoice_of(wanted)
    ours = {invoice_id, _invoice_of(known.sent)}
    elsewhere = [line for line in known.now.get("Line", ()) if not _pays(line) & ours]
    left = total - sum((Decimal(line.get("Amount", 0)) for line in elsewhere), Decimal(0))
    if left < 0:
        facts = {"number": number, "amount": str(total), "elsewhere": str(total - left)}
        raise MappingError("payment-applied-elsewhere", facts=facts)
    whole["Line"] = [*elsewhere, *([_applied(invoice_id, left)] if left else [])]
    whole["PrivateNote"] = _noted(wanted, known)
    cleared = any(name not in wanted for name in known.sent)
    return Update(body=whole, base=wanted, changes=bool(changed) or cleared, conflicts=conflicts)


def _noted(wanted: Payload, known: Known) -> str:
    """Return the note with our words in it, and all that somebody else wrote."""
    ours, last = str(wanted["PrivateNote"]), str(known.sent.get("PrivateNote") or "")
    theirs = str(known.now.get("PrivateNote") or "")
    if known.is_doubtful("TotalAmt"):  # it was voided, and counts again
        theirs = theirs.removeprefix(VOIDED_NOTE)
    if not theirs:
        return ours
    return theirs.replace(last, ours) if last else theirs


def _applied(invoice_id: str, amount: Decimal) -> Payload:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": invoice_id, "TxnType": "Invoice"}]}


def _pays(line: Mapping[str, Any]) -> set[str]:
    """Return the Ids of the transactions that a line of a payment is linked to."""
    return {str(link.get("TxnId")) for link in line.get("LinkedTxn") or ()}


def _invoice_of(payload: Mapping[str, Any]) -> str:
    """Return the Id of the invoice that a payment of ours was applied to; empty for none."""
    found = sorted({one for line in payload.get("Line", ())[-1:] for one in _pays(line)})
    return found[0] if found else ""


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
