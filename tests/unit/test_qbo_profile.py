from __future__ import annotations

from typing import Any

import pytest

from dunahub_qbo_plugin.model import Account, CompanyProfile, Item, SalesTax, TaxCode
from dunahub_qbo_plugin.qbo.profile import company_profile, income_accounts


def test_reads_what_the_company_says() -> None:
    """Name, country, currency, preferences, items and payment methods end up in the profile."""
    profile = company_profile(
        company={"CompanyName": "Blue Ridge Gutters", "Country": "US"},
        preferences={
            "SalesFormsPrefs": {"CustomTxnNumbers": True, "AllowDiscount": False},
            "CurrencyPrefs": {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": "CAD"}},
            "TaxPrefs": {"UsingSalesTax": True},
            "AccountingInfoPrefs": {"BookCloseDate": "2025-12-31"},
        },
        items=[
            {
                "Id": "1",
                "Name": "Services",
                "Type": "Service",
                "Active": True,
                "IncomeAccountRef": {"value": "79", "name": "Sales"},
            },
            {"Id": "2", "Name": "Downspout", "Type": "NonInventory"},
            {"Id": "3", "Name": "Folder", "Type": "Category"},
            {"Id": "4", "Name": "Bundle", "Type": "Group"},
            {"Id": "5", "Name": "Old (deleted)", "Type": "Service", "Active": False},
        ],
        payment_methods=[
            {"Id": "1", "Name": "Cash"},
            {"Id": "2", "Name": " Credit Card ", "Active": True},
            {"Id": "3", "Name": "Gone", "Active": False},
            {"Name": "No id"},
        ],
        accounts=[
            {"Id": "79", "Name": "Sales", "Active": True},
            {"Id": "80", "Name": "Old sales (deleted)", "Active": False},
            {"Name": "No id"},
        ],
        tax_codes=[
            {"Id": "2", "Name": "California", "Active": True, "Taxable": True},
            {"Id": "3", "Name": "Gone", "Active": False, "Taxable": True},
            {"Id": "4", "Name": "Exempt", "Active": True, "Taxable": False},
            {"Id": "TAX", "Name": "TAX", "Active": True, "Taxable": True},
            {"Id": "NON", "Name": "NON", "Active": True, "Taxable": False},
            {"Id": "CustomSalesTax", "Name": "Custom", "Active": True, "Taxable": True},
        ],
    )
    assert profile == CompanyProfile(
        name="Blue Ridge Gutters",
        country="US",
        home_currency="CAD",
        multicurrency=True,
        custom_txn_numbers=True,
        allow_discount=False,
        sales_tax=SalesTax.CLASSIC,
        book_close_date="2025-12-31",
        payment_methods={"cash": "1", "credit card": "2"},
        tax_codes={"2": TaxCode(id="2", name="California")},
        items={
            "1": Item(id="1", name="Services", income_account="79"),
            "2": Item(id="2", name="Downspout", type="NonInventory", income_account=""),
            "5": Item(id="5", name="Old", active=False, income_account=""),
        },
        accounts={
            "79": Account(id="79", name="Sales"),
            "80": Account(id="80", name="Old sales", active=False),
        },
    )


def test_what_is_left_out_gets_the_default() -> None:
    """Empty objects, or parts of another type, give the profile of a plain company."""
    assert company_profile(company={}, preferences={}) == CompanyProfile()
    odd: dict[str, Any] = {"SalesFormsPrefs": None, "CurrencyPrefs": [], "TaxPrefs": "x"}
    assert company_profile(company={"CompanyName": None}, preferences=odd) == CompanyProfile()


@pytest.mark.parametrize(
    ("prefs", "kind"),
    [
        ({}, SalesTax.NONE),
        ({"UsingSalesTax": False}, SalesTax.NONE),
        ({"UsingSalesTax": True}, SalesTax.CLASSIC),
        ({"UsingSalesTax": True, "PartnerTaxEnabled": False}, SalesTax.CLASSIC),
        ({"UsingSalesTax": True, "PartnerTaxEnabled": True}, SalesTax.AUTOMATED),
        ({"PartnerTaxEnabled": True}, SalesTax.AUTOMATED),
    ],
)
def test_tells_the_kinds_of_sales_tax_apart(prefs: dict[str, Any], kind: SalesTax) -> None:
    """Automated tax shows in PartnerTaxEnabled, classic tax in UsingSalesTax alone."""
    profile = company_profile(company={}, preferences={"TaxPrefs": prefs})
    assert profile.sales_tax is kind


def test_accounts_of_active_items_are_asked_for_once() -> None:
    """Each income account of an item that can be sold is named once."""
    items: list[dict[str, Any]] = [
        {"Id": "1", "Name": "A", "IncomeAccountRef": {"value": "79"}},
        {"Id": "2", "Name": "B", "IncomeAccountRef": {"value": "79"}},
        {"Id": "3", "Name": "C", "IncomeAccountRef": {"value": "7"}, "Active": False},
        {"Id": "4", "Name": "D"},
    ]
    assert income_accounts(items) == ["79"]
