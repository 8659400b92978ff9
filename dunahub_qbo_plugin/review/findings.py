"""What a comparison with QuickBooks can find, decided from both sides' facts: pure."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import attrs

from dunahub_hookspecs import Invoice, InvoiceStatus, Lead, Payment
from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.model.snapshot import display_name
from dunahub_qbo_plugin.qbo.payloads import is_voided

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.store.queries.sent import Sent

Remote = "Mapping[str, Any]"


class Finding(StrEnum):
    """The sorts of difference (rule 29)."""

    DELETED = "deleted"
    INACTIVE = "inactive"
    VOIDED = "voided"
    TOTAL = "total"
    EDITED = "edited"
    UNLINKED = "unlinked"
    UNAPPLIED = "unapplied"
    DUPLICATE = "duplicate"


@attrs.frozen(kw_only=True)
class Difference:
    """One thing that differs.

    Attributes:
        key: the record, as ``invoice:12``.
        label: how people call it.
        qbo_id: QuickBooks' Id of the object.
        sentence: what differs, for the office.
    """

    finding: Finding
    key: str
    label: str
    qbo_id: str
    sentence: str


def differences(sent: Sent, remote: Mapping[str, Any] | None) -> list[Difference]:
    """Compare one record with what QuickBooks has of it now.

    Args:
        sent: the record; one with a change still to be sent is only looked for.
        remote: QuickBooks' object; None, or one with status Deleted, when it is gone.
    """

    def found(finding: Finding, sentence: str) -> Difference:
        return Difference(
            finding=finding,
            key=str(sent.key),
            label=sent.label,
            qbo_id=sent.qbo_id,
            sentence=sentence,
        )

    if remote is None or remote.get("status") == "Deleted":
        return [found(Finding.DELETED, "It was deleted in QuickBooks.")]
    if sent.pending:
        return []
    match sent.value:
        case Lead():
            said = _customer(sent.value, remote)
        case Invoice():
            said = _invoice(sent, sent.value, remote)
        case Payment():
            said = _payment(sent, sent.value, remote)
    return [found(finding, sentence) for finding, sentence in said]


Said = list[tuple[Finding, str]]


def _customer(lead: Lead, remote: Mapping[str, Any]) -> Said:
    if remote.get("Active") is False:
        return [(Finding.INACTIVE, "It was made inactive in QuickBooks.")]
    theirs = {
        "name": _text(remote.get("DisplayName")),
        "e-mail": _text(_part(remote, "PrimaryEmailAddr").get("Address")),
        "phone": _text(_part(remote, "PrimaryPhone").get("FreeFormNumber")),
    }
    ours = {"name": display_name(lead), "e-mail": _text(lead.email), "phone": _text(lead.phone)}
    return [
        (
            Finding.EDITED,
            f"The {what} is {_quoted(theirs[what])} in QuickBooks, {_quoted(our)} here.",
        )
        for what, our in ours.items()
        if our != theirs[what] and (our or what == "name")
    ]


def _invoice(sent: Sent, invoice: Invoice, remote: Mapping[str, Any]) -> Said:
    total = Decimal(remote.get("TotalAmt", 0))
    void_here = invoice.status is InvoiceStatus.VOID
    if not void_here and is_voided(remote):
        return [(Finding.VOIDED, "It was voided in QuickBooks.")]
    said: Said = []
    if sent.total is not None and total != sent.total:
        said.append((Finding.TOTAL, _totals(total, sent.total)))
    number = _text(remote.get("DocNumber"))
    if number != sent.number:
        said.append((Finding.EDITED, f"Its number is {_quoted(number)} in QuickBooks."))
    if not void_here:
        day = _text(remote.get("TxnDate"))
        if day != invoice.issued_on.isoformat():
            said.append((Finding.EDITED, f"Its date is {day} in QuickBooks."))
        customer = _text(_part(remote, "CustomerRef").get("value"))
        if sent.parent_qbo_id is not None and customer != sent.parent_qbo_id:
            said.append((Finding.EDITED, "It bills another customer in QuickBooks."))
    return said


def _payment(sent: Sent, payment: Payment, remote: Mapping[str, Any]) -> Said:
    said: Said = []
    total = Decimal(remote.get("TotalAmt", 0))
    if is_voided(remote):
        return [(Finding.VOIDED, "It was voided in QuickBooks.")]
    if sent.total is not None and total != sent.total:
        said.append((Finding.TOTAL, _totals(total, sent.total)))
    linked = {
        _text(link.get("TxnId"))
        for line in remote.get("Line", ())
        for link in line.get("LinkedTxn", ())
        if link.get("TxnType") == "Invoice"
    }
    if sent.parent_qbo_id is not None and sent.parent_qbo_id not in linked:
        invoice = payment.invoice_number or "its invoice"
        said.append((Finding.UNLINKED, f"It is no longer attached to invoice {invoice} there."))
    elif loose := Decimal(remote.get("UnappliedAmt", 0)):
        said.append((Finding.UNAPPLIED, f"{amount_text(loose)} of it pays no invoice there."))
    return said


def likely_duplicates(
    customers: list[Mapping[str, Any]], ours: Mapping[str, Sent]
) -> list[Difference]:
    """Find active customers that look like one that we sent: same name, e-mail or phone.

    Args:
        customers: QuickBooks' active customers.
        ours: the customers that we sent, by QuickBooks' Id.
    """
    by_trait: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
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
                        sentence=f"{_quoted(_text(other.get('DisplayName')))} (no. {pair[1]}) in "
                        f"QuickBooks has the same {what}.",
                    ),
                )
    return list(found.values())


def _traits(customer: Mapping[str, Any]) -> set[tuple[str, str]]:
    name = "".join(filter(str.isalnum, _text(customer.get("DisplayName")).casefold()))
    email = _text(_part(customer, "PrimaryEmailAddr").get("Address")).casefold()
    phone = "".join(
        filter(str.isdigit, _text(_part(customer, "PrimaryPhone").get("FreeFormNumber")))
    )
    traits = {("name", name), ("e-mail", email), ("phone", phone)}
    return {(what, value) for what, value in traits if value}


def _totals(theirs: Decimal, ours: Decimal) -> str:
    return f"QuickBooks has {amount_text(theirs)}, DunaHub sent {amount_text(ours)}."


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "empty"
