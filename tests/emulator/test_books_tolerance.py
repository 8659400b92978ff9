"""What clients send that the service passes over, and what it knows but these books do not keep."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.support.books import Books, contractor, errors, line

Json = dict[str, Any]

SALE: Json = {"CustomerRef": {"value": "4"}, "Line": [line(100)]}
XML = {"content_type": "application/xml", "accept": "application/json"}
SINCE = "2026-09-01T00:00:00Z"
# What the Singer tap asks the changes of in one call, to learn what was deleted.
EVERYTHING = """Account BillPayment Bill Budget Class CreditMemo Customer Department Deposit
    Employee Estimate Invoice Item JournalEntry PaymentMethod Payment PurchaseOrder Purchase
    RefundReceipt SalesReceipt Term Transfer VendorCredit Vendor""".split()  # noqa: SIM905  shorter


@pytest.fixture
def books() -> Books:
    """A contractor's books with one customer, Id 4."""
    books = contractor()
    books.post("customer", {"DisplayName": "Ann"})
    return books


def _paid(books: Books) -> Json:
    """Return an invoice's payment, as it is read: with a `LineEx`."""
    invoice = books.post("invoice", SALE)
    linked = [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]
    body = {
        "CustomerRef": {"value": "4"},
        "TotalAmt": 100,
        "Line": [{"Amount": 100, "LinkedTxn": linked}],
    }
    made = books.post("payment", body)
    payment: Json = books.get(f"payment/{made['Id']}")["Payment"]
    assert "LineEx" in payment["Line"][0]
    return payment


def test_an_echoed_update_by_switch(books: Books) -> None:
    """A payment sent back as it was read is refused, or its `LineEx` is passed over."""
    payment = _paid(books)
    ((code, detail),) = books.refused("payment", payment)
    assert code == "2010"
    assert "LineEx" in detail
    books.settings.echoed_extras = "ignore"
    changed = books.post("payment", payment | {"PrivateNote": "by check"})
    assert (changed["PrivateNote"], changed["SyncToken"]) == ("by check", "1")
    assert changed["Line"][0]["LinkedTxn"] == payment["Line"][0]["LinkedTxn"]
    (read,) = books.query("select * from Invoice")["Invoice"]
    assert read["Balance"] == 0


def test_an_echoed_payment_is_deleted(books: Books) -> None:
    """A client may read a payment and delete what it read (node-quickbooks does)."""
    gone = books.post("payment", _paid(books), operation="delete")
    assert gone["status"] == "Deleted"
    (read,) = books.query("select * from Invoice")["Invoice"]
    assert read["Balance"] == 100


def test_an_echoed_payment_is_voided(books: Books) -> None:
    """The same for a void, in JSON and in XML (quickbooks-ruby)."""
    for sent in ("json", "xml"):
        payment = _paid(books)
        if sent == "json":
            gone = books.post("payment", payment, operation="update", include="void")
        else:
            path = f"payment/{payment['Id']}"
            text = books.ask("GET", path, accept="application/xml").body.decode()
            body = "<Payment" + text.partition("<Payment")[2].partition("</IntuitResponse>")[0]
            assert "<LineEx>" in body
            reply = books.ask("POST", "payment", body, **XML, operation="update", include="void")
            assert reply.status == 200, reply.body
            gone = json.loads(reply.body)["Payment"]
        assert (gone["TotalAmt"], gone["UnappliedAmt"]) == (0, 0)


def test_unknown_elements_in_xml(books: Books) -> None:
    """XML's unknown elements are passed over (2015); the same property in JSON is refused."""
    body = "<Customer><DisplayName>Bea</DisplayName><Shoes><Size>9</Size></Shoes></Customer>"
    reply = books.ask("POST", "customer", body, **XML)
    made = json.loads(reply.body)["Customer"]
    assert made["DisplayName"] == "Bea"
    assert "Shoes" not in made
    assert books.refused("customer", {"DisplayName": "Cy", "Shoes": {}})[0][0] == "2010"


