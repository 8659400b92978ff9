"""What DunaHub and QuickBooks each have of what both sides changed, in words."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.advice.wording import quoted
from dunahub_qbo_plugin.mapping.money import amount_text

if TYPE_CHECKING:
    from dunahub_qbo_plugin.model import ErrorInfo

_FIELDS: Final = {
    "Line": "total",
    "TotalAmt": "amount",
    "CustomerRef": "customer",
    "TxnDate": "date",
    "DueDate": "due date",
    "DocNumber": "number",
    "CustomerMemo": "message",
    "PaymentRefNum": "reference",
    "PaymentMethodRef": "payment method",
    "DisplayName": "name",
    "GivenName": "first name",
    "FamilyName": "last name",
    "CompanyName": "company",
    "PrimaryEmailAddr": "e-mail address",
    "PrimaryPhone": "phone number",
    "BillAddr": "address",
}
"""Words for what both sides can have changed, by QuickBooks' name for it."""
_MONEY: Final = frozenset({"Line", "TotalAmt"})
_NOTHING_KNOWN: Final = "Somebody changed the same thing there that was changed in DunaHub."
_LINES: Final = "Its lines were changed in both, in different ways."


def both_sides(info: ErrorInfo) -> str:
    """Say, of each field that both sides changed, what DunaHub and what QuickBooks has."""
    fields = [name.removeprefix("ours ") for name in info.facts if name.startswith("ours ")]
    sentences = [_sentence(name, info) for name in fields]
    return " ".join(sentences) or _NOTHING_KNOWN


def _sentence(name: str, info: ErrorInfo) -> str:
    ours, theirs = (_said(name, info, side) for side in ("ours", "theirs"))
    if name == "Line" and ours == theirs:
        return _LINES
    return f"The {_FIELDS.get(name, name)} is {ours} in DunaHub and {theirs} in QuickBooks."


def _said(name: str, info: ErrorInfo, side: str) -> str:
    text = str(info.facts.get(f"{side} {name}", ""))
    if name in _MONEY:
        try:
            return amount_text(Decimal(text))
        except InvalidOperation:
            return "another one"
    return quoted(text) if text else "empty"
