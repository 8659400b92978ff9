"""Looking in QuickBooks before writing again: was an unanswered create carried out after all?

An object counts as ours only when everything that identifies it agrees with what was sent. When
only some of it agrees, a person is asked.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import Kind, Written
from dunahub_qbo_plugin.qbo.exact_json import decode
from dunahub_qbo_plugin.qbo.payloads import written_of
from dunahub_qbo_plugin.qbo.query import select

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dunahub_qbo_plugin.model import Intent
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.qbo.query import Condition

    Entity = Mapping[str, Any]

_MARKER: Final = re.compile(r"\[DunaHub (?:invoice|payment) [^\]]*\]")


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
    client: QboClient,
    grant: Grant,
    intent: Intent,
    *,
    check: Callable[[], None] | None,
    without: str | None = None,
) -> Found:
    """Look for the object that a create would have made.

    One request where it is found by its number, one more where it is not.

    Args:
        client: whom to ask.
        grant: of the company.
        intent: the create.
        check: called right before a request leaves.
        without: Id of an object of which a person said that it is another one.

    Raises:
        QboError: QuickBooks could not be asked.
    """
    sent = decode(intent.body.encode())
    look = _LOOKS[Kind(intent.entity)]
    best = NOTHING
    for statement in look.statements(sent):
        for candidate in client.query(grant, statement, check=check):
            if str(candidate.get("Id")) == without:
                continue
            agreement = look.agreement(sent, candidate)
            if agreement is Agreement.ALL:
                return _found(candidate, agreement)
            if agreement is Agreement.SOME:
                best = _found(candidate, agreement)
    return best


def compare(intent: Intent, candidate: Entity) -> Found:
    """Compare one object with what a create would have made."""
    look = _LOOKS[Kind(intent.entity)]
    agreement = look.agreement(decode(intent.body.encode()), candidate)
    return NOTHING if agreement is Agreement.NONE else _found(candidate, agreement)


@attrs.frozen(kw_only=True)
class _Look:
    statements: Callable[[Entity], list[str]]
    agreement: Callable[[Entity, Entity], Agreement]


def _found(candidate: Entity, agreement: Agreement) -> Found:
    name = candidate.get("DisplayName") or candidate.get("DocNumber") or candidate["Id"]
    return Found(agreement=agreement, written=written_of(candidate), name=str(name))


def _value(entity: Entity, field: str) -> str:
    ref = entity.get(field)
    return str(ref.get("value", "")) if isinstance(ref, dict) else ""


def _words(value: object) -> str:
    return " ".join(str(value or "").split()).casefold()


def _net(entity: Entity) -> Decimal:
    """Return a total without sales tax, which QuickBooks may compute in its own way."""
    tax = Decimal((entity.get("TxnTaxDetail") or {}).get("TotalTax", 0))
    if "TotalAmt" in entity:
        return Decimal(entity["TotalAmt"]) - tax
    total = Decimal(0)
    for line in entity.get("Line", ()):
        sign = -1 if line.get("DetailType") == "DiscountLineDetail" else 1
        total += sign * Decimal(line.get("Amount", 0))
    return total


def _marks(entity: Entity) -> set[str]:
    return set(_MARKER.findall(str(entity.get("PrivateNote") or "")))


def _on_that_day(entity: str, sent: Entity) -> str:
    where: list[Condition] = [
        ("CustomerRef", "=", _value(sent, "CustomerRef")),
        ("TxnDate", "=", sent["TxnDate"]),
    ]
    return select(entity, where, max=100)


def _invoice_statements(sent: Entity) -> list[str]:
    """Ask by number, then by customer and day, since QuickBooks may number by itself."""
    asked = [_on_that_day("Invoice", sent)]
    if sent.get("DocNumber"):
        asked.insert(0, select("Invoice", [("DocNumber", "=", sent["DocNumber"])], max=20))
    return asked


def _invoices(sent: Entity, candidate: Entity) -> Agreement:
    """Compare number, customer, total and date; without a number of ours our mark stands for it."""
    return _transactions(sent, candidate, number="DocNumber")


def _payments(sent: Entity, candidate: Entity) -> Agreement:
    """Compare reference, customer, amount and date; our mark stands for a missing reference."""
    return _transactions(sent, candidate, number="PaymentRefNum")


def _transactions(sent: Entity, candidate: Entity, *, number: str) -> Agreement:
    ours, theirs = _marks(sent), _marks(candidate)
    marked = bool(ours & theirs)
    if theirs and not marked:
        return Agreement.NONE  # it is another record of ours
    told = str(sent.get(number) or "")
    named = told == str(candidate.get(number) or "") if told else marked
    same_customer = _value(sent, "CustomerRef") == _value(candidate, "CustomerRef")
    same_total = _net(sent) == _net(candidate)
    same_date = sent.get("TxnDate") == candidate.get("TxnDate")
    if named and same_customer and same_total and same_date:
        return Agreement.ALL
    return Agreement.SOME if marked or (named and same_customer) else Agreement.NONE


def _customer_statements(sent: Entity) -> list[str]:
    return [select("Customer", [("DisplayName", "=", sent["DisplayName"])], max=10)]


def _customers(sent: Entity, candidate: Entity) -> Agreement:
    """Compare name and e-mail; where neither has an e-mail, the telephone stands for it."""
    if _words(sent.get("DisplayName")) != _words(candidate.get("DisplayName")):
        return Agreement.NONE
    for field, part in (("PrimaryEmailAddr", "Address"), ("PrimaryPhone", "FreeFormNumber")):
        ours = _words((sent.get(field) or {}).get(part))
        theirs = _words((candidate.get(field) or {}).get(part))
        if ours or theirs:
            return Agreement.ALL if ours == theirs else Agreement.SOME
    return Agreement.SOME


_LOOKS: Final[dict[Kind, _Look]] = {
    Kind.CUSTOMER: _Look(statements=_customer_statements, agreement=_customers),
    Kind.INVOICE: _Look(statements=_invoice_statements, agreement=_invoices),
    Kind.PAYMENT: _Look(
        statements=lambda sent: [_on_that_day("Payment", sent)], agreement=_payments
    ),
}
