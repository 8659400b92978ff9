"""Bank deposits of payments, which freeze them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

Json = dict[str, Any]


def make_deposit(ledger: Ledger, payment_id: str) -> Row:
    """Deposit a payment: it is on a bank deposit now and frozen.

    The payment shows its deposit, but neither its SyncToken nor its time of change move (recorded
    2026-05, seven of seven).

    Raises:
        QboFaultError: 610 if there is no such payment, 6540 if it is deposited already.
    """
    payment = ledger.need("Payment", payment_id).load()
    if is_deposited(payment):
        raise business_faults.deposited()
    bank = ledger.holder("Account", "checking")
    deposit = ledger.new("Deposit")
    deposit.update(
        {
            "DepositToAccountRef": {"value": bank[1] if bank else "35", "name": "Checking"},
            "TotalAmt": payment["TotalAmt"],
            "TxnDate": ledger.today().isoformat(),
            "CurrencyRef": payment["CurrencyRef"],
            "Line": [
                {
                    "Amount": payment["TotalAmt"],
                    "LinkedTxn": [{"TxnId": payment_id, "TxnType": "Payment", "TxnLineId": "0"}],
                }
            ],
        }
    )
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
