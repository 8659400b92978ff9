"""The sales tax of the seeds: one agency, three rates, two codes, as in Intuit's sample company."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.books.json_codec import plain
from dunahub_qbo_plugin.emulator.world.seed_lists import frame

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.company_api import Company

_RATES = (("1", "AZ State tax", "7.1"), ("2", "Tucson City", "2"), ("3", "California", "8"))
_CODES = (("2", "California", ("3",)), ("3", "Tucson", ("1", "2")))


def load_sales_tax(company: Company) -> None:
    """Put the rates, codes and the agency of classic sales tax into the books."""
    agency = {
        "DisplayName": "Board of Equalization",
        "TaxTrackedOnPurchases": False,
        "TaxTrackedOnSales": True,
    }
    company.load("TaxAgency", agency | frame("1"))
    for id_, name, rate in _RATES:
        company.load(
            "TaxRate",
            {
                "Name": name,
                "Description": "Sales Tax",
                "Active": True,
                "RateValue": plain(Decimal(rate)),
                "AgencyRef": {"value": "1"},
                "SpecialTaxType": "NONE",
                "DisplayType": "ReadOnly",
            }
            | frame(id_),
        )
    names = {id_: name for id_, name, _ in _RATES}
    for id_, name, rates in _CODES:
        details = [
            {
                "TaxRateRef": {"value": rate, "name": names[rate]},
                "TaxTypeApplicable": "TaxOnAmount",
                "TaxOrder": 0,
            }
            for rate in rates
        ]
        company.load(
            "TaxCode",
            {
                "Name": name,
                "Description": name,
                "Active": True,
                "Taxable": True,
                "TaxGroup": True,
                "SalesTaxRateList": {"TaxRateDetail": details},
                "PurchaseTaxRateList": {"TaxRateDetail": []},
            }
            | frame(id_),
        )
    for id_, taxable in (("TAX", True), ("NON", False), ("CustomSalesTax", True)):
        company.load(
            "TaxCode",
            {
                "Name": id_,
                "Description": id_,
                "Active": True,
                "Taxable": taxable,
                "TaxGroup": id_ == "CustomSalesTax",
            }
            | frame(id_),
        )
