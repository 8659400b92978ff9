"""Invoices and other sales forms: lines, totals, dates, numbers, tax, voids, deletions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.support.books import Books, contractor, line

Json = dict[str, Any]

SALE: Json = {"CustomerRef": {"value": "4"}, "Line": [line(100)]}
TEN_PERCENT: Json = {
    "DetailType": "DiscountLineDetail",
    "DiscountLineDetail": {"PercentBased": True, "DiscountPercent": 10},
}
ADDRESS = {"Line1": "1 Elm St", "City": "Tucson", "CountrySubDivisionCode": "AZ"}


@pytest.fixture
def books() -> Books:
    """A contractor's books with one customer, Id 4."""
    books = contractor()
    books.post("customer", {"DisplayName": "Ann", "BillAddr": ADDRESS})
    return books


def test_a_minimal_invoice(books: Books) -> None:
    """Customer and one line are enough; the service adds the rest (recorded 2020 and 2026)."""
    made = books.post("invoice", SALE)
    first, subtotal = made["Line"]
    assert (first["Id"], first["LineNum"], first["Amount"]) == ("1", 1, Decimal("100.00"))
    assert first["SalesItemLineDetail"]["TaxCodeRef"] == {"value": "NON"}
    assert first["SalesItemLineDetail"]["ItemAccountRef"]["name"] == "Services"
    assert subtotal == {
        "Amount": Decimal("100.00"),
        "DetailType": "SubTotalLineDetail",
        "SubTotalLineDetail": {},
    }
    assert made["TxnDate"] == "2026-09-14"
    assert made["DueDate"] == "2026-10-14"
    assert made["DocNumber"] == "1001"
    assert made["BillAddr"] == made["ShipAddr"] == books.get("customer/4")["Customer"]["BillAddr"]
    assert made["Balance"] == made["TotalAmt"] == 100
    assert (made["LinkedTxn"], made["CustomField"]) == ([], [])
    assert (made["PrintStatus"], made["EmailStatus"]) == ("NeedToPrint", "NotSet")
    assert "LastModifiedByRef" in made["MetaData"]


def test_money_keeps_its_scale(books: Books) -> None:
    """Amounts have two decimals on the wire, nothing is a bare 0, prices have no zeros."""
    body = SALE | {"Line": [line(100, Qty=4, UnitPrice=25.50 - 0.50)]}
    reply = books.ask("POST", "invoice", body).body.decode()
    assert '"Amount":100.00,' in reply
    assert '"UnitPrice":25,"Qty":4,' in reply.replace('"Qty":4,"UnitPrice":25,', "")
    assert '"TotalAmt":100.00,' in reply


@pytest.mark.parametrize(
    ("price", "quantity", "amount", "fits"),
    [
        ("33.333333", "3", "100.00", True),
        ("33.33", "3", "100", False),
        ("0.125", "1", "0.13", True),
        ("0.135", "1", "0.13", False),
        ("19.99", "-1", "-19.99", True),
        ("0", "0", "5", True),
        ("0", "1", "5", False),
    ],
)
def test_the_amount_rule(
    books: Books, price: str, quantity: str, amount: str, *, fits: bool
) -> None:
    """Price times quantity, rounded half up to cents, must be the amount (recorded 2026-09)."""
    sold = line(Decimal(amount), UnitPrice=Decimal(price), Qty=Decimal(quantity))
    body = SALE | {"Line": [line(50), sold]}
    assert books.ask("POST", "invoice", body).status == (200 if fits else 400)


def test_every_bad_amount_is_told(books: Books) -> None:
    """Each line that does not compute is an error of its own (recorded 2022)."""
    bad = line(1861.07, UnitPrice=3, Qty=3)
    wanted = ("6070", "Amount is not equal to UnitPrice * Qty. Supplied value:1,861.07")
    assert books.refused("invoice", SALE | {"Line": [bad, bad]}) == [wanted, wanted]


def test_lines_are_replaced(books: Books) -> None:
    """`Line` replaces every line; one with its Id stays the same line, a new one gets the next."""
    made = books.post("invoice", SALE | {"Line": [line(10), line(20), line(30)]})
    kept = line(25) | {"Id": "2"}
    body = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Line": [kept, line(5)]}
    changed = books.post("invoice", body)
    assert [one.get("Id") for one in changed["Line"]] == ["2", "4", None]
    assert (changed["TotalAmt"], changed["Balance"]) == (30, 30)
    assert changed["CustomerRef"] == made["CustomerRef"]
    body |= {"SyncToken": "1", "Line": []}
    assert books.refused("invoice", body)[0][0] == "2020"


