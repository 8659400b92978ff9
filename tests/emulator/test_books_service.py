"""Request ids, batches, change data capture, XML, singletons, the overview, threads."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

from dunahub_qbo_plugin.emulator.api.company_api import Company
from dunahub_qbo_plugin.emulator.world.company_seeds import seed_canadian
from dunahub_qbo_plugin.emulator.world.sample_company import seed_sample
from dunahub_qbo_plugin.emulator.world.world import SEEDS
from tests.support.books import Books, SetClock, contractor, errors, line

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

ANN: Json = {"DisplayName": "Ann"}
SALE: Json = {"CustomerRef": {"value": "4"}, "Line": [line(100)]}


@pytest.fixture
def books() -> Books:
    """A contractor's books with one customer, Id 4."""
    books = contractor()
    books.post("customer", ANN)
    return books


def test_a_repeated_request_gets_the_same_bytes(books: Books) -> None:
    """A request id is done once; its answer is replayed with its time (recorded 2026-08)."""
    first = books.ask("POST", "invoice", SALE, requestid="r-1")
    books.clock.now += timedelta(hours=2)
    again = books.ask("POST", "invoice", SALE, requestid="r-1")
    assert again.body == first.body
    other = books.ask("POST", "invoice", SALE | {"PrivateNote": "x"}, requestid="r-1")
    assert other.body == first.body
    assert books.query("select count(*) from Invoice") == {"totalCount": 1}


def test_an_answer_is_replayed_after_the_object_is_gone(books: Books) -> None:
    """The stored answer outlives what it speaks of (observed 2026-09)."""
    first = books.ask("POST", "payment", {**SALE, "Line": [], "TotalAmt": 5}, requestid="p")
    payment = json.loads(first.body)["Payment"]
    books.post("payment", {"Id": payment["Id"], "SyncToken": "0"}, operation="delete")
    body = {**SALE, "Line": [], "TotalAmt": 5}
    assert books.ask("POST", "payment", body, requestid="p").body == first.body
    assert books.query("select * from Payment") == {}


def test_faults_are_replayed_by_switch(books: Books) -> None:
    """A stored fault is replayed, or the request is tried again."""
    assert books.refused("customer", ANN, requestid="f")[0][0] == "6240"
    bea = {"DisplayName": "Bea"}
    assert books.refused("customer", bea, requestid="f")[0][0] == "6240"
    books.settings.requestid_replays_faults = False
    assert books.refused("customer", ANN, requestid="g")[0][0] == "6240"
    assert books.post("customer", bea, requestid="g")["DisplayName"] == "Bea"


def test_request_ids_are_forgotten(books: Books) -> None:
    """After its time an id is as new."""
    books.post("customer", {"DisplayName": "Bea"}, requestid="r")
    books.clock.now += timedelta(seconds=books.settings.requestid_retention)
    assert books.refused("customer", {"DisplayName": "Bea"}, requestid="r")[0][0] == "6240"


def test_request_ids_under_threads(books: Books) -> None:
    """Ten threads with one request id make one invoice and get one answer."""
    replies: list[bytes] = []

    def send() -> None:
        replies.append(books.ask("POST", "invoice", SALE, requestid="same").body)

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(replies)) == 1
    assert books.query("select count(*) from Invoice") == {"totalCount": 1}


def batch(*items: Json) -> Json:
    """Return a batch with bIds 0, 1, 2, ..."""
    return {"BatchItemRequest": [{"bId": str(n), **item} for n, item in enumerate(items)]}


def run(books: Books, *items: Json, **query: str) -> list[Json]:
    """Return the answers of a batch's items."""
    reply = books.ask("POST", "batch", batch(*items), **query)
    assert reply.status == 200
    answers: list[Json] = json.loads(reply.body)["BatchItemResponse"]
    return answers