@pytest.mark.parametrize("inner", ["", "<Name>Gutter</Name><Type>Inventory</Type>"])
def test_an_empty_detail_in_xml(books: Books, inner: str) -> None:
    """A sales line whose detail says nothing is refused with 2020 (2015 and 2024)."""
    body = (
        "<Invoice><Line><Amount>5</Amount><DetailType>SalesItemLineDetail</DetailType>"
        f"<SalesItemLineDetail>{inner}</SalesItemLineDetail></Line>"
        "<CustomerRef>4</CustomerRef></Invoice>"
    )
    reply = books.ask("POST", "invoice", body, **XML)
    (error,) = json.loads(reply.body)["Fault"]["Error"]
    assert (error["code"], error["element"]) == ("2020", "Line.SalesItemLineDetail")
    assert error["Detail"] == (
        "Required parameter Line.SalesItemLineDetail is missing in the request"
    )
    assert books.query("select * from Invoice") == {}


def test_items_that_cannot_be_sold(books: Books) -> None:
    """A category (2017) and an item that does not exist (2015, 2017) get 2500 in those words."""
    top = books.post("item", {"Name": "Outside", "Type": "Category"})
    sale = SALE | {"Line": [line(5, item=top["Id"])]}
    said = "Invalid Reference Id : Categories cannot be used in transactions."
    assert books.refused("invoice", sale) == [("2500", said)]
    sale = SALE | {"Line": [line(5, item="99999")]}
    said = "Invalid Reference Id : Line.SalesItemLineDetail.ItemRef"
    assert books.refused("invoice", sale) == [("2500", said)]


def test_a_shipping_line(books: Books) -> None:
    """The shipping charge stands after sub-total and discount, outside both (recorded 2014)."""
    shipping = line("12.50", item="SHIPPING_ITEM_ID")
    discount = {
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10},
    }
    made = books.post("invoice", SALE | {"Line": [shipping, line(100), discount]})
    shown = [(one["DetailType"], one["Amount"]) for one in made["Line"]]
    assert shown == [
        ("SalesItemLineDetail", 100),
        ("SubTotalLineDetail", 100),
        ("DiscountLineDetail", 10),
        ("SalesItemLineDetail", Decimal("12.50")),
    ]
    assert made["Line"][-1].keys() == {"Amount", "DetailType", "SalesItemLineDetail"}
    assert made["TotalAmt"] == made["Balance"] == Decimal("102.50")
    note = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "n"}
    assert books.post("invoice", note)["TotalAmt"] == Decimal("102.50")


def test_changes_of_entities_that_are_not_kept(books: Books) -> None:
    """One call for the changes of everything gives an empty block for what is not kept."""
    books.post("invoice", SALE)
    reply = books.get("cdc", entities=",".join(EVERYTHING), changedSince=SINCE)
    blocks = reply["CDCResponse"][0]["QueryResponse"]
    assert len(blocks) == len(EVERYTHING)
    found = dict(zip(EVERYTHING, blocks, strict=True))
    assert len(found["Invoice"]["Invoice"]) == 1
    assert found["Bill"] == found["Transfer"] == {}
    for name in ("Bil", "TimeActivity"):
        refused = books.ask("GET", "cdc", entities=f"Invoice,{name}", changedSince=SINCE)
        said = f"QueryValidationError: invalid context declaration: {name}"
        assert errors(json.loads(refused.body)) == [("4001", said)]


def test_queries_and_reads_of_entities_that_are_not_kept(books: Books) -> None:
    """They hold nothing: no rows, no count, no object; a misspelled one is 4001."""
    assert books.query("select * from Bill where TotalAmt > '5' maxresults 10") == {}
    assert books.query("select count(*) from journalentry") == {"totalCount": 0}
    assert books.refused_query("select * from Bill maxresults 5000")[0] == "4001"
    assert books.refused_query("select * from Bil")[0] == "4001"
    reply = books.ask("GET", "bill/7")
    assert errors(json.loads(reply.body))[0][0] == "610"
    assert books.refused("bill", {"VendorRef": {"value": "1"}})[0] == (
        "5030",
        "Feature Not Supported Error : Bill is not kept in these books.",
    )
    assert errors(json.loads(books.ask("GET", "bil/7").body))[0][0] == "500"


