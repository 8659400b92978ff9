"""The lists that companies start with: accounts, payment methods, sales terms, items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.company_api import Company

Json = dict[str, Any]

_CREATED = "2026-01-02T09:00:00-08:00"

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
    "Long Term Liability": "Liability",
    "Other Income": "Revenue",
    "Other Expense": "Expense",
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


def frame(id_: str) -> Json:
    """Return what each object has: its Id, first SyncToken and times."""
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": id_,
        "SyncToken": "0",
        "MetaData": {"CreateTime": _CREATED, "LastUpdatedTime": _CREATED},
    }


def load_lists(company: Company, *, items: int | None = None) -> None:
    """Fill in accounts, payment methods, terms and items.

    Args:
        company: An empty company.
        items: How many of the items; None for all.
    """
    for id_, name, kind, subtype in _ACCOUNTS:
        load_account(company, id_, name, kind, subtype)
    load_small_lists(company)
    for id_, name, description, price, account_id in _ITEMS[:items]:
        body: Json = {"Name": name, "Type": "Service", "UnitPrice": price}
        body["IncomeAccountRef"] = {"value": account_id}
        if description:
            body["Description"] = description
        created = company.create("Item", body)
        if created["Id"] != id_:
            raise ValueError(f"item {name} must be the first {id_} of an empty company")


def load_account(
    company: Company,
    id_: str,
    full_name: str,
    kind: str,
    subtype: str,
    *,
    parent: str | None = None,
) -> None:
    """Put an account into the books."""
    account: Json = {
        "Name": full_name.rpartition(":")[2],
        "SubAccount": parent is not None,
        "FullyQualifiedName": full_name,
        "Active": True,
        "Classification": _CLASSIFICATION.get(kind, "Asset"),
        "AccountType": kind,
        "AccountSubType": subtype,
        "CurrentBalance": 0,
        "CurrentBalanceWithSubAccounts": 0,
        "CurrencyRef": company.currency(),
    }
    if parent is not None:
        account["ParentRef"] = {"value": parent}
    company.load("Account", account | frame(id_))


def load_small_lists(company: Company) -> None:
    """Put the payment methods and sales terms of every company into the books."""
    for id_, name, kind in _METHODS:
        company.load("PaymentMethod", {"Name": name, "Active": True, "Type": kind} | frame(id_))
    for id_, name, days in _TERMS:
        term = {"Name": name, "Active": True, "Type": "STANDARD", "DiscountPercent": 0}
        company.load("Term", term | {"DueDays": days, "DiscountDays": 0} | frame(id_))
