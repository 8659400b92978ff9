"""An invoice becomes an Invoice whose total is DunaHub's."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest

from dunahub_hookspecs import Invoice, Lead, LineItem
from dunahub_qbo_plugin.advice.refusals import REFUSALS
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.invoice import (
    invoice_expectation,
    invoice_marker,
    invoice_payload,
    void_payload,
)
from dunahub_qbo_plugin.mapping.items import ItemFinder
from dunahub_qbo_plugin.model import CompanyProfile, Item, Kind, RemoteRef, SalesTax, TaxCode
from tests.support.words import told

REMOTE = RemoteRef(id="130", sync_token="2")
ITEMS = {
    "1": Item(id="1", name="Services"),
    "2": Item(id="2", name="Gutter  Cleaning"),
    "3": Item(id="3", name="AC tune-up"),
    "4": Item(id="4", name="Old", active=False),
    "5": Item(id="5", name="Downspouts", type="Category"),
    "6": Item(id="6", name="Repair"),
    "7": Item(id="7", name="repair"),
}
PROFILE = CompanyProfile(items=ITEMS, default_item_id="1", item_by_service={"s3": "3", "s4": "4"})
CLEANING = LineItem(
    description="Cleaning, two stories",
    quantity=Decimal("2.5"),
    unit_price=Decimal("99.95"),
    service_id="s2",
    service_name="gutter cleaning",
    taxable=True,
)
FREE = LineItem(description="Haul away", unit_price=Decimal(40))
INVOICE = Invoice(
    id="12",
    number="1042",
    lead=Lead(id="7", name="Dana"),
    lines=[CLEANING, FREE],
    discount=Decimal(10),
    tax=Decimal("20.62"),
    issued_on=date(2026, 5, 4),
    due_on=date(2026, 6, 3),
    message="Thank you!",
)


def payload_of(
    invoice: Invoice = INVOICE,
    profile: CompanyProfile = PROFILE,
    remote: RemoteRef | None = None,
    sent_fields: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Write an invoice for customer 58."""
    return invoice_payload(
        invoice, customer_id="58", profile=profile, remote=remote, sent_fields=sent_fields
    )


def refusal(invoice: Invoice = INVOICE, profile: CompanyProfile = PROFILE) -> MappingError:
    """Return the error for an invoice that cannot be sent."""
    with pytest.raises(MappingError) as caught:
        payload_of(invoice, profile)
    assert caught.value.code in REFUSALS
    return caught.value


def plain(line: LineItem, **others: Any) -> Invoice:  # noqa: ANN401  any field of an invoice
    """Make an invoice of one line and nothing else."""
    return Invoice(
        id="12",
        number="1042",
        lead=Lead(id="7"),
        lines=[line],
        issued_on=INVOICE.issued_on,
        **others,
    )


def test_create() -> None:
    """An invoice is sent with customer, lines, discount, dates and number (rule 4)."""
    assert payload_of() == {
        "CustomerRef": {"value": "58"},
        "TxnDate": "2026-05-04",
        "DueDate": "2026-06-03",
        "DocNumber": "1042",
        "Line": [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": Decimal("249.88"),
                "Description": "Cleaning, two stories",
                "SalesItemLineDetail": {
                    "ItemRef": {"value": "2"},
                    "Qty": Decimal("2.5"),
                    "UnitPrice": Decimal("99.95"),
                },
            },
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": Decimal("40.00"),
                "Description": "Haul away",
                "SalesItemLineDetail": {
                    "ItemRef": {"value": "1"},
                    "Qty": Decimal(1),
                    "UnitPrice": Decimal(40),
                },
            },
            {
                "DetailType": "DiscountLineDetail",
                "Amount": Decimal("10.00"),
                "DiscountLineDetail": {"PercentBased": False},
            },
        ],
        "CustomerMemo": {"value": "Thank you!"},
        "PrivateNote": "[DunaHub invoice 12]",
    }


def test_update_is_sparse_with_every_line() -> None:
    """An update holds every line, clears a removed message, and leaves the bookkeeper's note."""
    sent = frozenset({"CustomerMemo"})
    update = payload_of(attrs.evolve(INVOICE, message=""), remote=REMOTE, sent_fields=sent)
    assert (update["Id"], update["SyncToken"], update["sparse"]) == ("130", "2", True)
    assert update["Line"] == payload_of()["Line"]
    assert update["CustomerMemo"] == {"value": ""}
    assert "PrivateNote" not in update


