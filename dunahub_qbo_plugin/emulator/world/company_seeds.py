"""Companies to start from: US contractors, an empty company, one with books in Canadian dollars.

Intuit's own sample company is in `sample_company`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.world.seed_lists import load_lists
from dunahub_qbo_plugin.emulator.world.tax_seeds import load_sales_tax

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.company_api import Company


def seed_contractor(company: Company) -> None:
    """Fill in a US contractor: accounts, services, terms, tax codes, two vendors, an employee."""
    load_lists(company)
    company.settings.sales_tax = "classic"
    load_sales_tax(company)
    company.create("Vendor", {"DisplayName": "Valley Supply", "CompanyName": "Valley Supply"})
    company.create("Vendor", {"DisplayName": "Norton Lumber and Building Materials"})
    company.create("Employee", {"GivenName": "Emily", "FamilyName": "Platt"})


def seed_automated_tax(company: Company) -> None:
    """Fill in the contractor with automated sales tax instead of fixed rates."""
    load_lists(company)
    company.settings.sales_tax = "automated"
    load_sales_tax(company)


def seed_empty(company: Company) -> None:
    """Fill in a company as QuickBooks creates it: a chart of accounts, "Services" and "Hours"."""
    load_lists(company, items=2)


def seed_canadian(company: Company) -> None:
    """Fill in a company whose home currency is the Canadian dollar, without any tax."""
    settings = company.settings
    settings.home_currency = "CAD"
    settings.country = "CA"
    settings.timezone = "America/Toronto"
    settings.company_address = {
        "Line1": "40 King St W",
        "City": "Toronto",
        "CountrySubDivisionCode": "ON",
        "PostalCode": "M5H 3Y2",
    }
    load_lists(company)