def test_a_discount(books: Books) -> None:
    """A percentage is taken off the sub-total and stands behind it (recorded 2014)."""
    made = books.post("invoice", SALE | {"Line": [TEN_PERCENT, line(50)]})
    kinds = [one["DetailType"] for one in made["Line"]]
    assert kinds == ["SalesItemLineDetail", "SubTotalLineDetail", "DiscountLineDetail"]
    assert made["Line"][2]["Amount"] == 5
    assert made["Line"][2]["DiscountLineDetail"]["DiscountAccountRef"]["name"] == "Discounts given"
    assert made["TotalAmt"] == 45
    note = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "n"}
    assert books.post("invoice", note)["TotalAmt"] == 45


def test_due_dates_by_terms(books: Books) -> None:
    """The form's terms, else the customer's, else thirty days."""
    net15 = SALE | {"SalesTermRef": {"value": "2"}, "TxnDate": "2026-01-20"}
    assert books.post("invoice", net15)["DueDate"] == "2026-02-04"
    term = {"Name": "Mid month", "DayOfMonthDue": 15, "DueNextMonthDays": 5}
    made = books.post("term", term)
    customer = {"DisplayName": "Bea", "SalesTermRef": {"value": made["Id"]}}
    bea = books.post("customer", customer)["Id"]
    for day, due in (("2026-01-09", "2026-01-15"), ("2026-01-12", "2026-02-15")):
        body = SALE | {"CustomerRef": {"value": bea}, "TxnDate": day}
        assert books.post("invoice", body)["DueDate"] == due
    assert books.post("invoice", SALE | {"DueDate": "2027-01-01"})["DueDate"] == "2027-01-01"


def test_numbers_without_custom_numbers(books: Books) -> None:
    """Without custom numbers one sent is kept (observed 2026-09) and a double is not refused."""
    assert books.post("invoice", SALE | {"DocNumber": "2000"})["DocNumber"] == "2000"
    assert books.post("invoice", SALE | {"DocNumber": "2000"})["DocNumber"] == "2000"
    assert books.post("invoice", SALE)["DocNumber"] == "2001"
    assert books.post("salesreceipt", {"Line": [line(5)]})["DocNumber"] == "2002"
    books.settings.doc_number_when_off = "ignore"
    assert books.post("invoice", SALE | {"DocNumber": "X"})["DocNumber"] == "2003"


def test_numbers_with_custom_numbers(books: Books) -> None:
    """With custom numbers none means none, and a double is refused, naming the other document."""
    books.settings.custom_txn_numbers = True
    first = books.post("invoice", SALE | {"DocNumber": "A-1"})
    assert "DocNumber" not in books.post("invoice", SALE)
    assert books.post("invoice", SALE | {"DocNumber": "AUTO_GENERATE"})["DocNumber"] == "1001"
    ((code, detail),) = books.refused("invoice", SALE | {"DocNumber": "A-1"})
    assert code == "6140"
    assert detail.endswith(f"DocNumber=A-1 is assigned to TxnType=Invoice with TxnId={first['Id']}")
    again = SALE | {"DocNumber": "A-1"}
    assert books.post("invoice", again, include="allowduplicatedocnum")["DocNumber"] == "A-1"
    books.settings.warn_duplicate_numbers = False
    assert books.post("invoice", again)["DocNumber"] == "A-1"


def test_lines_without_items(books: Books) -> None:
    """A line without an item is the default item, a description, or refused: a switch."""
    body = SALE | {"Line": [line(7), {"Amount": 5, "DetailType": "SalesItemLineDetail"}]}
    made = books.post("invoice", body)
    assert made["Line"][1]["SalesItemLineDetail"]["ItemRef"]["name"] == "Services"
    assert made["TotalAmt"] == 12
    books.settings.item_less_line = "description"
    made = books.post("invoice", body)
    assert made["Line"][1]["DetailType"] == "DescriptionOnly"
    assert made["TotalAmt"] == 7