def test_a_batch_is_not_all_or_nothing(books: Books) -> None:
    """Every item has its own answer, in order; a fault leaves the others done (recorded 2020)."""
    made, refused, found, voided = run(
        books,
        {"operation": "create", "Invoice": SALE},
        {"operation": "create", "Customer": ANN},
        {"Query": "select * from Customer"},
        {"operation": "update", "optionsData": "void", "Invoice": {"Id": "1", "SyncToken": "0"}},
    )
    assert made["Invoice"]["Balance"] == 100
    assert refused["Fault"]["Error"][0]["element"] == ""
    assert errors(refused)[0][0] == "6240"
    assert found["QueryResponse"]["maxResults"] == 1
    assert voided["Invoice"]["TotalAmt"] == 0
    assert [made["bId"], refused["bId"], found["bId"], voided["bId"]] == ["0", "1", "2", "3"]


def test_batch_items_are_replayed(books: Books) -> None:
    """Request id and bId together name an item; another bId is another item."""
    item = {"operation": "create", "Invoice": SALE}
    first = run(books, item, requestid="b")
    assert run(books, item, requestid="b") == first
    two = run(books, item, item, requestid="b")
    assert two[0] == first[0]
    assert two[1]["Invoice"]["Id"] != first[0]["Invoice"]["Id"]


def test_a_long_batch_item_id_is_refused(books: Books) -> None:
    """Request id and bId are 50 characters at most, told per item (recorded 2022)."""
    (answer,) = run(books, {"operation": "create", "Invoice": SALE}, requestid="r" * 50)
    assert errors(answer) == [
        (
            "6000",
            (
                "Business Validation Error: You cannot enter more than 50 characters in the "
                "request_id field. You tried entering rrrrrrrrrr..., which is 51 characters."
            ),
        )
    ]


def test_duplicate_numbers_in_a_batch(books: Books) -> None:
    """`optionsData` lifts the refusal of a duplicate number."""
    books.settings.custom_txn_numbers = True
    item = {"operation": "create", "Invoice": SALE | {"DocNumber": "7"}}
    allowed = item | {"optionsData": "allowduplicatedocnum"}
    first, second, third = run(books, item, item, allowed)
    assert "Invoice" in first
    assert errors(second)[0][0] == "6140"
    assert third["Invoice"]["DocNumber"] == "7"


def test_changes_since(books: Books) -> None:
    """Changed objects by entity, deleted ones last as stubs (observed 2026-09)."""
    books.clock.now += timedelta(minutes=1)
    since = books.clock.now.isoformat()
    first = books.post("invoice", SALE)
    books.post("invoice", SALE)
    books.post("invoice", {"Id": first["Id"], "SyncToken": "0"}, operation="delete")
    answer = books.get("cdc", entities="Invoice,Payment,customer", changedSince=since)
    invoices, payments, customers = answer["CDCResponse"][0]["QueryResponse"]
    live, gone = invoices["Invoice"]
    assert live["Id"] == "2"
    assert (gone["status"], gone["Id"], "MetaData" in gone) == ("Deleted", "1", True)
    assert (invoices["startPosition"], invoices["maxResults"], invoices["totalCount"]) == (1, 2, 2)
    assert payments == {}
    assert [one["Id"] for one in customers["Customer"]] == ["4"]
    assert "totalCount" not in customers
    assert books.ask("GET", "cdc", entities="Foo", changedSince=since).status == 400
    assert books.ask("GET", "cdc", entities="Invoice", changedSince="then").status == 400


def test_long_ago_by_switch(books: Books) -> None:
    """A start of more than 30 days ago is answered (recorded 2020) or refused."""
    old = {"entities": "Invoice", "changedSince": "2011-10-10T09:00:00-07:00"}
    assert books.ask("GET", "cdc", **old).status == 200
    books.settings.cdc_window = "refuse"
    assert books.ask("GET", "cdc", **old).status == 400


