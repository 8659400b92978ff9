"""Payments and credits: applied, partial, over, unapplied, foreign, deposited, voided, deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.support.books import Books, contractor, line

Json = dict[str, Any]


@pytest.fixture
def books() -> Books:
    """A contractor's books with Ann (4), who owes 100 on invoice 1, and Bob (5)."""
    books = contractor()
    books.post("customer", {"DisplayName": "Ann"})
    books.post("customer", {"DisplayName": "Bob"})
    books.post("invoice", {"CustomerRef": {"value": "4"}, "Line": [line(100)]})
    return books


def pay(total: float, *links: tuple[float, str], **changes: object) -> Json:
    """Return a payment of Ann's for some invoices."""
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": id_, "TxnType": "Invoice"}]}
        for amount, id_ in links
    ]
    return {"CustomerRef": {"value": "4"}, "TotalAmt": total, "Line": lines, **changes}


def invoice(books: Books, id_: str = "1") -> Json:
    """Return an invoice as it is now."""
    read: Json = books.get(f"invoice/{id_}")["Invoice"]
    return read


def owed(books: Books, id_: str = "4") -> float:
    """Return a customer's balance."""
    return float(books.get(f"customer/{id_}")["Customer"]["Balance"])


def test_a_partial_payment(books: Books) -> None:
    """It lowers the open balance, links both ways and raises the invoice's token only."""
    made = books.post("payment", pay(40, (30, "1")))
    assert (made["TotalAmt"], made["UnappliedAmt"]) == (40, 10)
    (applied,) = made["Line"]
    extras = {one["value"]["Name"]: one["value"]["Value"] for one in applied["LineEx"]["any"]}
    assert extras == {"txnId": "1", "txnOpenBalance": "100.00", "txnReferenceNumber": "1001"}
    after = invoice(books)
    assert (after["Balance"], after["TotalAmt"], after["SyncToken"]) == (70, 100, "1")
    assert after["LinkedTxn"] == [{"TxnId": made["Id"], "TxnType": "Payment"}]
    assert owed(books) == 60
    customer = books.get("customer/4")["Customer"]
    assert customer["SyncToken"] == "0"
    assert (
        books.refused("invoice", {"Id": "1", "SyncToken": "0", "sparse": True, "PrivateNote": "x"})[
            0
        ][0]
        == "5010"
    )


def test_an_unapplied_payment(books: Books) -> None:
    """Without lines all of it is unapplied and goes to undeposited funds (recorded 2026)."""
    made = books.post("payment", {"CustomerRef": {"value": "4"}, "TotalAmt": 25})
    assert (made["UnappliedAmt"], made["Line"], made["ProcessPayment"]) == (25, [], False)
    assert made["DepositToAccountRef"] == {"value": "4"}
    assert made["TxnDate"] == "2026-09-14"


def test_an_over_payment(books: Books) -> None:
    """More than is open is accepted; the rest is unapplied (observed 2026-09)."""
    books.post("payment", pay(95, (95, "1")))
    made = books.post("payment", pay(30, (30, "1")))
    assert (made["UnappliedAmt"], made["Line"][0]["Amount"]) == (25, 5)
    assert invoice(books)["Balance"] == 0
    assert owed(books) == -25


def test_more_applied_than_paid(books: Books) -> None:
    """A payment cannot settle more than it is worth."""
    assert books.refused("payment", pay(10, (50, "1")))[0][0] == "6000"


def test_another_customers_invoice(books: Books) -> None:
    """Applied to another customer's invoice it stays unapplied, or is refused: a switch."""
    foreign = pay(20, (20, "1"), CustomerRef={"value": "5"})
    assert books.post("payment", foreign)["UnappliedAmt"] == 20
    assert invoice(books)["SyncToken"] == "0"
    books.settings.foreign_payment = "refuse"
    assert books.refused("payment", foreign)[0][0] == "620"


