from __future__ import annotations

from typing import Any

import pytest

from dunahub_qbo_plugin.model import CompanyProfile, Item, SalesTax
from dunahub_qbo_plugin.qbo.profile import company_profile


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
            {"Id": "1", "Name": "Services", "Type": "Service", "Active": True},
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
        items={
            "1": Item(id="1", name="Services"),
            "2": Item(id="2", name="Downspout", type="NonInventory"),
            "5": Item(id="5", name="Old", active=False),
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
