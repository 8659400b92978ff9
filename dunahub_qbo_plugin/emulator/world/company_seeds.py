"""Companies to start from: a US contractor, one with automated sales tax, an empty one."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books.json_codec import plain

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.company_api import Company

Json = dict[str, Any]

_CREATED = "2026-01-02T09:00:00-08:00"
_USD = {"value": "USD", "name": "United States Dollar"}

# Ids, names and types as in Intuit's US sample company.
_ACCOUNTS = (
    ("1", "Services", "Income", "ServiceFeeIncome"),
    ("4", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("5", "Fees Billed", "Income", "ServiceFeeIncome"),
    ("7", "Advertising", "Expense", "AdvertisingPromotional"),
    ("8", "Bank Charges", "Expense", "BankCharges"),
    ("11", "Insurance", "Expense", "Insurance"),
    ("13", "Meals and Entertainment", "Expense", "EntertainmentMeals"),
    ("15", "Office Expenses", "Expense", "OfficeGeneralAdministrativeExpenses"),
    ("20", "Supplies", "Expense", "SuppliesMaterials"),
    ("30", "Uncategorized Income", "Income", "ServiceFeeIncome"),
    ("31", "Uncategorized Expense", "Expense", "OtherMiscellaneousServiceCost"),
    ("32", "Uncategorized Asset", "Other Current Asset", "OtherCurrentAssets"),
    ("33", "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("34", "Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("35", "Checking", "Bank", "Checking"),
    ("36", "Savings", "Bank", "Savings"),
    ("41", "Mastercard", "Credit Card", "CreditCard"),
    ("45", "Landscaping Services", "Income", "OtherPrimaryIncome"),
    ("48", "Gutter Services", "Income", "ServiceFeeIncome"),
    ("49", "HVAC Services", "Income", "ServiceFeeIncome"),
    ("50", "Cleaning Services", "Income", "ServiceFeeIncome"),
    ("53", "Maintenance and Repair", "Income", "OtherPrimaryIncome"),
    ("54", "Pest Control Services", "Income", "OtherPrimaryIncome"),
    ("79", "Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("80", "Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    ("81", "Inventory Asset", "Other Current Asset", "Inventory"),
    ("82", "Design income", "Income", "OtherPrimaryIncome"),
    ("84", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("86", "Discounts given", "Income", "DiscountsRefundsGiven"),
    ("87", "Retained Earnings", "Equity", "RetainedEarnings"),
    ("89", "Board of Equalization Payable", "Other Current Liability", "GlobalTaxPayable"),
)
_CLASSIFICATION = {
    "Income": "Revenue",
    "Expense": "Expense",
    "Cost of Goods Sold": "Expense",
    "Equity": "Equity",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
}
# Id, name, description, price, income account.
_ITEMS = (
    ("1", "Services", "", "0", "1"),
    ("2", "Hours", "", "0", "1"),
    ("3", "Gutter Cleaning", "Clean gutters and downspouts", "149", "48"),
    ("4", "Gutter Repair", "Repair or re-hang gutters", "95", "48"),
    ("5", "Gutter Installation", "Install seamless gutters, per foot", "12.5", "48"),
    ("6", "HVAC Tune-up", "Seasonal heating and cooling tune-up", "129", "49"),
    ("7", "HVAC Repair", "Diagnose and repair, per hour", "110", "49"),
    ("8", "Filter Replacement", "Replace air filter", "45", "49"),
    ("9", "House Cleaning", "Standard cleaning, per visit", "160", "50"),
    ("10", "Deep Cleaning", "Deep cleaning, per visit", "320", "50"),
    ("11", "Window Cleaning", "Windows inside and out", "180", "50"),
    ("12", "Pressure Washing", "Driveway and siding", "240", "50"),
)
_METHODS = (
    ("1", "Cash", "NON_CREDIT_CARD"),
    ("2", "Check", "NON_CREDIT_CARD"),
    ("3", "Visa", "CREDIT_CARD"),
    ("4", "MasterCard", "CREDIT_CARD"),
    ("5", "Discover", "CREDIT_CARD"),
    ("6", "American Express", "CREDIT_CARD"),
    ("7", "Diners Club", "CREDIT_CARD"),
)
_TERMS = (("1", "Due on receipt", 0), ("2", "Net 15", 15), ("3", "Net 30", 30), ("4", "Net 60", 60))
_RATES = (("1", "AZ State tax", "7.1"), ("2", "Tucson City", "2"), ("3", "California", "8"))
_CODES = (("2", "California", ("3",)), ("3", "Tucson", ("1", "2")))


def seed_contractor(company: Company) -> None:
    """Fill in a US contractor: accounts, services, terms, tax codes, two vendors, an employee."""
    _seed_lists(company)
    company.settings.sales_tax = "classic"
    _seed_tax(company)
    company.create("Vendor", {"DisplayName": "Valley Supply", "CompanyName": "Valley Supply"})
    company.create("Vendor", {"DisplayName": "Norton Lumber and Building Materials"})
    company.create("Employee", {"GivenName": "Emily", "FamilyName": "Platt"})


def seed_automated_tax(company: Company) -> None:
    """Fill in the contractor with automated sales tax instead of fixed rates."""
    _seed_lists(company)
    company.settings.sales_tax = "automated"
    _seed_tax(company)


def seed_empty(company: Company) -> None:
    """Fill in a company as QuickBooks creates it: a chart of accounts, "Services" and "Hours"."""
    _seed_lists(company, items=_ITEMS[:2])


def _frame(id_: str) -> Json:
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": id_,
        "SyncToken": "0",
        "MetaData": {"CreateTime": _CREATED, "LastUpdatedTime": _CREATED},
    }


def _seed_lists(
    company: Company, *, items: tuple[tuple[str, str, str, str, str], ...] = _ITEMS
) -> None:
    for id_, name, kind, subtype in _ACCOUNTS:
        account: Json = {
            "Name": name,
            "SubAccount": False,
            "FullyQualifiedName": name,
            "Active": True,
            "Classification": _CLASSIFICATION.get(kind, "Asset"),
            "AccountType": kind,
            "AccountSubType": subtype,
            "CurrentBalance": 0,
            "CurrentBalanceWithSubAccounts": 0,
            "CurrencyRef": _USD,
        }
        company.load("Account", account | _frame(id_))
    for id_, name, kind in _METHODS:
        company.load("PaymentMethod", {"Name": name, "Active": True, "Type": kind} | _frame(id_))
    for id_, name, days in _TERMS:
        term = {"Name": name, "Active": True, "Type": "STANDARD", "DiscountPercent": 0}
        company.load("Term", term | {"DueDays": days, "DiscountDays": 0} | _frame(id_))
    for id_, name, description, price, account_id in items:
        body: Json = {"Name": name, "Type": "Service", "UnitPrice": price}
        body["IncomeAccountRef"] = {"value": account_id}
        if description:
            body["Description"] = description
        created = company.create("Item", body)
        if created["Id"] != id_:
            raise ValueError(f"item {name} must be the first {id_} of an empty company")


def _seed_tax(company: Company) -> None:
    agency = {
        "DisplayName": "Board of Equalization",
        "TaxTrackedOnPurchases": False,
        "TaxTrackedOnSales": True,
    }
    company.load("TaxAgency", agency | _frame("1"))
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
            | _frame(id_),
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
            | _frame(id_),
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
            | _frame(id_),
        )
