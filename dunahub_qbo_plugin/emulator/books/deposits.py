"""Bank deposits of payments, which freeze them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults
from dunahub_qbo_plugin.emulator.books.json_codec import cents

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

Json = dict[str, Any]


def make_deposit(
    ledger: Ledger, payment_ids: Sequence[str], *, on: date, cash_back: Decimal | int = 0
) -> Row:
    """Deposit payments: they are on a bank deposit now and frozen.

    A payment shows its deposit, but neither its SyncToken nor its time of change move (recorded
    2026-05, seven of seven).

    Args:
        ledger: The books.
        payment_ids: The payments, at least one.
        on: The deposit's date.
        cash_back: What of the money goes to the savings account instead.

    Raises:
        QboFaultError: 610 if there is no such payment, 6540 if it is deposited already.
    """
    payments = [ledger.need("Payment", id_).load() for id_ in payment_ids]
    if any(is_deposited(payment) for payment in payments):
        raise business_faults.deposited()
    total = sum((Decimal(payment["TotalAmt"]) for payment in payments), Decimal(0))
    bank = ledger.holder("Account", "checking")
    deposit = ledger.new("Deposit")
    deposit.update(
        {
            "DepositToAccountRef": {"value": bank[1] if bank else "35", "name": "Checking"},
            "TotalAmt": cents(total - cash_back),
            "TxnDate": on.isoformat(),
            "CurrencyRef": payments[0]["CurrencyRef"],
            "Line": [
                {
                    "Amount": payment["TotalAmt"],
                    "LinkedTxn": [{"TxnId": payment["Id"], "TxnType": "Payment", "TxnLineId": "0"}],
                }
                for payment in payments
            ],
        }
    )
    if cash_back:
        savings = ledger.holder("Account", "savings")
        account = {"value": savings[1] if savings else "36", "name": "Savings"}
        deposit["CashBack"] = {"AccountRef": account, "Amount": cents(cash_back)}
    for payment in payments:
        payment["LinkedTxn"] = [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
        ledger.save("Payment", payment, changed=False)
    return ledger.save("Deposit", deposit)


def delete_deposit(ledger: Ledger, row: Row) -> None:
    """Delete a bank deposit: its payments can be changed again."""
    for line in row.load()["Line"]:
        for linked in line.get("LinkedTxn", []):
            payment_row = ledger.row("Payment", linked["TxnId"])
            if payment_row is not None:
                payment = payment_row.load()
                payment.pop("LinkedTxn", None)
                ledger.save("Payment", payment, changed=False)
    ledger.remove("Deposit", row.id)


def is_deposited(payment: Json) -> bool:
    """Return whether a payment is on a bank deposit."""
    return any(one["TxnType"] == "Deposit" for one in payment.get("LinkedTxn", []))
