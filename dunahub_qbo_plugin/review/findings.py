"""Find the differences between DunaHub's records and QuickBooks' objects. Pure."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_hookspecs import Invoice, InvoiceStatus, Lead, Payment
from dunahub_qbo_plugin.model.snapshot import display_name
from dunahub_qbo_plugin.qbo.payloads import is_voided

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.store.queries.sent import Sent

Remote = "Mapping[str, Any]"


class Finding(StrEnum):
    """The kinds of difference (rule 29)."""

    DELETED = "deleted"
    INACTIVE = "inactive"
    VOIDED = "voided"
    TOTAL = "total"
    EDITED = "edited"
    UNLINKED = "unlinked"
    UNAPPLIED = "unapplied"
    DUPLICATE = "duplicate"


class Field(StrEnum):
    """The fields that can differ, by their name in a sentence."""

    NAME = "name"
    EMAIL = "e-mail"
    PHONE = "phone"
    NUMBER = "number"
    DATE = "date"
    CUSTOMER = "customer"


@attrs.frozen(kw_only=True)
class Difference:
    """One thing that differs; `difference_text` has the words.

    Attributes:
        key: the record, as ``invoice:12``.
        label: what people call it.
        qbo_id: QuickBooks' Id of the object.
        field: what was changed in QuickBooks, or is the same on two customers; empty otherwise.
        ours, theirs: what DunaHub has or sent, and what QuickBooks has, where there is such a
            thing. Dollars are a text, as `str` writes them.
    """

    finding: Finding
    key: str
    label: str
    qbo_id: str
    field: str = ""
    ours: str = ""
    theirs: str = ""

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Difference:
        """Return the difference that `attrs.asdict` wrote."""
        return cls(
            finding=Finding(stored["finding"]),
            key=stored["key"],
            label=stored["label"],
            qbo_id=stored["qbo_id"],
            field=stored.get("field", ""),
            ours=stored.get("ours", ""),
            theirs=stored.get("theirs", ""),
        )


@attrs.frozen
class _Found:
    finding: Finding
    field: str = ""
    ours: str = ""
    theirs: str = ""


def differences(sent: Sent, remote: Mapping[str, Any] | None) -> list[Difference]:
    """Return the differences between one record and QuickBooks' object.

    Args:
        sent: the record; one with a change still to be sent is only looked for.
        remote: QuickBooks' object; None, or one with status Deleted, when it is gone.
    """
    return [
        Difference(
            finding=found.finding,
            key=str(sent.key),
            label=sent.label,
            qbo_id=sent.qbo_id,
            field=found.field,
            ours=found.ours,
            theirs=found.theirs,
        )
        for found in _found(sent, remote)
    ]


def _found(sent: Sent, remote: Mapping[str, Any] | None) -> list[_Found]:
    if remote is None or remote.get("status") == "Deleted":
        return [_Found(Finding.DELETED)]
    if sent.pending:
        return []
    match sent.value:
        case Lead():
            return _customer(sent.value, remote)
        case Invoice():
            return _invoice(sent, sent.value, remote)
        case Payment():
            return _payment(sent, sent.value, remote)


def _customer(lead: Lead, remote: Mapping[str, Any]) -> list[_Found]:
    if remote.get("Active") is False:
        return [_Found(Finding.INACTIVE)]
    both = {
        Field.NAME: (display_name(lead), remote.get("DisplayName")),
        Field.EMAIL: (lead.email, _part(remote, "PrimaryEmailAddr").get("Address")),
        Field.PHONE: (lead.phone, _part(remote, "PrimaryPhone").get("FreeFormNumber")),
    }
    found = [_Found(Finding.EDITED, field, *map(_text, pair)) for field, pair in both.items()]
    return [
        one for one in found if one.ours != one.theirs and (one.ours or one.field == Field.NAME)
    ]


def _invoice(sent: Sent, invoice: Invoice, remote: Mapping[str, Any]) -> list[_Found]:
    total = Decimal(remote.get("TotalAmt", 0))
    void_here = invoice.status is InvoiceStatus.VOID
    if not void_here and is_voided(remote):
        return [_Found(Finding.VOIDED)]
    found: list[_Found] = []
    if sent.total is not None and total != sent.total:
        found.append(_Found(Finding.TOTAL, ours=str(sent.total), theirs=str(total)))
    number = _text(remote.get("DocNumber"))
    if number != sent.number:
        found.append(_Found(Finding.EDITED, Field.NUMBER, sent.number, number))
    if not void_here:
        day, ours = _text(remote.get("TxnDate")), invoice.issued_on.isoformat()
        if day != ours:
            found.append(_Found(Finding.EDITED, Field.DATE, ours, day))
        customer = _text(_part(remote, "CustomerRef").get("value"))
        if sent.parent_qbo_id is not None and customer != sent.parent_qbo_id:
            found.append(_Found(Finding.EDITED, Field.CUSTOMER, sent.parent_qbo_id, customer))
    return found


def _payment(sent: Sent, payment: Payment, remote: Mapping[str, Any]) -> list[_Found]:
    found: list[_Found] = []
    total = Decimal(remote.get("TotalAmt", 0))
    if is_voided(remote):
        return [_Found(Finding.VOIDED)]
    if sent.total is not None and total != sent.total:
        found.append(_Found(Finding.TOTAL, ours=str(sent.total), theirs=str(total)))
    linked = {
        _text(link.get("TxnId"))
        for line in remote.get("Line", ())
        for link in line.get("LinkedTxn", ())
        if link.get("TxnType") == "Invoice"
    }
    if sent.parent_qbo_id is not None and sent.parent_qbo_id not in linked:
        found.append(_Found(Finding.UNLINKED, ours=payment.invoice_number))
    elif unapplied := Decimal(remote.get("UnappliedAmt", 0)):
        found.append(_Found(Finding.UNAPPLIED, theirs=str(unapplied)))
    return found


def likely_duplicates(
    customers: list[Mapping[str, Any]], ours: Mapping[str, Sent]
) -> list[Difference]:
    """Return active customers with the name, e-mail or phone of one that was sent.

    Args:
        customers: QuickBooks' active customers.
        ours: the customers that we sent, by QuickBooks' Id.
    """
    by_trait: dict[tuple[Field, str], list[Mapping[str, Any]]] = {}
    for customer in customers:
        for trait in _traits(customer):
            by_trait.setdefault(trait, []).append(customer)
    found: dict[tuple[str, str], Difference] = {}
    for (what, _), group in by_trait.items():
        mine = [customer for customer in group if _text(customer.get("Id")) in ours]
        for customer in mine:
            for other in group:
                pair = (_text(customer.get("Id")), _text(other.get("Id")))
                if other is customer or pair[::-1] in found:
                    continue
                sent = ours[pair[0]]
                found.setdefault(
                    pair,
                    Difference(
                        finding=Finding.DUPLICATE,
                        key=str(sent.key),
                        label=sent.label,
                        qbo_id=pair[1],
                        field=what,
                        theirs=_text(other.get("DisplayName")),
                    ),
                )
    return list(found.values())


def _traits(customer: Mapping[str, Any]) -> set[tuple[Field, str]]:
    name = "".join(filter(str.isalnum, _text(customer.get("DisplayName")).casefold()))
    email = _text(_part(customer, "PrimaryEmailAddr").get("Address")).casefold()
    phone = "".join(
        filter(str.isdigit, _text(_part(customer, "PrimaryPhone").get("FreeFormNumber")))
    )
    traits = {(Field.NAME, name), (Field.EMAIL, email), (Field.PHONE, phone)}
    return {(what, value) for what, value in traits if value}


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()