def test_xml_in_and_out(books: Books) -> None:
    """Without `application/json` in Accept replies are XML; XML requests are read."""
    body = (
        '<Customer xmlns="http://schema.intuit.com/finance/v3"><DisplayName>Bea &amp; Co'
        "</DisplayName><PrimaryEmailAddr><Address>b@c.de</Address></PrimaryEmailAddr></Customer>"
    )
    reply = books.ask("POST", "customer", body, content_type="application/xml", accept="*/*")
    assert reply.status == 200
    assert reply.content_type == "application/xml;charset=UTF-8"
    assert b"<DisplayName>Bea &amp; Co</DisplayName>" in reply.body
    assert b'<CurrencyRef name="United States Dollar">USD</CurrencyRef>' in reply.body
    reply = books.ask("POST", "customer", body, content_type="text/xml", accept="application/xml")
    assert reply.content_type == "application/xml"
    assert b'<Error code="6240">' in reply.body
    read = books.ask("GET", "cdc", accept="", entities="Customer", changedSince="2026-01-01")
    assert b'<CDCResponse><QueryResponse startPosition="1" maxResults="2">' in read.body
    items = '<BatchItemRequest bId="a" operation="create">' + body + "</BatchItemRequest>"
    whole = f"<IntuitBatchRequest>{items}</IntuitBatchRequest>"
    reply = books.ask("POST", "batch", whole, content_type="application/xml", accept="text/xml")
    assert b'<BatchItemResponse bId="a"><Fault type="ValidationFault">' in reply.body


@pytest.mark.parametrize(
    "body",
    ["", "<Customer>", "<Vendor/>", '<!DOCTYPE x [<!ENTITY a "b">]><Customer/>', "<a>" * 300],
)
def test_xml_that_is_none(books: Books, body: str) -> None:
    """XML that cannot be read, is of another entity or brings a DTD is refused with 2010."""
    reply = books.ask("POST", "customer", body, content_type="application/xml")
    assert errors(json.loads(reply.body))[0][0] == "2010"


def test_singletons(books: Books) -> None:
    """CompanyInfo and Preferences are read by path and by query, and show the switches."""
    realm = books.company.realm_id
    info = books.get(f"companyinfo/{realm}")["CompanyInfo"]
    assert info["CompanyName"] == "Ridgeline Home Services"
    assert books.query("select * from CompanyInfo") == {"CompanyInfo": [info], "maxResults": 1}
    sales = books.get("preferences")["Preferences"]["SalesFormsPrefs"]
    assert sales["CustomTxnNumbers"] is False
    change = {"SyncToken": "0", "sparse": True, "SalesFormsPrefs": {"CustomTxnNumbers": True}}
    assert books.post("preferences", change)["SyncToken"] == "1"
    assert books.settings.custom_txn_numbers is True
    assert books.refused("preferences", change)[0][0] == "5010"
    for mode, using, partner in (
        ("none", False, False),
        ("classic", True, False),
        ("automated", True, True),
    ):
        setattr(books.settings, "sales_tax", mode)  # noqa: B010  one of three literals
        prefs = books.get("preferences")["Preferences"]["TaxPrefs"]
        assert (prefs["UsingSalesTax"], prefs["PartnerTaxEnabled"]) == (using, partner)


def test_the_overview_points_out_doubles(books: Books) -> None:
    """Everything is in the overview; what looks doubled is said in a sentence."""
    assert books.company.books()["doubles"] == []
    for _ in range(2):
        books.post("invoice", SALE | {"DocNumber": "77"})
    overview = books.company.books()
    assert [one["number"] for one in overview["invoices"]] == ["77", "77"]
    assert overview["totals"]["open"] == "200.00"
    assert overview["doubles"] == [
        "Invoice: same number (77): Ids 1, 2",
        "Invoice: same customer, amount and day (customer 4, 100.00, 2026-09-14): Ids 1, 2",
    ]
    json.dumps(overview)


def test_the_accountant(books: Books) -> None:
    """An accountant edits, voids, deletes and inactivates past the tokens an app holds."""
    made = books.post("invoice", SALE)
    edited = books.company.edit("Invoice", made["Id"], {"PrivateNote": "checked"})
    assert edited["SyncToken"] == "1"
    assert books.company.void("Invoice", made["Id"])["TotalAmt"] == 0
    assert books.company.delete("Invoice", made["Id"])["status"] == "Deleted"
    assert books.company.deactivate("Customer", "4")["DisplayName"] == "Ann (deleted)"


