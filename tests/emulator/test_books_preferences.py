"""What a company's preferences make of its documents: online payment, classes, credits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import pytest

from tests.support.books import Books, contractor, line

Json = dict[str, Any]

ANN = {"CustomerRef": {"value": "4"}}
ONLINE = ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment")


@pytest.fixture
def books() -> Books:
    """A contractor's books with Ann (4), a class (1) and a location (1)."""
    books = contractor()
    books.post("customer", {"DisplayName": "Ann"})
    books.post("class", {"Name": "North"})
    books.post("department", {"Name": "Reno"})
    return books


def invoice(books: Books, id_: str) -> Json:
    """Return an invoice as it is now."""
    read: Json = books.get(f"invoice/{id_}")["Invoice"]
    return read


def online(document: Json) -> list[bool]:
    """Return whether a document can be paid by card and by bank."""
    return [document[flag] for flag in ONLINE]


def preferences(books: Books) -> Json:
    """Return the company's preferences."""
    read: Json = books.get("preferences")["Preferences"]
    return read


def test_an_invoice_can_be_paid_online_by_preference(books: Books) -> None:
    """What an invoice does not say is as the company has it (recorded 2026-05)."""
    assert preferences(books)["SalesFormsPrefs"]["ETransactionPaymentEnabled"] is True
    sale = ANN | {"Line": [line(10)]}
    assert online(books.post("invoice", sale)) == [True, True]
    own = dict.fromkeys(ONLINE, False)
    assert online(books.post("invoice", sale | own)) == [False, False]
    books.settings.online_default = False
    assert online(books.post("invoice", sale)) == [False, False]
    assert preferences(books)["SalesFormsPrefs"]["ETransactionPaymentEnabled"] is False


@pytest.mark.parametrize(("omitted", "after"), [("default", [True] * 2), ("keep", [False] * 2)])
def test_online_payment_left_out_of_a_full_update(
    books: Books, omitted: Literal["default", "keep"], after: list[bool]
) -> None:
    """A full update that does not say so takes the default again or keeps; a sparse one keeps."""
    books.settings.online_omitted = omitted
    made = books.post("invoice", ANN | {"Line": [line(10)]} | dict.fromkeys(ONLINE, False))
    note = {"Id": made["Id"], "sparse": True, "SyncToken": "0", "PrivateNote": "x"}
    assert online(books.post("invoice", note)) == [False, False]
    full = ANN | {"Id": made["Id"], "SyncToken": "1", "Line": [line(10)]}
    assert online(books.post("invoice", full)) == after


NORTH: Json = {"ClassRef": {"value": "1"}}


@pytest.mark.parametrize(
    ("tracking", "head", "below"),
    [("off", True, True), ("per_line", False, True), ("per_transaction", True, False)],
)
def test_a_class_stands_where_it_is_tracked(
    books: Books,
    *,
    tracking: Literal["off", "per_line", "per_transaction"],
    head: bool,
    below: bool,
) -> None:
    """A class elsewhere is passed over (observed 2025-09), or refused: a switch."""
    books.settings.class_tracking = tracking
    sale = ANN | NORTH | {"Line": [line(10, **NORTH)]}
    made = books.post("invoice", sale)
    assert ("ClassRef" in made) is head
    assert ("ClassRef" in made["Line"][0]["SalesItemLineDetail"]) is below
    books.settings.misplaced_class = "refuse"
    assert books.ask("POST", "invoice", sale).status == (200 if head and below else 400)


def test_a_class_is_required_by_switch(books: Books) -> None:
    """A form without class where it is tracked is refused in words of ours; an estimate is not."""
    books.settings.require_class = "fault_6000"
    bare, headed = ANN | {"Line": [line(10)]}, ANN | NORTH | {"Line": [line(10)]}
    lined = ANN | {"Line": [line(10, **NORTH)]}
    assert books.refused("invoice", headed)[0][0] == "6000"
    assert books.refused("invoice", ANN | {"Line": [line(1, **NORTH), line(2)]})[0][0] == "6000"
    assert books.post("invoice", lined)["TotalAmt"] == 10
    books.settings.class_tracking = "per_transaction"
    assert books.refused("invoice", lined)[0][0] == "6000"
    assert books.post("invoice", headed)["TotalAmt"] == 10
    assert books.post("estimate", bare)["TotalAmt"] == 10


def test_a_location_is_required_by_switch(books: Books) -> None:
    """A form without location is refused in words of ours."""
    sale = ANN | {"Line": [line(10)]}
    books.settings.require_location = "fault_6000"
    assert books.refused("invoice", sale)[0][0] == "6000"
    made = books.post("invoice", sale | {"DepartmentRef": {"value": "1"}})
    assert made["DepartmentRef"]["name"] == "Reno"


def test_preferences_tell_and_set_what_is_tracked(books: Books) -> None:
    """The preferences show classes and locations, and an update of them counts."""
    wanted = {"ClassTrackingPerTxnLine": True, "TrackDepartments": True}
    change = {"SyncToken": "0", "AccountingInfoPrefs": wanted}
    accounting = books.post("preferences", change)["AccountingInfoPrefs"]
    assert {name: accounting[name] for name in wanted} == wanted
    assert (books.settings.class_tracking, books.settings.track_locations) == ("per_line", True)
    other = {"ClassTrackingPerTxnLine": False, "ClassTrackingPerTxn": True}
    books.post("preferences", {"SyncToken": "1", "AccountingInfoPrefs": other})
    assert preferences(books)["AccountingInfoPrefs"]["ClassTrackingPerTxn"] is True
    off = {"ClassTrackingPerTxn": False}
    books.post("preferences", {"SyncToken": "2", "AccountingInfoPrefs": off})
    assert books.settings.class_tracking == "off"
    sales = {"AutoApplyCredit": True, "ETransactionPaymentEnabled": False}
    books.post("preferences", {"SyncToken": "3", "SalesFormsPrefs": sales})
    assert (books.settings.auto_apply_credit, books.settings.online_default) == ("on_create", False)
    books.post("preferences", {"SyncToken": "4", "SalesFormsPrefs": {"AutoApplyCredit": False}})
    assert books.settings.auto_apply_credit == "off"


