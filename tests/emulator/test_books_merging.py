"""Two customers made one in QuickBooks: what becomes of them and of their transactions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest

from dunahub_qbo_plugin.emulator.books.request_faults import QboFaultError
from tests.support.books import Books, contractor, line

Json = dict[str, Any]

ANN, ANNA = "4", "5"


@pytest.fixture
def books() -> Books:
    """A contractor's books with Ann (4) and Anna (5); Ann has paid 40 of invoice 1's 100."""
    books = contractor()
    books.post("customer", {"DisplayName": "Ann"})
    books.post("customer", {"DisplayName": "Anna"})
    books.post("invoice", {"CustomerRef": {"value": ANN}, "Line": [line(100)]})
    link = {"Amount": 40, "LinkedTxn": [{"TxnId": "1", "TxnType": "Invoice"}]}
    books.post("payment", {"CustomerRef": {"value": ANN}, "TotalAmt": 40, "Line": [link]})
    books.post("creditmemo", {"CustomerRef": {"value": ANN}, "Line": [line(5)]})
    return books


def customer(books: Books, id_: str) -> Json:
    """Return a customer as it is now."""
    read: Json = books.get(f"customer/{id_}")["Customer"]
    return read


def test_transactions_move_and_the_other_customer_becomes_inactive(books: Books) -> None:
    """All documents and payments are the remaining customer's, and so is what is owed."""
    books.company.merge_customers(ANN, ANNA)
    for entity, id_ in (("invoice", "1"), ("payment", "2"), ("creditmemo", "3")):
        (document,) = [
            value for key, value in books.get(f"{entity}/{id_}").items() if key != "time"
        ]
        assert document["CustomerRef"] == {"value": ANNA, "name": "Anna"}
    assert customer(books, ANNA)["Balance"] == 55
    gone = customer(books, ANN)
    assert (gone["Active"], gone["DisplayName"], gone["Balance"]) == (False, "Ann (deleted)", 0)
    assert books.query("select * from Invoice where CustomerRef = '4'") == {}
    (shown,) = [one for one in books.company.books()["customers"] if one["id"] == ANN]
    assert shown["merged_into"] == ANNA


def test_merged_customer_cannot_be_used_or_changed(books: Books) -> None:
    """What names it is refused; made active again it is an empty twin."""
    books.company.merge_customers(ANN, ANNA)
    sale = {"CustomerRef": {"value": ANN}, "Line": [line(1)]}
    assert books.refused("invoice", sale)[0][0] == "2500"
    moved = {"Id": "1", "SyncToken": "1", "sparse": True, "CustomerRef": {"value": ANN}}
    assert books.refused("invoice", moved)[0][0] == "2500"
    change = {"Id": ANN, "SyncToken": "1", "sparse": True, "Notes": "x"}
    assert books.refused("customer", change)[0][0] == "6000"
    twin = books.post("customer", change | {"Active": True})
    assert (twin["DisplayName"], twin["Balance"]) == ("Ann", 0)
    assert books.post("invoice", sale)["CustomerRef"]["name"] == "Ann"


@pytest.mark.parametrize(("bumped", "token"), [(False, "1"), (True, "2")])
def test_moved_transactions_keep_their_tokens_by_switch(
    books: Books, *, bumped: bool, token: str
) -> None:
    """A merge raises the tokens of what it moves, and CDC tells of it, or neither."""
    books.settings.merge_bumps_txns = bumped
    books.clock.now += timedelta(minutes=1)
    since = books.clock.now.isoformat()
    books.company.merge_customers(ANN, ANNA)
    assert books.get("invoice/1")["Invoice"]["SyncToken"] == token
    changed = books.get("cdc", entities="Invoice", changedSince=since)
    ((block,),) = [one["QueryResponse"] for one in changed["CDCResponse"]]
    assert ("Invoice" in block) is bumped


def test_merged_customer_is_read_by_switch(books: Books) -> None:
    """It reads as an inactive customer, or is not found by read, query and update."""
    books.company.merge_customers(ANN, ANNA)
    all_of_them = "select * from Customer where Active in (true, false)"
    assert len(books.query(all_of_them)["Customer"]) == 2
    books.settings.merged_read = "fault_610"
    reply = books.ask("GET", f"customer/{ANN}")
    assert reply.status == 400
    assert len(books.query(all_of_them)["Customer"]) == 1
    revived = {"Id": ANN, "SyncToken": "1", "sparse": True, "Active": True}
    assert books.refused("customer", revived)[0][0] == "610"


@pytest.mark.parametrize(("switch", "is_stub"), [("inactive", False), ("deleted", True)])
def test_merged_customer_in_change_data_capture(
    books: Books, *, switch: Literal["inactive", "deleted"], is_stub: bool
) -> None:
    """CDC lists it as an inactive customer or as a deleted one."""
    books.settings.merged_cdc = switch
    books.clock.now += timedelta(minutes=1)
    since = books.clock.now.isoformat()
    books.company.merge_customers(ANN, ANNA)
    answer = books.get("cdc", entities="Customer", changedSince=since)
    listed = answer["CDCResponse"][0]["QueryResponse"][0]["Customer"]
    (gone,) = [one for one in listed if one["Id"] == ANN]
    assert ("status" in gone, gone.get("Active")) == (is_stub, None if is_stub else False)


def test_what_cannot_be_merged(books: Books) -> None:
    """Neither may have sub-customers, be inactive, or be the other one."""
    books.post("customer", {"DisplayName": "Roof", "Job": True, "ParentRef": {"value": ANNA}})
    books.post("customer", {"DisplayName": "Bob"})
    books.company.deactivate("Customer", "7")
    for merged, into in ((ANN, ANNA), (ANNA, ANN), (ANN, ANN), (ANN, "7"), ("7", ANN)):
        with pytest.raises(QboFaultError, match="6000"):
            books.company.merge_customers(merged, into)
    with pytest.raises(QboFaultError, match="610"):
        books.company.merge_customers("99", ANN)
    assert customer(books, ANN)["Active"] is True


def test_api_does_not_merge(books: Books) -> None:
    """Renaming a customer to a name that is taken is refused, as any such change is."""
    rename = {"Id": ANN, "SyncToken": "0", "sparse": True, "DisplayName": "Anna"}
    assert books.refused("customer", rename)[0][0] == "6240"