@pytest.mark.parametrize("seed", [fill for _, _, fill in SEEDS.values()], ids=list(SEEDS))
def test_seeds(seed: Callable[[Company], None]) -> None:
    """Every seed has the default item, undeposited funds and a way to sell and be paid."""
    company = Company(realm_id="1", name="Seeded", clock=SetClock())
    seed(company)
    books = Books()
    books.company = company
    books.settings = company.settings
    assert books.get("item/1")["Item"]["Name"] == "Services"
    assert books.get("item/2")["Item"]["Name"] == "Hours"
    customer = books.post("customer", ANN)["Id"]
    sale = books.post("invoice", {"CustomerRef": {"value": customer}, "Line": [line(10)]})
    link = {"Amount": 10, "LinkedTxn": [{"TxnId": sale["Id"], "TxnType": "Invoice"}]}
    payment = {"CustomerRef": {"value": customer}, "TotalAmt": 10, "Line": [link]}
    assert books.post("payment", payment)["DepositToAccountRef"] == {"value": "4"}


def test_seeds_have_no_doubles() -> None:
    """No seed has twice what looks the same; Intuit's has three invoices of one week alike."""
    for name, (realm, _, fill) in SEEDS.items():
        company = Company(realm_id=realm, name=name, clock=SetClock())
        fill(company)
        assert company.books()["doubles"] == [], name


def test_the_sample_company_is_intuits() -> None:
    """Its invoices have the totals and balances that sandboxes of 2020 and 2026 show."""
    books = Books()
    seed_sample(books.company)
    folder = resources.files("dunahub_qbo_plugin.emulator") / "data"
    rows = json.loads((folder / "sample_company.json").read_text("utf-8"), parse_float=Decimal)
    shown = {one["Id"]: one for one in books.query("select * from Invoice")["Invoice"]}
    assert len(shown) == 31
    for id_, number, customer, *_, total, balance in rows["invoices"]:
        found = shown[id_]
        assert (found["DocNumber"], found["CustomerRef"]["value"]) == (number, customer)
        assert (found["TotalAmt"], found["Balance"]) == (total, balance), id_
    owed = {"1": 239, "2": 85, "8": Decimal("477.50"), "17": Decimal("314.28"), "7": 0, "3": 0}
    people = {one["Id"]: one for one in books.query("select * from Customer")["Customer"]}
    assert {id_: people[id_]["Balance"] for id_ in owed} == owed
    assert people["7"]["BalanceWithJobs"] == Decimal("562.50")
    assert people["8"]["FullyQualifiedName"] == "Freeman Sporting Goods:0969 Ocean View Road"
    deposits = {
        one["Id"]: one["TotalAmt"] for one in books.query("select * from Deposit")["Deposit"]
    }
    assert deposits == {"102": 408, "121": Decimal("868.15")}
    payment = books.get("payment/31")["Payment"]
    assert payment["LinkedTxn"] == [{"TxnId": "102", "TxnType": "Deposit"}]
    assert books.get("item/5")["Item"]["Name"] == "Rock Fountain"
    accounts = books.query("select * from Account MAXRESULTS 5")["Account"]
    assert [one["Id"] for one in accounts] == ["69", "33", "84", "7", "89"]
    assert books.post("customer", {"DisplayName": "Ann"})["Id"] == "58"


def test_the_canadian_company_has_no_us_dollars() -> None:
    """Home currency, country and what is sold there are Canadian; US dollars are refused."""
    books = Books()
    seed_canadian(books.company)
    books.post("customer", ANN)
    info = books.get(f"companyinfo/{books.company.realm_id}")["CompanyInfo"]
    currency = books.get("preferences")["Preferences"]["CurrencyPrefs"]["HomeCurrency"]
    assert (info["Country"], currency) == ("CA", {"value": "CAD"})
    made = books.post("invoice", {"CustomerRef": {"value": "1"}, "Line": [line(100)]})
    assert made["CurrencyRef"] == {"value": "CAD", "name": "Canadian Dollar"}
    us = {"CustomerRef": {"value": "1"}, "Line": [line(1)], "CurrencyRef": {"value": "USD"}}
    assert books.refused("invoice", us)[0][0] == "6000"
    account = books.get("account/1")["Account"]
    assert account["CurrencyRef"]["value"] == "CAD"