def test_void() -> None:
    """Voiding names the invoice and what we last saw of it, nothing else."""
    assert void_payload(REMOTE) == {"Id": "130", "SyncToken": "2"}


def test_what_is_unknown_is_left_out() -> None:
    """No number, due day or message: no such fields."""
    bare = plain(attrs.evolve(FREE, description=""))
    payload = payload_of(attrs.evolve(bare, number=" "))
    assert {"DocNumber", "DueDate", "CustomerMemo", "TxnTaxDetail"}.isdisjoint(payload)
    assert "Description" not in payload["Line"][0]


def test_multicurrency_companies_are_told_the_currency() -> None:
    """Where a company keeps several currencies, an invoice says that it is in US dollars."""
    payload = payload_of(profile=attrs.evolve(PROFILE, multicurrency=True))
    assert payload["CurrencyRef"] == {"value": "USD"}


@pytest.mark.parametrize(
    ("mode", "code", "tax", "expected"),
    [
        (SalesTax.NONE, None, "20.62", None),
        (SalesTax.CLASSIC, None, "20.62", {"TotalTax": Decimal("20.62")}),
        (
            SalesTax.CLASSIC,
            "9",
            "20.62",
            {"TotalTax": Decimal("20.62"), "TxnTaxCodeRef": {"value": "9"}},
        ),
        (SalesTax.CLASSIC, "9", "0", {"TotalTax": Decimal("0.00")}),
        (SalesTax.AUTOMATED, "9", "20.62", {"TotalTax": Decimal("20.62")}),
        (SalesTax.AUTOMATED, None, "0", {"TotalTax": Decimal("0.00")}),
    ],
)
def test_sales_tax(mode: SalesTax, code: str | None, tax: str, expected: object) -> None:
    """Tax follows what the company is set to (rule 33)."""
    profile = attrs.evolve(PROFILE, sales_tax=mode, tax_code_id=code)
    invoice = Invoice(
        id="12",
        lead=Lead(id="7"),
        lines=INVOICE.lines,
        discount=INVOICE.discount,
        tax=Decimal(tax),
        issued_on=INVOICE.issued_on,
    )
    payload = payload_of(invoice, profile)
    assert payload.get("TxnTaxDetail") == expected
    codes = [
        line["SalesItemLineDetail"].get("TaxCodeRef")
        for line in payload["Line"]
        if "SalesItemLineDetail" in line
    ]
    if mode is SalesTax.NONE:
        assert codes == [None, None]
        assert "ApplyTaxAfterDiscount" not in payload
    else:
        assert codes == [{"value": "TAX"}, {"value": "NON"}]
        assert payload["ApplyTaxAfterDiscount"] is True


CODES = {"2": TaxCode(id="2", name="California"), "3": TaxCode(id="3", name="Tucson")}


@pytest.mark.parametrize(
    ("chosen", "known", "named"),
    [("3", CODES, "3"), (None, {"2": CODES["2"]}, "2"), ("9", {}, "9"), (None, {}, None)],
)
def test_the_tax_goes_under_the_code_that_was_chosen_or_the_only_one(
    chosen: str | None, known: dict[str, TaxCode], named: str | None
) -> None:
    """Classic sales tax: the office's code, or the only one there is (rule 33)."""
    profile = attrs.evolve(PROFILE, sales_tax=SalesTax.CLASSIC, tax_code_id=chosen, tax_codes=known)
    detail = payload_of(INVOICE, profile)["TxnTaxDetail"]
    assert detail.get("TxnTaxCodeRef") == (None if named is None else {"value": named})


@pytest.mark.parametrize(("chosen", "code"), [(None, "tax-code-missing"), ("9", "tax-code-gone")])
def test_which_tax_code_it_is_is_never_guessed(chosen: str | None, code: str) -> None:
    """Several codes and no choice, or a choice that is gone: a person chooses (rule 33)."""
    profile = attrs.evolve(PROFILE, sales_tax=SalesTax.CLASSIC, tax_code_id=chosen, tax_codes=CODES)
    with pytest.raises(MappingError) as refused:
        payload_of(INVOICE, profile)
    assert refused.value.code == code
    assert "Invoice 1042 has $20.62 of sales tax" in told(Kind.INVOICE, refused.value)
    free = payload_of(plain(FREE), profile)
    assert free["TxnTaxDetail"] == {"TotalTax": Decimal("0.00")}, "without tax none is needed"