def test_a_sparse_note(books: Books) -> None:
    """A sparse update of the note alone needs nothing else (recorded 2026-05)."""
    made = books.post("payment", pay(40, (30, "1")))
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    noted = books.post("payment", change | {"PrivateNote": "job 7"})
    assert (noted["PrivateNote"], noted["SyncToken"], len(noted["Line"])) == ("job 7", "1", 1)
    assert invoice(books)["SyncToken"] == "1"
    change |= {"SyncToken": "1", "TotalAmt": 35}
    assert books.refused("payment", change)[0] == (
        "2020",
        "Required parameter CustomerRef is missing in the request",
    )
    books.settings.payment_sparse = "lenient"
    assert books.post("payment", change)["UnappliedAmt"] == 5


def test_unapplying(books: Books) -> None:
    """A full update without lines takes the money off the invoice (observed 2026-09)."""
    made = books.post("payment", pay(40, (30, "1")))
    freed = books.post("payment", pay(40, Id=made["Id"], SyncToken="0"))
    assert (freed["UnappliedAmt"], freed["Line"]) == (40, [])
    after = invoice(books)
    assert (after["Balance"], after["LinkedTxn"], after["SyncToken"]) == (100, [], "2")


def test_a_deleted_payment(books: Books) -> None:
    """Deleting a payment opens the invoice again and raises its token (observed 2026-09)."""
    made = books.post("payment", pay(40, (30, "1")))
    books.post("payment", {"Id": made["Id"], "SyncToken": "0"}, operation="delete")
    after = invoice(books)
    assert (after["Balance"], after["LinkedTxn"], after["SyncToken"]) == (100, [], "2")
    assert owed(books) == 100


def test_a_voided_payment(books: Books) -> None:
    """A payment is voided by `operation=update&include=void` and is worth nothing then."""
    made = books.post("payment", pay(40, (30, "1")))
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    gone = books.post("payment", body, operation="update", include="void")
    assert (gone["TotalAmt"], gone["UnappliedAmt"], gone["Line"]) == (0, 0, [])
    assert gone["PrivateNote"] == "Voided"
    assert invoice(books)["Balance"] == 100
    books.settings.payment_void = "strict"
    made = books.post("payment", pay(5))
    body["Id"] = made["Id"]
    assert books.refused("payment", body, operation="update", include="void")[0][0] == "2020"


def test_a_deposit_freezes(books: Books) -> None:
    """A deposited payment cannot be changed, voided or deleted until the deposit is deleted."""
    made = books.post("payment", pay(40, (30, "1")))
    deposit = books.company.deposit(made["Id"])
    read = books.get(f"payment/{made['Id']}")["Payment"]
    assert read["LinkedTxn"] == [{"TxnId": deposit["Id"], "TxnType": "Deposit"}]
    body = pay(1, Id=made["Id"], SyncToken=read["SyncToken"])
    for query in ({}, {"operation": "delete"}, {"operation": "update", "include": "void"}):
        assert books.refused("payment", body, **query)[0][0] == "6540"
    books.company.delete("Deposit", deposit["Id"])
    token = books.get(f"payment/{made['Id']}")["Payment"]["SyncToken"]
    assert books.post("payment", body | {"SyncToken": token})["TotalAmt"] == 1


def test_a_deposit_leaves_the_payment_alone(books: Books) -> None:
    """A payment's token and time of change stay when it is deposited (recorded 2026-05)."""
    made = books.post("payment", pay(40, (30, "1")))
    books.clock.now += timedelta(minutes=1)
    since = books.clock.now.isoformat()
    deposit = books.company.deposit(made["Id"])
    read = books.get(f"payment/{made['Id']}")["Payment"]
    assert (read["SyncToken"], read["MetaData"]) == ("0", made["MetaData"])
    answer = books.get("cdc", entities="Payment,Deposit", changedSince=since)
    payments, deposits = answer["CDCResponse"][0]["QueryResponse"]
    assert (payments, len(deposits["Deposit"])) == ({}, 1)
    books.company.delete("Deposit", deposit["Id"])
    read = books.get(f"payment/{made['Id']}")["Payment"]
    assert (read["SyncToken"], "LinkedTxn" in read) == ("0", False)