def test_a_void_keeps_the_number(books: Books) -> None:
    """A void zeroes amounts, keeps number and lines, notes itself (recorded 2022)."""
    made = books.post(
        "invoice", SALE | {"PrivateNote": "call", "Line": [line(9, Qty=1, UnitPrice=9)]}
    )
    body = {"Id": made["Id"], "SyncToken": "0"}
    gone = books.post("invoice", body, operation="void")
    assert (gone["TotalAmt"], gone["Balance"], gone["SyncToken"]) == (0, 0, "1")
    detail = gone["Line"][0]["SalesItemLineDetail"]
    assert (detail["Qty"], "UnitPrice" in detail) == (0, False)
    assert gone["PrivateNote"].startswith("Voided")
    assert gone["DocNumber"] == made["DocNumber"]
    assert books.get("customer/4")["Customer"]["Balance"] == 0


def test_a_delete_is_for_good(books: Books) -> None:
    """A deleted invoice answers 610 from then on."""
    made = books.post("invoice", SALE)
    body = {"Id": made["Id"], "SyncToken": "0"}
    gone = books.post("invoice", body, operation="delete")
    assert gone == {"domain": "QBO", "status": "Deleted", "Id": made["Id"]}
    assert books.refused("invoice", body, operation="delete")[0][0] == "610"
    assert books.get("customer/4")["Customer"]["Balance"] == 0


def test_closed_books(books: Books) -> None:
    """Nothing in closed books is made, changed or deleted."""
    made = books.post("invoice", SALE | {"TxnDate": "2026-03-31"})
    books.settings.book_close_date = date(2026, 3, 31)
    change = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    for query, body in (
        ({}, SALE | {"TxnDate": "2026-03-01"}),
        ({}, change | {"TxnDate": "2026-04-02"}),
        ({"operation": "delete"}, change),
        ({"operation": "void"}, change),
    ):
        assert books.refused("invoice", body, **query)[0][0] == "6200"
    assert books.post("invoice", SALE | {"TxnDate": "2026-04-01"})["SyncToken"] == "0"
    close = books.get("preferences")["Preferences"]["AccountingInfoPrefs"]["BookCloseDate"]
    assert close == "2026-03-31"


def test_classic_tax(books: Books) -> None:
    """A classic company taxes TAX lines at the rates of the code named."""
    books.settings.sales_tax = "classic"
    lines = [line(100, TaxCodeRef={"value": "TAX"}), line(50)]
    detail = {"TxnTaxCodeRef": {"value": "3"}}
    made = books.post("invoice", SALE | {"Line": lines, "TxnTaxDetail": detail})
    assert made["TxnTaxDetail"]["TotalTax"] == Decimal("9.10")
    assert [one["Amount"] for one in made["TxnTaxDetail"]["TaxLine"]] == [Decimal("7.10"), 2]
    assert made["TotalAmt"] == Decimal("159.10")
    note = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "PrivateNote": "n"}
    assert books.post("invoice", note)["TotalAmt"] == Decimal("159.10")


@pytest.mark.parametrize(("mode", "tax"), [("honour", "16.83"), ("recompute", "8.25")])
def test_automated_tax(books: Books, mode: str, tax: str) -> None:
    """A total sent to an automated company is honored or recomputed, by switch."""
    books.settings.sales_tax = "automated"
    setattr(books.settings, "ast_override", mode)  # noqa: B010  one of two literals
    sent = {"TxnTaxDetail": {"TotalTax": 16.83}, "Line": [line(100, TaxCodeRef={"value": "TAX"})]}
    made = books.post("invoice", SALE | sent)
    assert made["TxnTaxDetail"]["TotalTax"] == Decimal(tax)
    assert made["TotalAmt"] == 100 + Decimal(tax)


@pytest.mark.parametrize("kind", ["classic", "automated"])
def test_exempt_customers_pay_no_tax(books: Books, kind: Any) -> None:  # noqa: ANN401  the switch's own type
    """A customer with `Taxable: false` pays none, until that changes.

    In a classic company it does if the form names a code, as in Intuit's sample company: a switch.
    """
    books.settings.sales_tax = kind
    address = {"Line1": "1 Elm St", "CountrySubDivisionCode": "CA", "PostalCode": "94043"}
    body = {"DisplayName": "City Hall", "Taxable": False, "BillAddr": address}
    exempt = books.post("customer", body)
    sale = {
        "CustomerRef": {"value": exempt["Id"]},
        "Line": [line(100, TaxCodeRef={"value": "TAX"})],
        "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}},
    }
    assert books.post("invoice", sale)["TotalAmt"] == (108 if kind == "classic" else 100)
    books.settings.tax_exempt = "always"
    assert books.post("invoice", sale)["TotalAmt"] == 100
    books.company.edit("Customer", exempt["Id"], {"Taxable": True})
    assert books.post("invoice", sale)["TotalAmt"] > 100