def test_no_discount_no_discount_order() -> None:
    """Without a discount nothing is said of its order, and there is no discount line."""
    profile = attrs.evolve(PROFILE, sales_tax=SalesTax.AUTOMATED)
    payload = payload_of(plain(FREE), profile)
    assert "ApplyTaxAfterDiscount" not in payload
    assert len(payload["Line"]) == 1


@pytest.mark.parametrize(
    ("service_id", "service_name", "item"),
    [
        ("s3", "Gutter Cleaning", "3"),
        ("s9", " GUTTER cleaning ", "2"),
        (None, "AC TUNE-UP", "3"),
        ("s9", "Windows", "1"),
        ("s9", "Downspouts", "1"),
        (None, "", "1"),
    ],
)
def test_item_of_a_line(service_id: str | None, service_name: str, item: str) -> None:
    """A line goes to its mapped item, else to the item of its name, else to the default."""
    line = attrs.evolve(FREE, service_id=service_id, service_name=service_name)
    detail = payload_of(plain(line))["Line"][0]["SalesItemLineDetail"]
    assert detail["ItemRef"] == {"value": item}


@pytest.mark.parametrize(
    "profile",
    [
        CompanyProfile(items=ITEMS | {"8": Item(id="8", name="old")}, item_by_service={"s4": "4"}),
        CompanyProfile(items=ITEMS | {"8": Item(id="8", name="old")}, default_item_id="4"),
    ],
)
def test_inactive_item_has_its_namesake_in_its_place(profile: CompanyProfile) -> None:
    """The active item of the same name takes the lines of one that was made inactive (rule 24)."""
    line = attrs.evolve(FREE, service_id="s4", service_name="Anything")
    detail = payload_of(plain(line), profile)["Line"][0]["SalesItemLineDetail"]
    assert detail["ItemRef"] == {"value": "8"}


@pytest.mark.parametrize(
    ("service", "item"),
    [
        ("Roofing:Inspection", "20"),
        ("roofing : inspection", "20"),
        ("Siding:Inspection", "21"),
        ("Roofing", "22"),
        ("Roofing:Repair", "1"),
    ],
)
def test_item_by_its_full_name(service: str, item: str) -> None:
    """A product under another one is found by the name that QuickBooks shows (rule 32)."""
    under = {
        "1": ITEMS["1"],
        "20": Item(id="20", name="Inspection", full_name="Roofing:Inspection"),
        "21": Item(id="21", name="Inspection", full_name="Siding:Inspection"),
        "22": Item(id="22", name="Roofing", full_name="Roofing"),
    }
    finder = ItemFinder(profile=CompanyProfile(items=under, default_item_id="1"))
    line = LineItem(service_name=service, unit_price=Decimal(1))
    assert finder.item_id(line, position=1) == item


def test_item_that_we_have_not_heard_of_is_sent() -> None:
    """A chosen item that is newer than our list is QuickBooks' to judge."""
    profile = attrs.evolve(PROFILE, item_by_service={"s9": "77"})
    line = attrs.evolve(FREE, service_id="s9")
    detail = payload_of(plain(line), profile)["Line"][0]["SalesItemLineDetail"]
    assert detail["ItemRef"] == {"value": "77"}


@pytest.mark.parametrize(
    ("line", "profile", "code", "subject", "words"),
    [
        (
            attrs.evolve(FREE, service_name="Windows"),
            attrs.evolve(PROFILE, default_item_id=None),
            "item-missing",
            "Windows",
            "Line 1 on invoice 1042 (the service “Windows”)",
        ),
        (
            FREE,
            attrs.evolve(PROFILE, default_item_id=None),
            "item-missing",
            "Haul away",
            "Line 1 on invoice 1042 (“Haul away”)",
        ),
        (
            attrs.evolve(FREE, service_id="s4"),
            PROFILE,
            "item-inactive",
            "Old",
            "Line 1 on invoice 1042 goes to “Old”, which was made inactive",
        ),
        (
            attrs.evolve(FREE, service_name="old"),
            PROFILE,
            "item-inactive",
            "Old",
            "Line 1 on invoice 1042 goes to “Old”, which was made inactive",
        ),
        (
            attrs.evolve(FREE, service_name="REPAIR"),
            PROFILE,
            "item-ambiguous",
            "REPAIR",
            "2 products or services named",
        ),
    ],
)
def test_lines_without_an_item(
    line: LineItem, profile: CompanyProfile, code: str, subject: str, words: str
) -> None:
    """A line that no item settles names itself and where to choose one (rule 24)."""
    error = refusal(plain(line), profile)
    assert (error.code, error.subject) == (code, subject)
    assert words in told(Kind.INVOICE, error)
    assert "Settings → QuickBooks → Products and services" in told(Kind.INVOICE, error)
    assert told(Kind.INVOICE, error).endswith("it is then tried again automatically.")


