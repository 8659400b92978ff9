"""What QuickBooks does by itself with a customer's credit: it pays open invoices."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books.json_codec import cents
from dunahub_qbo_plugin.emulator.books.linking import Link, payment_line, settle

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

# Recorded 2026-05 on a payment that QuickBooks had made itself.
_NOTE = "Created by QB Online to link credits to charges."


def apply_credits(ledger: Ledger, entity: str, id_: str) -> None:
    """Pay a new invoice with the customer's credits, or its open invoices with a new credit memo.

    The oldest come first. An unapplied payment gets a line more, which raises its SyncToken; a
    credit memo is tied to the invoice by a payment of nothing.
    """
    document = ledger.tables[entity].rows[id_].load()
    customer = document["CustomerRef"]["value"]
    if entity == "Invoice":
        credits_ = [
            *_open(ledger, "Payment", customer, "UnappliedAmt"),
            *_open(ledger, "CreditMemo", customer, "Balance"),
        ]
        for credit in sorted(credits_, key=_age):
            _pay(ledger, ("Invoice", id_), credit)
    elif entity == "CreditMemo":
        for invoice in _open(ledger, "Invoice", customer, "Balance"):
            _pay(ledger, ("Invoice", invoice[1]), ("CreditMemo", id_))


def _open(ledger: Ledger, entity: str, customer: str, left: str) -> list[Link]:
    rows = ledger.tables[entity].owned_by(customer)
    return [(entity, row.id) for row in rows if Decimal(row.load().get(left, 0)) > 0]


def _age(link: Link) -> int:
    return int(link[1])


def _pay(ledger: Ledger, invoice: Link, credit: Link) -> None:
    """Pay an invoice with a credit, as far as both go."""
    bill = ledger.tables["Invoice"].rows[invoice[1]].load()
    source = ledger.tables[credit[0]].rows[credit[1]].load()
    left = Decimal(source["UnappliedAmt" if credit[0] == "Payment" else "Balance"])
    amount = min(left, Decimal(bill["Balance"]))
    if amount <= 0:
        return
    line = payment_line(invoice, amount, bill["Balance"], bill.get("DocNumber", ""))
    if credit[0] == "Payment":
        source["Line"] = [*source["Line"], line]
        source["UnappliedAmt"] = cents(left - amount)
        ledger.touch(source)
        payment = source
    else:
        other = payment_line(credit, amount, left, source.get("DocNumber", ""))
        payment = _tie(ledger, bill, [line, other])
        settle(ledger, credit, payment["Id"], Decimal(0), amount)
    ledger.save("Payment", payment)
    settle(ledger, invoice, payment["Id"], Decimal(0), amount)


def _tie(ledger: Ledger, bill: Json, lines: list[Json]) -> Json:
    """Return a payment of nothing that ties a credit memo to an invoice."""
    return ledger.new("Payment") | {
        "CustomerRef": bill["CustomerRef"],
        "CurrencyRef": bill["CurrencyRef"],
        "TxnDate": ledger.today().isoformat(),
        "TotalAmt": 0,
        "UnappliedAmt": 0,
        "ProcessPayment": False,
        "PrivateNote": _NOTE,
        "Line": lines,
    }