@pytest.mark.parametrize("sent", ["json", "xml"])
def test_a_batch_with_an_entity_that_is_not_kept(books: Books, sent: str) -> None:
    """Its item is refused on its own; the others are done."""
    if sent == "json":
        items: list[Json] = [
            {"bId": "1", "operation": "create", "Bill": {"VendorRef": {"value": "1"}}},
            {"bId": "2", "operation": "create", "Customer": {"DisplayName": "Bea"}},
            {"bId": "3", "Query": "select * from Purchase"},
        ]
        answer = books.post("batch", {"BatchItemRequest": items})
    else:
        body = (
            '<IntuitBatchRequest><BatchItemRequest bId="1" operation="create"><Bill>'
            "<VendorRef>1</VendorRef></Bill></BatchItemRequest>"
            '<BatchItemRequest bId="2" operation="create"><Customer><DisplayName>Bea</DisplayName>'
            '</Customer></BatchItemRequest><BatchItemRequest bId="3">'
            "<Query>select * from Purchase</Query></BatchItemRequest></IntuitBatchRequest>"
        )
        answer = json.loads(books.ask("POST", "batch", body, **XML).body)
    bill, customer, purchases = answer["BatchItemResponse"]
    assert errors(bill)[0][0] == "5030"
    assert customer["Customer"]["DisplayName"] == "Bea"
    assert purchases == {"QueryResponse": {}, "bId": "3"}
    unknown = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Bil": {}}]}
    assert books.refused("batch", unknown)[0][0] == "2010"


def test_references_that_can_be_asked_for(books: Books) -> None:
    """Those Intuit's reference calls filterable; others and `AcctNum` are not."""
    books.post("invoice", SALE | {"SalesTermRef": {"value": "3"}})
    books.post("invoice", SALE)
    money = {"CustomerRef": {"value": "4"}, "TotalAmt": 5, "PaymentMethodRef": {"value": "2"}}
    books.post("payment", money)
    for text, count in (
        ("Invoice where SalesTermRef = '3'", 1),
        ("Invoice where ProjectRef = '3'", 0),
        ("CreditMemo where SalesTermRef = '3'", 0),
        ("Payment where PaymentMethodRef = '2'", 1),
        ("TaxRate where AgencyRef IN ('1')", 3),
    ):
        answer = books.query(f"select count(*) from {text}")  # noqa: S608  not SQL
        assert answer["totalCount"] == count, text
    for text in ("Invoice where DepartmentRef = '1'", "Vendor where AcctNum = '1'"):
        code, detail = books.refused_query(f"select * from {text}")  # noqa: S608  not SQL
        assert (code, "is not queryable" in detail) == ("4001", True), text


def test_a_link_asked_for_in_a_query(books: Books) -> None:
    """`include=invoiceLink` adds the link of invoices that can be paid online."""
    payable = {"AllowOnlineACHPayment": True, "BillEmail": {"Address": "ann@example.com"}}
    made = books.post("invoice", SALE | payable)
    books.post("invoice", SALE)
    text = "select * from Invoice orderby Id"
    plain = books.query(text)["Invoice"]
    assert [one.get("InvoiceLink") for one in plain] == [None, None]
    asked = books.get("query", query=text, include="invoiceLink")["QueryResponse"]["Invoice"]
    link = books.get(f"invoice/{made['Id']}")["Invoice"]["InvoiceLink"]
    assert [one.get("InvoiceLink") for one in asked] == [link, None]


def test_an_empty_text_in_the_company(books: Books) -> None:
    """What is sent empty is not shown as an empty text."""
    address = {"Line1": "1 Elm St", "Line2": "", "City": "Reno"}
    sent = {"SyncToken": "0", "CompanyName": "Elm", "CompanyAddr": address, "WebAddr": {"URI": ""}}
    books.post("companyinfo", sent)
    (info,) = books.query("select * from CompanyInfo")["CompanyInfo"]
    assert (info["CompanyName"], info["WebAddr"]) == ("Elm", {})
    assert info["CompanyAddr"] == {"Line1": "1 Elm St", "City": "Reno"}


def test_a_payment_on_paper(books: Books) -> None:
    """A payment has a PDF, as Intuit's page on payments says."""
    payment = _paid(books)
    reply = books.ask("GET", f"payment/{payment['Id']}/pdf", accept="application/pdf")
    assert (reply.status, reply.content_type) == (200, "application/pdf")
    assert reply.body.startswith(b"%PDF-1.4")