def test_a_deposited_payment_is_applied_anew(books: Books) -> None:
    """By switch a deposited payment may be moved to another invoice, its money may not."""
    books.post("invoice", {"CustomerRef": {"value": "4"}, "Line": [line(100)]})
    made = books.post("payment", pay(40, (40, "1")))
    books.company.deposit(made["Id"])
    moved = pay(40, (40, "2"), Id=made["Id"], SyncToken="0")
    assert books.refused("payment", moved)[0][0] == "6540"
    books.settings.deposited_payment_reapply = "allow"
    for change in (
        {"TotalAmt": 50},
        {"CustomerRef": {"value": "5"}},
        {"DepositToAccountRef": {"value": "35"}},
    ):
        assert books.refused("payment", moved | change)[0][0] == "6540"
    after = books.post("payment", moved)
    assert (after["SyncToken"], after["LinkedTxn"][0]["TxnType"]) == ("1", "Deposit")
    assert (invoice(books, "1")["Balance"], invoice(books, "2")["Balance"]) == (100, 60)


def test_voiding_a_paid_invoice(books: Books) -> None:
    """With the live token it is allowed; the payment stays, unapplied (observed 2026-09)."""
    made = books.post("payment", pay(40, (30, "1")))
    assert books.refused("invoice", {"Id": "1", "SyncToken": "0"}, operation="void")[0][0] == "5010"
    gone = books.post("invoice", {"Id": "1", "SyncToken": "1"}, operation="void")
    assert (gone["Balance"], gone["LinkedTxn"]) == (0, [])
    read = books.get(f"payment/{made['Id']}")["Payment"]
    assert (read["UnappliedAmt"], read["Line"]) == (40, [])
    assert owed(books) == -40


def test_deleting_a_paid_invoice(books: Books) -> None:
    """Refused with 800 or 6000, or the payment is left unapplied: a switch."""
    made = books.post("payment", pay(40, (30, "1")))
    body = {"Id": "1", "SyncToken": "1"}
    assert books.refused("invoice", body, operation="delete")[0][0] == "800"
    books.settings.delete_paid_invoice = "fault_6000"
    assert books.refused("invoice", body, operation="delete")[0][0] == "6000"
    books.settings.delete_paid_invoice = "unlink"
    books.post("invoice", body, operation="delete")
    assert books.get(f"payment/{made['Id']}")["Payment"]["UnappliedAmt"] == 40
    assert books.refused("payment", pay(5, (5, "1")))[0] == (
        "610",
        "Object Not Found : Another user has deleted this transaction.",
    )


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(books: Books) -> None:
    """A payment of 0 with an invoice line and a credit line (recorded 2026-05)."""
    body = {"CustomerRef": {"value": "4"}, "Line": [line(30)]}
    credit = books.post("creditmemo", body)
    assert (credit["RemainingCredit"], owed(books)) == (30, 70)
    lines = [
        {"Amount": 30, "LinkedTxn": [{"TxnId": "1", "TxnType": "Invoice"}]},
        {"Amount": 30, "LinkedTxn": [{"TxnId": credit["Id"], "TxnType": "CreditMemo"}]},
    ]
    made = books.post("payment", pay(0) | {"Line": lines})
    assert (made["TotalAmt"], made["UnappliedAmt"], len(made["Line"])) == (0, 0, 2)
    assert invoice(books)["Balance"] == 70
    assert books.get(f"creditmemo/{credit['Id']}")["CreditMemo"]["RemainingCredit"] == 0
    assert owed(books) == 70


def test_lowering_a_paid_invoice(books: Books) -> None:
    """An invoice lowered below what is paid frees the rest of the payment."""
    made = books.post("payment", pay(90, (90, "1")))
    body = {"Id": "1", "SyncToken": "1", "sparse": True, "Line": [line(60)]}
    changed = books.post("invoice", body)
    assert (changed["TotalAmt"], changed["Balance"]) == (60, 0)
    assert books.get(f"payment/{made['Id']}")["Payment"]["UnappliedAmt"] == 30


def test_money_is_applied_by_itself_if_wished(books: Books) -> None:
    """With AutoApplyPayments unapplied money goes to the customer's open invoices."""
    books.settings.auto_apply_payments = True
    made = books.post("payment", pay(30))
    assert made["Line"][0]["LinkedTxn"] == [{"TxnId": "1", "TxnType": "Invoice"}]
    assert invoice(books)["Balance"] == 70


def test_a_payment_of_nothing(books: Books) -> None:
    """A payment needs an amount."""
    assert books.refused("payment", pay(0))[0] == (
        "6000",
        "Business Validation Error: You must set a transaction amount.",
    )
