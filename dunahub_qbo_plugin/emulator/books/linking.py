"""Money applied to documents: links between payments, invoices and credit memos.

The one place where an open balance moves. A link raises the SyncToken of the document it
settles (observed 2026-09): whoever holds the old token is stale.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books.json_codec import cents

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]
Link = tuple[str, str]

_NAME_VALUE = "com.intuit.schema.finance.v3.NameValue"
_NAMESPACE = "{http://schema.intuit.com/finance/v3}NameValue"


def links_of(payment: Json) -> dict[Link, Decimal]:
    """Return what a payment settles: amount by document type and Id."""
    out: dict[Link, Decimal] = {}
    for line in payment.get("Line", []):
        for linked in line.get("LinkedTxn", []):
            key = (linked["TxnType"], linked["TxnId"])
            out[key] = out.get(key, Decimal(0)) + Decimal(line["Amount"])
    return out


def payment_line(link: Link, amount: Decimal, open_before: Decimal | int, number: str) -> Json:
    """Return a payment's line as it comes back, with its `LineEx` (recorded 2026-05)."""
    facts = [("txnId", link[1]), ("txnOpenBalance", f"{Decimal(open_before):.2f}")]
    if number:
        facts.append(("txnReferenceNumber", number))
    return {
        "Amount": cents(amount),
        "LinkedTxn": [{"TxnId": link[1], "TxnType": link[0]}],
        "LineEx": {
            "any": [
                {
                    "name": _NAMESPACE,
                    "declaredType": _NAME_VALUE,
                    "scope": "javax.xml.bind.JAXBElement$GlobalScope",
                    "value": {"Name": name, "Value": value},
                    "nil": False,
                    "globalScope": True,
                    "typeSubstituted": False,
                }
                for name, value in facts
            ]
        },
    }


def settle(ledger: Ledger, link: Link, payment_id: str, before: Decimal, after: Decimal) -> None:
    """Move a document's open balance from one applied amount to another."""
    if before == after:
        return
    entity, id_ = link
    row = ledger.row(entity, id_)
    if row is None:
        return
    data = row.load()
    delta = after - before
    data["Balance"] = cents(Decimal(data.get("Balance", 0)) - delta)
    if entity == "CreditMemo":
        data["RemainingCredit"] = data["Balance"]
    links = [one for one in data.get("LinkedTxn", []) if one["TxnId"] != payment_id]
    if after:
        links.append({"TxnId": payment_id, "TxnType": "Payment"})
    data["LinkedTxn"] = links
    ledger.touch(data)
    ledger.save(entity, data)


def release(ledger: Ledger, document: Json, link: Link, keep: Decimal) -> None:
    """Take money off a document until only `keep` is applied, newest payments first.

    The payments stay; what they had applied becomes unapplied.
    """
    applied = applied_to(ledger, document, link)
    excess = sum(applied.values(), Decimal(0)) - keep
    for payment_id, amount in reversed(applied.items()):
        if excess <= 0:
            return
        take = min(excess, amount)
        excess -= take
        _shrink(ledger, payment_id, link, amount - take)


def applied_to(ledger: Ledger, document: Json, link: Link) -> dict[str, Decimal]:
    """Return what each payment has applied to a document."""
    out: dict[str, Decimal] = {}
    for linked in document.get("LinkedTxn", []):
        if linked["TxnType"] != "Payment":
            continue
        row = ledger.row("Payment", linked["TxnId"])
        if row is not None:
            out[row.id] = links_of(row.load()).get(link, Decimal(0))
    return out


def _shrink(ledger: Ledger, payment_id: str, link: Link, remaining: Decimal) -> None:
    payment = ledger.tables["Payment"].rows[payment_id].load()
    lines = []
    freed = Decimal(0)
    for line in payment.get("Line", []):
        linked = line["LinkedTxn"][0]
        if (linked["TxnType"], linked["TxnId"]) == link:
            freed += Decimal(line["Amount"]) - remaining
            if not remaining:
                continue
            line["Amount"] = cents(remaining)
        lines.append(line)
    sign = 1 if link[0] == "Invoice" else -1
    unapplied = Decimal(payment.get("UnappliedAmt", 0)) + sign * freed
    payment["Line"] = _without_funds(ledger, payment_id, lines, max(-unapplied, Decimal(0)))
    payment["UnappliedAmt"] = cents(max(unapplied, Decimal(0)))
    ledger.touch(payment)
    ledger.save("Payment", payment)


def _without_funds(
    ledger: Ledger, payment_id: str, lines: list[Json], missing: Decimal
) -> list[Json]:
    """Take off invoices what a credit had paid that is there no more, the last line first."""
    kept: list[Json] = []
    for line in reversed(lines):
        linked, amount = line["LinkedTxn"][0], Decimal(line["Amount"])
        take = min(missing, amount) if linked["TxnType"] == "Invoice" else Decimal(0)
        if take:
            missing -= take
            link = (linked["TxnType"], linked["TxnId"])
            settle(ledger, link, payment_id, amount, amount - take)
            line["Amount"] = cents(amount - take)
        if amount - take:
            kept.append(line)
    return kept[::-1]