def test_a_format_asked_for_in_the_address(books: Books) -> None:
    """`format=json` asks for JSON whatever the Accept header says."""
    reply = books.ask("GET", "customer/4", accept="*/*", format="json")
    assert json.loads(reply.body)["Customer"]["DisplayName"] == "Ann"
    assert books.ask("GET", "customer/4", accept="*/*").body.startswith(b"<?xml")


def test_a_tax_code_read_by_its_word(books: Books) -> None:
    """The codes of a US company that are no numbers can be read one by one."""
    assert books.get("taxcode/TAX")["TaxCode"]["Id"] == "TAX"
    assert errors(json.loads(books.ask("GET", "taxcode/TAXX").body))[0][0] == "2030"


def test_a_position_of_nothing_by_switch(books: Books) -> None:
    """`STARTPOSITION 0`, as Intuit's PHP client sends it, is refused or answered like 1."""
    text = "select * from Customer startposition 0 maxresults 500"
    assert books.refused_query(text) == (
        "4001",
        "QueryValidationError: value 0 is too small. Min allowed value is 1",
    )
    books.settings.start_position_zero = "answer"
    answer = books.query(text)
    assert (answer["startPosition"], len(answer["Customer"])) == (1, 1)


def test_changes_asked_for_in_a_batch_of_xml(books: Books) -> None:
    """A `CDCQuery` works in XML as it does in JSON (Intuit's schema)."""
    body = (
        '<IntuitBatchRequest><BatchItemRequest bId="c"><CDCQuery><Entities>Customer,Bill'
        f"</Entities><ChangedSince>{SINCE}</ChangedSince></CDCQuery></BatchItemRequest>"
        "</IntuitBatchRequest>"
    )
    (item,) = json.loads(books.ask("POST", "batch", body, **XML).body)["BatchItemResponse"]
    (customers, bills) = item["CDCResponse"][0]["QueryResponse"]
    assert (customers["Customer"][0]["DisplayName"], bills) == ("Ann", {})


def test_what_was_chosen_in_the_preferences_stays(books: Books) -> None:
    """An update is kept beside the switches; tax and currency are not changed by one."""
    read = books.get("preferences")["Preferences"]
    read["EmailMessagesPrefs"]["InvoiceMessage"]["Subject"] = "Your gutters"
    read["SalesFormsPrefs"]["CustomTxnNumbers"] = True
    read["TaxPrefs"]["UsingSalesTax"] = not read["TaxPrefs"]["UsingSalesTax"]
    changed = books.post("preferences", read)
    assert changed["EmailMessagesPrefs"]["InvoiceMessage"]["Subject"] == "Your gutters"
    assert changed["EmailMessagesPrefs"]["InvoiceMessage"]["Message"]
    assert changed["TaxPrefs"]["UsingSalesTax"] is not read["TaxPrefs"]["UsingSalesTax"]
    books.settings.custom_txn_numbers = False
    now = books.get("preferences")["Preferences"]
    assert now["SalesFormsPrefs"]["CustomTxnNumbers"] is False
    assert now["EmailMessagesPrefs"]["InvoiceMessage"]["Subject"] == "Your gutters"


def test_the_companys_own_telephone(books: Books) -> None:
    """What Intuit's reference calls writable of the company's data is kept."""
    sent = {"SyncToken": "0", "sparse": True, "PrimaryPhone": {"FreeFormNumber": "5125550142"}}
    assert books.post("companyinfo", sent)["PrimaryPhone"] == {"FreeFormNumber": "5125550142"}


def test_an_account_known_by_its_subtype(books: Books) -> None:
    """The type may be left out where the subtype tells it; a bank account is cash on hand."""
    made = books.post("account", {"Name": "Lunch", "AccountSubType": "TravelMeals"})
    assert (made["AccountType"], made["Classification"]) == ("Expense", "Expense")
    made = books.post("account", {"Name": "Till", "AccountType": "Bank"})
    assert made["AccountSubType"] == "CashOnHand"
    assert books.refused("account", {"Name": "What", "AccountSubType": "Whatever"})[0][0] == "6010"
