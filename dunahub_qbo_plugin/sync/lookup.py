"""Looking in QuickBooks before writing again: was an unanswered create carried out after all?

An object counts as ours only when everything that identifies it agrees with what was sent. When
only some of it agrees, a person is asked.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import Kind, RemoteRef, Written
from dunahub_qbo_plugin.qbo.query import select
from dunahub_qbo_plugin.qbo.wire import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_qbo_plugin.model import Intent
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.qbo.query import Condition

Fields = dict[str, Any]


class Agreement(StrEnum):
    """How far what was found agrees with what was sent."""

    ALL = "all"
    SOME = "some"
    NONE = "none"


@attrs.frozen(kw_only=True)
class Found:
    """What a look came to.

    Attributes:
        name: how QuickBooks calls the object.
    """

    agreement: Agreement
    written: Written | None = None
    name: str = ""


NOTHING: Final = Found(agreement=Agreement.NONE)


def look_for(
    client: QboClient, grant: Grant, intent: Intent, *, check: Callable[[], None] | None
) -> Found:
    """Look for the object that a create would have made.

    Invoices are told by number, customer, total and date; payments by reference, customer, amount
    and date; customers by name and e-mail.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    sent = decode(intent.body.encode())
    look = _LOOKS[Kind(intent.entity)]
    best = NOTHING
    for candidate in client.query(grant, look.statement(sent), check=check):
        agreement = look.agreement(sent, candidate)
        if agreement is Agreement.ALL:
            return _found(candidate, agreement)
        if agreement is Agreement.SOME:
            best = _found(candidate, agreement)
    return best


def compare(intent: Intent, candidate: Mapping[str, Any]) -> Found:
    """Compare one object with what a create would have made."""
    look = _LOOKS[Kind(intent.entity)]
    agreement = look.agreement(decode(intent.body.encode()), candidate)
    return NOTHING if agreement is Agreement.NONE else _found(candidate, agreement)


def filled(intent: Intent) -> frozenset[str]:
    """Name the fields that a body fills in: only those may be cleared later."""
    sent = decode(intent.body.encode())
    return frozenset(
        field
        for field, value in sent.items()
        if (any(value.values()) if isinstance(value, dict) else bool(value))
    )


def written_of(entity: Mapping[str, Any]) -> Written:
    """Read an object as if it were the answer to a write."""
    total = entity.get("TotalAmt")
    return Written(
        remote=RemoteRef(id=str(entity["Id"]), sync_token=str(entity["SyncToken"])),
        total=None if total is None else Decimal(total),
        number=str(entity.get("DocNumber") or ""),
    )


@attrs.frozen(kw_only=True)
class _Look:
    statement: Callable[[Mapping[str, Any]], str]
    facts: Callable[[Mapping[str, Any]], Fields]
    must: frozenset[str]
    """Facts without which a candidate has nothing to do with what was sent."""

    def agreement(self, sent: Mapping[str, Any], candidate: Mapping[str, Any]) -> Agreement:
        ours, theirs = self.facts(sent), self.facts(candidate)
        agreeing = {name for name, value in ours.items() if value == theirs[name]}
        if agreeing == set(ours):
            return Agreement.ALL
        return Agreement.SOME if self.must <= agreeing else Agreement.NONE


def _found(candidate: Mapping[str, Any], agreement: Agreement) -> Found:
    name = candidate.get("DisplayName") or candidate.get("DocNumber") or candidate["Id"]
    return Found(agreement=agreement, written=written_of(candidate), name=str(name))


def _value(entity: Mapping[str, Any], field: str) -> str:
    ref = entity.get(field)
    return str(ref.get("value", "")) if isinstance(ref, dict) else ""


def _line_total(entity: Mapping[str, Any]) -> Decimal:
    """Add up what a body says before QuickBooks has computed a total."""
    if "TotalAmt" in entity:
        return Decimal(entity["TotalAmt"])
    total = Decimal(0)
    for line in entity.get("Line", ()):
        sign = -1 if line.get("DetailType") == "DiscountLineDetail" else 1
        total += sign * Decimal(line.get("Amount", 0))
    tax = entity.get("TxnTaxDetail") or {}
    return total + Decimal(tax.get("TotalTax", 0))


def _invoice_query(sent: Mapping[str, Any]) -> str:
    if sent.get("DocNumber"):
        return select("Invoice", [("DocNumber", "=", sent["DocNumber"])], max=20)
    where: list[Condition] = [
        ("CustomerRef", "=", _value(sent, "CustomerRef")),
        ("TxnDate", "=", sent["TxnDate"]),
    ]
    return select("Invoice", where, max=100)


def _invoice_facts(entity: Mapping[str, Any]) -> Fields:
    return {
        "customer": _value(entity, "CustomerRef"),
        "number": str(entity.get("DocNumber") or ""),
        "total": _line_total(entity),
        "date": entity.get("TxnDate"),
    }


def _payment_query(sent: Mapping[str, Any]) -> str:
    where: list[Condition] = [
        ("CustomerRef", "=", _value(sent, "CustomerRef")),
        ("TxnDate", "=", sent["TxnDate"]),
    ]
    return select("Payment", where, max=100)


def _payment_facts(entity: Mapping[str, Any]) -> Fields:
    return {
        "customer": _value(entity, "CustomerRef"),
        "reference": str(entity.get("PaymentRefNum") or ""),
        "note": str(entity.get("PrivateNote") or "").partition("]")[0],
        "total": _line_total(entity),
        "date": entity.get("TxnDate"),
    }


def _customer_query(sent: Mapping[str, Any]) -> str:
    return select("Customer", [("DisplayName", "=", sent["DisplayName"])], active="any", max=10)


def _customer_facts(entity: Mapping[str, Any]) -> Fields:
    email = entity.get("PrimaryEmailAddr") or {}
    return {
        "name": str(entity.get("DisplayName") or "").casefold(),
        "email": str(email.get("Address") or "").casefold(),
    }


_LOOKS: Final[dict[Kind, _Look]] = {
    Kind.CUSTOMER: _Look(
        statement=_customer_query, facts=_customer_facts, must=frozenset({"name"})
    ),
    Kind.INVOICE: _Look(
        statement=_invoice_query, facts=_invoice_facts, must=frozenset({"customer", "number"})
    ),
    Kind.PAYMENT: _Look(
        statement=_payment_query,
        facts=_payment_facts,
        must=frozenset({"customer", "reference", "note"}),
    ),
}
