"""A read, a query and a write do not show the same of an object (recorded 2026-05)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.books import Books, contractor, line

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


@pytest.fixture
def books() -> Books:
    """A contractor's books with a customer."""
    books = contractor()
    books.post("customer", {"DisplayName": "Ann", "BillAddr": {"Line1": "1 Elm St"}})
    return books


def read(books: Books, entity: str, id_: str) -> Json:
    """Read one object."""
    answer = books.get(f"{entity}/{id_}")
    answer.pop("time")
    (value,) = answer.values()
    found: Json = value
    return found


def bill(books: Books, entity: str = "invoice", **more: Any) -> Json:  # noqa: ANN401  any property
    """Write a sales form of one line."""
    (ann,) = books.query("select * from Customer")["Customer"]
    body = {"CustomerRef": {"value": ann["Id"]}, "Line": [line(100)]}
    return books.post(entity, body | more)


def test_an_account_is_new_when_it_was_never_changed(books: Books) -> None:
    """The answer to an account's create has no time of a last change; later answers have one."""
    made = books.post("account", {"Name": "Till", "AccountType": "Bank"})
    assert made["MetaData"].keys() == {"CreateTime"}
    assert read(books, "account", made["Id"])["MetaData"].keys() == {
        "CreateTime",
        "LastUpdatedTime",
    }


def test_rates_of_a_vendor_are_left_out_of_queries(books: Books) -> None:
    """A vendor's rates stand in writes and reads, its pseudonym in queries as well."""
    made = books.post("vendor", {"DisplayName": "Gutter Supply"})
    assert (made["BillRate"], made["CostRate"]) == (0, 0)
    assert made["V4IDPseudonym"] == read(books, "vendor", made["Id"])["V4IDPseudonym"]
    (found,) = books.query("select * from Vendor where DisplayName = 'Gutter Supply'")["Vendor"]
    assert found["V4IDPseudonym"] == made["V4IDPseudonym"]
    assert not found.keys() & {"BillRate", "CostRate"}


def test_queries_leave_out_deferred_revenue(books: Books) -> None:
    """An item's flag of deferred revenue stands in writes and reads only."""
    (item, *_) = books.query("select * from Item maxresults 1")["Item"]
    assert "DeferredRevenue" not in item
    assert read(books, "item", item["Id"])["DeferredRevenue"] is False


def test_a_payable_invoice_shows_its_link(books: Books) -> None:
    """Once it can be paid online and has an address, reads and updates show the link."""
    payable: Json = {"AllowOnlineACHPayment": True, "BillEmail": {"Address": "ann@example.com"}}
    made, plain = bill(books, **payable), bill(books)
    assert "InvoiceLink" not in made
    assert read(books, "invoice", made["Id"])["InvoiceLink"].startswith("https://")
    assert "InvoiceLink" not in read(books, "invoice", plain["Id"])
    assert all("InvoiceLink" not in one for one in books.query("select * from Invoice")["Invoice"])


def test_a_credit_is_not_signed(books: Books) -> None:
    """Invoices name who changed them last, credits do not; both tell where goods came from."""
    invoice, credit = bill(books), bill(books, "creditmemo")
    assert "LastModifiedByRef" in invoice["MetaData"]
    assert "LastModifiedByRef" not in credit["MetaData"]
    assert (
        invoice["ShipFromAddr"].keys() == credit["ShipFromAddr"].keys() == {"Id", "Line1", "Line2"}
    )
    assert invoice["ShipFromAddr"]["Line2"].count(",") == 1


def test_what_was_sent_is_told_in_short(books: Books) -> None:
    """The answer to a sending leaves out who changed it and the accounts of its lines."""
    made = bill(books, BillEmail={"Address": "ann@example.com"})
    sent = books.post(f"invoice/{made['Id']}/send", {})
    assert sent["EmailStatus"] == "EmailSent"
    assert "LastModifiedByRef" not in sent["MetaData"]
    assert not sent.keys() & {"FreeFormAddress"}
    assert "ItemAccountRef" not in sent["Line"][0]["SalesItemLineDetail"]
    assert "ItemAccountRef" in read(books, "invoice", made["Id"])["Line"][0]["SalesItemLineDetail"]


def test_a_payment_that_is_on_no_deposit_is_linked_to_nothing(books: Books) -> None:
    """A payment has the property only while it is on a deposit."""
    (ann,) = books.query("select * from Customer")["Customer"]
    paid = books.post("payment", {"CustomerRef": {"value": ann["Id"]}, "TotalAmt": 5})
    assert "LinkedTxn" not in paid
    books.company.deposit(paid["Id"])
    assert [one["TxnType"] for one in read(books, "payment", paid["Id"])["LinkedTxn"]] == [
        "Deposit"
    ]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (
            "select * from TaxCode orderby Id maxresults 1",
            {"TAX", "NON", "CustomSalesTax", "2"},
        ),
        ("select * from TaxCode orderby Id startposition 2 maxresults 1", {"3"}),
        ("select * from TaxCode", {"TAX", "NON", "CustomSalesTax", "2", "3"}),
    ],
)
def test_tax_codes_that_no_limit_counts(books: Books, query: str, wanted: set[str]) -> None:
    """The three codes without a number come with the first page, on top of its limit."""
    found: Mapping[str, Any] = books.query(query)
    assert {one["Id"] for one in found["TaxCode"]} == wanted