def test_preferences_need_not_show_what_is_automatic(books: Books) -> None:
    """Recordings differ in whether the two keys are there."""
    keys = {"AutoApplyCredit", "AutoApplyPayments"}
    assert preferences(books)["SalesFormsPrefs"].keys() >= keys
    books.settings.show_auto_apply = False
    assert not preferences(books)["SalesFormsPrefs"].keys() & keys


@pytest.mark.parametrize("refs", ["wipe", "keep"])
def test_what_a_line_left_out(books: Books, refs: Literal["wipe", "keep"]) -> None:
    """A line sent with its Id, but without class, date or tax code, loses or keeps them."""
    books.settings.line_refs = refs
    bookkeeping: Json = {**NORTH, "ServiceDate": "2026-09-01", "TaxCodeRef": {"value": "TAX"}}
    discount: Json = {"DetailType": "DiscountLineDetail", "Amount": 1, "DiscountLineDetail": {}}
    other = discount | {"DiscountLineDetail": {"DiscountAccountRef": {"value": "30"}}}
    made = books.post("invoice", ANN | {"Line": [line(10, **bookkeeping), other]})
    again = [line(12) | {"Id": "1"}, line(3), discount]
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Line": again}
    first, new, _, off = books.post("invoice", change)["Line"]
    detail = first["SalesItemLineDetail"]
    kept = refs == "keep"
    assert (first["Id"], first["Amount"]) == ("1", 12)
    assert ("ClassRef" in detail, "ServiceDate" in detail) == (kept, kept)
    assert detail["TaxCodeRef"]["value"] == ("TAX" if kept else "NON")
    assert "ClassRef" not in new["SalesItemLineDetail"]
    account = off["DiscountLineDetail"]["DiscountAccountRef"]["value"]
    assert account == ("30" if kept else "86")


def test_sparse_lines_are_refused_by_switch(books: Books) -> None:
    """A sparse update with lines gets 2020 where the switch says so; nothing else does."""
    books.settings.sparse_lines = "fault_2020"
    made = books.post("invoice", ANN | {"Line": [line(10)]})
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    assert books.refused("invoice", change | {"Line": [line(11)]})[0][0] == "2020"
    assert books.post("invoice", change | {"PrivateNote": "x"})["SyncToken"] == "1"
    full = ANN | {"Id": made["Id"], "SyncToken": "1", "Line": [line(11)]}
    assert books.post("invoice", full)["TotalAmt"] == 11


def test_credits_pay_a_new_invoice(books: Books) -> None:
    """Unapplied payments and credit memos pay it at once, oldest first; a later payment is left."""
    books.settings.auto_apply_credit = "on_create"
    paid = books.post("payment", ANN | {"TotalAmt": 30})
    credit = books.post("creditmemo", ANN | {"Line": [line(50)]})
    made = books.post("invoice", ANN | {"Line": [line(100)]})
    assert (made["Balance"], made["TotalAmt"]) == (20, 100)
    first, tie = [one["TxnId"] for one in made["LinkedTxn"]]
    assert first == paid["Id"]
    payment = books.get(f"payment/{paid['Id']}")["Payment"]
    assert (payment["SyncToken"], payment["UnappliedAmt"]) == ("1", 0)
    tied = books.get(f"payment/{tie}")["Payment"]
    assert (tied["TotalAmt"], tied["PrivateNote"]) == (
        0,
        "Created by QB Online to link credits to charges.",
    )
    assert [(one["Amount"], one["LinkedTxn"][0]["TxnType"]) for one in tied["Line"]] == [
        (50, "Invoice"),
        (50, "CreditMemo"),
    ]
    assert books.get(f"creditmemo/{credit['Id']}")["CreditMemo"]["RemainingCredit"] == 0
    link = {"Amount": 100, "LinkedTxn": [{"TxnId": made["Id"], "TxnType": "Invoice"}]}
    ours = books.post("payment", ANN | {"TotalAmt": 100, "Line": [link]})
    assert (ours["UnappliedAmt"], ours["Line"][0]["Amount"]) == (80, 20)
    assert books.get("customer/4")["Customer"]["Balance"] == -80
    closed = books.post("invoice", ANN | {"Line": [line(5)]})
    assert closed["Balance"] == 0


def test_a_new_credit_memo_pays_open_invoices(books: Books) -> None:
    """It goes to the customer's oldest open invoice first, and to nobody else's."""
    books.post("customer", {"DisplayName": "Bob"})
    for customer, amount in (("5", 10), ("4", 30), ("4", 40)):
        books.post("invoice", {"CustomerRef": {"value": customer}, "Line": [line(amount)]})
    books.settings.auto_apply_credit = "on_create"
    credit = books.post("creditmemo", ANN | {"Line": [line(50)]})
    assert [invoice(books, id_)["Balance"] for id_ in ("1", "2", "3")] == [10, 0, 20]
    assert (credit["RemainingCredit"], credit["Balance"]) == (0, 0)
    assert books.get("customer/4")["Customer"]["Balance"] == 20


def test_nothing_is_automatic_by_itself(books: Books) -> None:
    """Without the preference credit stays where it is."""
    books.post("payment", ANN | {"TotalAmt": 30})
    assert books.post("invoice", ANN | {"Line": [line(100)]})["Balance"] == Decimal(100)