@pytest.mark.parametrize(
    ("invoice", "code", "words"),
    [
        (attrs.evolve(INVOICE, lines=()), "no-lines", "Invoice 1042 has no lines"),
        (
            attrs.evolve(INVOICE, total=Decimal("300.51")),
            "total-mismatch",
            "($289.88) minus the discount ($10.00) plus the sales tax ($20.62) come to $300.50.",
        ),
        (plain(attrs.evolve(FREE, amount=Decimal(-40))), "total-negative", "is -$40.00"),
        (plain(FREE, discount=Decimal(41)), "discount-too-large", "its lines come to $40.00"),
        (plain(FREE, discount=Decimal(-1)), "discount-negative", "discount on invoice 1042 is -$1"),
        (plain(FREE, tax=Decimal(-1)), "tax-negative", "sales tax on invoice 1042 is -$1.00"),
        (attrs.evolve(INVOICE, number="9" * 22), "number-too-long", "has 22 characters"),
        (attrs.evolve(INVOICE, message="x" * 1001), "message-too-long", "1,001 characters"),
        (
            plain(attrs.evolve(FREE, description="x" * 4001)),
            "description-too-long",
            "The description of line 1 on invoice 1042 has 4,001 characters",
        ),
        (plain(FREE, total=Decimal("1E+30")), "amount-too-large", "larger than QuickBooks"),
    ],
)
def test_what_must_not_reach_the_books(invoice: Invoice, code: str, words: str) -> None:
    """An invoice that QuickBooks would refuse, or total differently, is not sent (rule 7)."""
    error = refusal(invoice)
    assert error.code == code
    assert words in told(Kind.INVOICE, error)
    assert told(Kind.INVOICE, error).endswith(
        "Once you save it in DunaHub, it is sent again automatically."
    )


@pytest.mark.parametrize(
    "invoice",
    [
        plain(attrs.evolve(FREE, amount=Decimal(0), unit_price=Decimal(0))),
        Invoice(
            id="1",
            lead=Lead(id="7"),
            lines=[FREE, attrs.evolve(FREE, quantity=Decimal(-1), amount=Decimal(-40))],
            issued_on=INVOICE.issued_on,
        ),
        plain(FREE, discount=Decimal(40)),
        attrs.evolve(INVOICE, number="9" * 21, message="x" * 1000),
        plain(attrs.evolve(FREE, description="x" * 4000)),
    ],
)
def test_what_quickbooks_may_well_take_is_sent(invoice: Invoice) -> None:
    """Zero totals, credit lines and texts at their limit go out."""
    assert payload_of(invoice)["Line"]


def test_people_text_goes_out_as_it_is() -> None:
    """Quotes, emoji, markup and line breaks arrive as they were typed."""
    text = "Zoë's 6\" gutters 🏠\r\n<script>alert('x')</script> \n50% & more\x07"
    payload = payload_of(plain(attrs.evolve(FREE, description=text)))
    assert payload["Line"][0]["Description"] == (
        "Zoë's 6\" gutters 🏠\n<script>alert('x')</script>\n50% & more"
    )


def test_expectation() -> None:
    """An invoice is looked for by number, total, date and marker."""
    expected = invoice_expectation(INVOICE)
    assert (expected.number, expected.total) == ("1042", Decimal("300.50"))
    assert (expected.issued_on, expected.marker) == (date(2026, 5, 4), "[DunaHub invoice 12]")


def test_markers_do_not_hold_each_other() -> None:
    """The marker of invoice 12 is not found in the note of invoice 123."""
    assert invoice_marker("12") not in invoice_marker("123")