def test_a_discount_above_the_subtotal(books: Books) -> None:
    """It is refused in words that a connector's help page quotes; all of it may be taken off."""
    discount = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": {}}
    sale = {"CustomerRef": {"value": "4"}, "Line": [line(50), discount | {"Amount": 60}]}
    text = "Business Validation Error: The discount amount can't be greater than the subtotal"
    assert books.refused("invoice", sale) == [("6000", text)]
    sale["Line"] = [line(50), discount | {"Amount": 50}]
    assert books.post("invoice", sale)["TotalAmt"] == 0


def test_numbers_across_kinds(books: Books) -> None:
    """A number of another kind of sales form is taken too, by switch; an estimate's never is."""
    books.settings.custom_txn_numbers = True
    sale = {"CustomerRef": {"value": "4"}, "Line": [line(1)], "DocNumber": "A-1"}
    receipt = books.post("salesreceipt", sale)
    assert books.post("invoice", sale)["DocNumber"] == "A-1"
    books.settings.duplicate_numbers = "all_sales"
    ((code, text),) = books.refused("creditmemo", sale)
    assert code == "6140"
    assert text.endswith("is assigned to TxnType=Invoice with TxnId=2")
    books.company.delete("Invoice", "2")
    ((_, text),) = books.refused("invoice", sale)
    assert text.endswith(f"is assigned to TxnType=SalesReceipt with TxnId={receipt['Id']}")
    assert books.post("estimate", sale)["DocNumber"] == "A-1"


def test_a_credit_memo_is_voided_by_hand(books: Books) -> None:
    """The API voids no credit memo (Intuit's developers, 2018); QuickBooks itself does."""
    made = books.post("creditmemo", {"CustomerRef": {"value": "4"}, "Line": [line(30)]})
    void = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    refusal = [("500", "Operation void is not supported.")]
    assert books.refused("creditmemo", void, operation="void") == refusal
    assert books.refused("creditmemo", void, include="void") == refusal
    voided = books.company.void("CreditMemo", made["Id"])
    assert (voided["TotalAmt"], voided["RemainingCredit"]) == (0, 0)
    assert books.get("customer/4")["Customer"]["Balance"] == 0


def test_automated_tax_without_an_address(books: Books) -> None:
    """Without an address nothing is computed and no code is named (observed 2026-09)."""
    books.settings.sales_tax = "automated"
    bea = books.post("customer", {"DisplayName": "Bea"})["Id"]
    body = {"CustomerRef": {"value": bea}, "Line": [line(100, TaxCodeRef={"value": "TAX"})]}
    assert books.post("invoice", body)["TxnTaxDetail"] == {"TotalTax": 0}


def test_sending(books: Books) -> None:
    """Sending marks the invoice, takes the address and raises the token; without one, 6420."""
    made = books.post("invoice", SALE)
    path = f"invoice/{made['Id']}/send"
    assert books.refused(path, b"")[0][0] == "6420"
    sent = books.post(path, b"", sendTo="ann@example.com")
    assert (sent["EmailStatus"], sent["SyncToken"]) == ("EmailSent", "1")
    assert sent["BillEmail"] == {"Address": "ann@example.com"}
    assert sent["DeliveryInfo"]["DeliveryType"] == "Email"
    assert books.refused(path, b"", sendTo="nobody")[0][0] == "2210"


def test_pdf(books: Books) -> None:
    """A sales form can be had as PDF."""
    made = books.post("invoice", SALE)
    reply = books.ask("GET", f"invoice/{made['Id']}/pdf", accept="application/pdf")
    assert (reply.status, reply.content_type) == (200, "application/pdf")
    assert reply.body.startswith(b"%PDF-1.4")
    assert reply.body.rstrip().endswith(b"%%EOF")


def test_other_currencies(books: Books) -> None:
    """With several currencies a document has its customer's, converted at its rate."""
    books.settings.multicurrency = True
    eva = books.post("customer", {"DisplayName": "Eva", "CurrencyRef": {"value": "EUR"}})["Id"]
    body = SALE | {"CustomerRef": {"value": eva}, "ExchangeRate": 1.1}
    made = books.post("invoice", body)
    assert made["CurrencyRef"]["value"] == "EUR"
    assert (made["TotalAmt"], made["HomeTotalAmt"]) == (100, 110)
    ((code, detail),) = books.refused("invoice", body | {"CurrencyRef": {"value": "USD"}})
    assert code == "6000"
    assert "currency of the transaction is invalid" in detail
