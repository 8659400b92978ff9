"""Find what we need in the payload of a good answer, or say that it is not there."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.errors import Unreachable
from dunahub_qbo_plugin.mapping.invoice_lines import said_again as line_again
from dunahub_qbo_plugin.model import ErrorInfo, RemoteRef, Written
from dunahub_qbo_plugin.qbo.exact_json import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    Entity = Mapping[str, Any]

LONGEST_NUMBER = 100
_ONLY_ANSWERED = frozenset(
    {"Id", "SyncToken", "MetaData", "domain", "sparse", "UnappliedAmt", "LinkedTxn", "status"}
)
_ONLY_ANSWERED_OF_INVOICES = _ONLY_ANSWERED | {
    *("Balance", "HomeBalance", "HomeTotalAmt", "DeliveryInfo", "FreeFormAddress", "ShipFromAddr"),
    *("InvoiceLink", "InvoiceLinkSecurityCode", "InvoiceLinkExpiryDate", "TaxFormType"),
    *("EInvoiceStatus", "ECloudStatusTimeStamp", "invoiceStatus", "invoiceStatusLog"),
    *("callToAction", "TxnSource", "Tag", "AutoDocNumber", "RecurDataRef", "Deposit"),
    *("TxnApprovalInfo", "AttachableRef", "CustomExtensions", "TxnStatus"),
}
_OF_A_CUSTOMER = (
    *("DisplayName", "GivenName", "FamilyName", "CompanyName"),
    *("PrimaryEmailAddr", "PrimaryPhone", "BillAddr"),
)
_VOIDED = re.compile(r"Voided\b")
_ID = re.compile(r"-?\w[\w:.-]{0,48}", re.ASCII)
"""QuickBooks' Ids and SyncTokens are numbers; it calls both texts and says no more of them."""


def written(entity: Entity, kind: str, tid: str) -> Written:
    """Read what a write gives back.

    Args:
        entity: the object.
        kind: QuickBooks' entity, in lower case.
        tid: Intuit's id of the exchange.

    Raises:
        Unreachable: it lacks what an update would need: the write may have been carried out.
    """
    if not _is_id(entity.get("Id")) or not _is_id(entity.get("SyncToken")):
        raise _unreadable("the object has no Id or no SyncToken", tid)
    return attrs.evolve(written_of(entity, kind), intuit_tid=tid)


def _amount(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return Decimal(value)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def customer_id(entity: Mapping[str, Any]) -> str | None:
    """Return the Id of the customer that a document is booked on."""
    return _referred(entity, "CustomerRef")


def remote_ref(entity: Mapping[str, Any]) -> RemoteRef:
    """Say which object this is, and of which state."""
    return RemoteRef(id=str(entity["Id"]), sync_token=str(entity["SyncToken"]))


def _referred(entity: Mapping[str, Any], name: str) -> str | None:
    """Return the Id in a reference; what is no reference counts as none."""
    reference = entity.get(name)
    found = reference.get("value") if isinstance(reference, dict) else None
    return str(found) if isinstance(found, str | int) else None


def entity(payload: Mapping[str, Any], name: str, tid: str) -> dict[str, Any]:
    """Find the object in its envelope; the key is the entity in QuickBooks' own spelling."""
    for key, value in payload.items():
        if key.lower() == name.lower() and isinstance(value, dict):
            return value
    raise _unreadable(f"it holds no {name.lower()}", tid)


def rows(response: object, tid: str) -> list[dict[str, Any]]:
    """Return a query's rows; no rows is an empty object (recorded)."""
    if not isinstance(response, dict):
        raise _unreadable("it holds no QueryResponse", tid)
    return [row for rows in response.values() if isinstance(rows, list) for row in dicts(rows, tid)]


def dicts(items: object, tid: str) -> list[dict[str, Any]]:
    """Read a list of objects."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _unreadable("a list of objects is missing", tid)
    return items


def _unreadable(problem: str, tid: str) -> Unreachable:
    text = f"QuickBooks answered, but {problem}."
    return Unreachable(ErrorInfo(code="unreadable", text=text, intuit_tid=tid), sent=True)


def written_of(entity: Entity, kind: str) -> Written:
    """Read an object as if it were the answer to a write."""
    number = entity.get("DocNumber")
    return Written(
        remote=remote_ref(entity),
        total=_amount(entity.get("TotalAmt")),
        number=number[:LONGEST_NUMBER] if isinstance(number, str) else "",
        customer_id=customer_id(entity),
        unapplied=_amount(entity.get("UnappliedAmt")),
        kept=encode(said_again(entity, kind)),
    )


def said_again(entity: Entity, kind: str) -> dict[str, Any]:
    """Return what an update may have to say again of an object so that it stays.

    A payment is written whole, and of an invoice all lines: what is left out is reset (measured
    2026-09). What answers alone have, such as ``LineEx`` of a line, is refused when sent back.
    """
    if kind == "customer":
        return {name: entity[name] for name in _OF_A_CUSTOMER if name in entity}
    left_out = _ONLY_ANSWERED if kind == "payment" else _ONLY_ANSWERED_OF_INVOICES
    kept = {name: value for name, value in entity.items() if name not in left_out}
    lines = entity.get("Line")
    kept["Line"] = [
        line_again(line)
        for line in (lines if isinstance(lines, list) else ())
        if isinstance(line, dict)
    ]
    if kind == "invoice" and (links := _not_payments(entity.get("LinkedTxn"))):
        kept["LinkedTxn"] = links
    return kept


def _not_payments(links: object) -> list[dict[str, Any]]:
    """Return what an invoice is linked to but for its payments, which only they can change."""
    found = links if isinstance(links, list) else []
    return [one for one in found if isinstance(one, dict) and one.get("TxnType") != "Payment"]


def is_voided(entity: Entity) -> bool:
    """Return whether a transaction was voided in QuickBooks.

    A void leaves the object, sets every amount to nothing and puts "Voided" before its private
    note (recorded 2022 and 2025). A bill of 0.00 whose note speaks of a void is none.
    """
    note = str(entity.get("PrivateNote") or "")
    lines = entity.get("Line") or ()
    return (
        _VOIDED.match(note) is not None
        and not _decimal(entity.get("TotalAmt"))
        and not any(_decimal(line.get("Amount")) for line in lines)
    )


def _decimal(value: object) -> Decimal:
    return _amount(value) or Decimal(0)


def paid_since(entity: Entity, token: str) -> bool:
    """Return whether payments alone can have moved an object's SyncToken on, each by one."""
    fresh = str(entity.get("SyncToken"))
    if not (fresh.isdecimal() and token.isdecimal()):
        return False
    links = entity.get("LinkedTxn") or ()
    payments = sum(1 for link in links if link.get("TxnType") == "Payment")
    return int(fresh) - int(token) <= payments
