"""Items, accounts and the small lists: payment methods, terms, departments, classes, agencies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.field_checks import check_fields, merge
from dunahub_qbo_plugin.emulator.books.json_codec import plain
from dunahub_qbo_plugin.emulator.books.people import rename_for_activity, unchanged

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

Json = dict[str, Any]

_FRAME = frozenset({"domain", "status", "sparse", "Id", "SyncToken", "MetaData"})
_READ_ONLY = _FRAME | {
    "FullyQualifiedName",
    "Level",
    "CurrentBalance",
    "CurrentBalanceWithSubAccounts",
    "Source",
    "AvgCost",
    "QtyOnPurchaseOrder",
    "QtyOnSalesOrder",
    "SpecialItem",
    "SpecialItemType",
}
_KEPT = _FRAME | {
    "Active",
    "Type",
    "CurrentBalance",
    "CurrentBalanceWithSubAccounts",
    "CurrencyRef",
    "AccountType",
    "AccountSubType",
    "InvStartDate",
    "TrackQtyOnHand",
}
_CLASSIFICATION = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Cost of Goods Sold": "Expense",
    "Expense": "Expense",
    "Other Expense": "Expense",
}
# Recorded 2026-05 for a bank account; what others get is not known.
_SUB_TYPE = {"Bank": "CashOnHand"}
# Intuit's reference: the type may be left out where the subtype is given. The commonest ones.
_SUB_TYPES = {
    "Bank": "CashOnHand Checking MoneyMarket RentsHeldInTrust Savings TrustAccounts",
    "Accounts Receivable": "AccountsReceivable",
    "Other Current Asset": "Inventory OtherCurrentAssets PrepaidExpenses UndepositedFunds",
    "Fixed Asset": "Buildings FurnitureAndFixtures MachineryAndEquipment Vehicles",
    "Accounts Payable": "AccountsPayable",
    "Credit Card": "CreditCard",
    "Other Current Liability": "OtherCurrentLiabilities SalesTaxPayable",
    "Long Term Liability": "NotesPayable OtherLongTermLiabilities",
    "Equity": "OpeningBalanceEquity OwnersEquity RetainedEarnings",
    "Income": "DiscountsRefundsGiven NonProfitIncome OtherPrimaryIncome SalesOfProductIncome "
    "ServiceFeeIncome UnappliedCashPaymentIncome",
    "Cost of Goods Sold": "CostOfLaborCos EquipmentRentalCos SuppliesMaterialsCogs",
    "Expense": "AdvertisingPromotional Auto BankCharges EntertainmentMeals EquipmentRental "
    "Insurance LegalProfessionalFees OfficeGeneralAdministrativeExpenses "
    "OtherMiscellaneousServiceCost RentOrLeaseOfBuildings RepairMaintenance "
    "SuppliesMaterials TaxesPaid Travel TravelMeals Utilities",
}
_TYPE_OF = {
    sub_type: kind for kind, sub_types in _SUB_TYPES.items() for sub_type in sub_types.split()
}
_SOLD = ("Service", "NonInventory", "Inventory")
_STOCKED = (
    "IncomeAccountRef",
    "AssetAccountRef",
    "ExpenseAccountRef",
    "InvStartDate",
    "QtyOnHand",
)
_INCOME = ("Income", "Other Income")
_REVENUE_FLAG_SINCE = 2026


def create_list_object(ledger: Ledger, entity: str, body: Json) -> Row:
    """Create an item, account or other list object.

    Raises:
        QboFaultError: 2020, 2040, 2050, 2500, 6000 or 6240.
    """
    check_fields(ENTITIES[entity], body)
    data = merge(None, body, sparse=False, readonly=_READ_ONLY, keep=_KEPT)
    _complete(ledger, entity, data)
    _check_name_free(ledger, entity, data, None)
    data.update(ledger.new(entity))
    return ledger.save(entity, data)


def update_list_object(ledger: Ledger, entity: str, row: Row, body: Json) -> Row:
    """Update, inactivate or reactivate a list object.

    Raises:
        QboFaultError: As for a create, and 6000 for a change of an inactive one.
    """
    check_fields(ENTITIES[entity], body)
    old = row.load()
    data = merge(
        old,
        body,
        sparse=body.get("sparse") is True,
        readonly=_READ_ONLY,
        keep=_KEPT,
        empty_text=ledger.settings.empty_text,
    )
    data["sparse"] = False
    name = "DisplayName" if entity == "TaxAgency" else "Name"
    if body.get(name) == "":
        raise request_faults.missing(name)
    rename_for_activity(old, data, (name,))
    _complete(ledger, entity, data)
    if unchanged(old, data) and not ledger.settings.no_change_bumps_token:
        return row
    if not old.get("Active", True) and not data.get("Active", True):
        raise business_faults.business("You cannot modify a list element that has been deleted.")
    _check_name_free(ledger, entity, data, row)
    ledger.touch(data)
    return ledger.save(entity, data)


def _complete(ledger: Ledger, entity: str, data: Json) -> None:
    name = "DisplayName" if entity == "TaxAgency" else "Name"
    if not str(data.get(name, "")).strip():
        raise request_faults.missing(name)
    if entity != "TaxAgency":
        data.setdefault("Active", True)
    match entity:
        case "Item":
            _complete_item(ledger, data)
        case "Account":
            _complete_account(ledger, data)
        case "Term":
            data.setdefault("Type", "DATE_DRIVEN" if "DayOfMonthDue" in data else "STANDARD")
        case "PaymentMethod":
            data.setdefault("Type", "NON_CREDIT_CARD")
        case "Department" | "Class":
            _nest(ledger, entity, data, f"Sub{entity}")
        case _:
            data.setdefault("TaxTrackedOnPurchases", False)
            data.setdefault("TaxTrackedOnSales", True)


def _nest(ledger: Ledger, entity: str, data: Json, flag: str) -> None:
    parent = ledger.reference(entity, data.get("ParentRef"), "ParentRef")
    data["FullyQualifiedName"] = data["Name"]
    if flag != "SubItem" or parent is not None:
        data[flag] = parent is not None
    else:
        data.pop(flag, None)
    data.pop("Level", None)
    if parent is None:
        return
    at: Json | None = parent
    while at is not None:
        if at["Id"] == data.get("Id"):
            raise request_faults.parent_is_child()
        row = ledger.row(entity, at.get("ParentRef", {}).get("value", ""))
        at = row.load() if row is not None else None
    data["ParentRef"] = {"value": parent["Id"], "name": parent["Name"]}
    if entity == "Item":
        data["Level"] = parent.get("Level", 0) + 1
    data["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{data['Name']}"


def _complete_item(ledger: Ledger, data: Json) -> None:
    kind = data.setdefault("Type", "Service")
    _nest(ledger, "Item", data, "SubItem")
    if kind == "Category":
        return
    if kind in _SOLD and not data.get("IncomeAccountRef") and not data.get("ExpenseAccountRef"):
        raise request_faults.missing("IncomeAccountRef")
    if kind == "Inventory":
        for required in _STOCKED:
            if data.get(required) in (None, {}, ""):
                raise request_faults.missing(required)
    _refer_to_accounts(ledger, data)
    data.setdefault("Taxable", False)
    for key in ("UnitPrice", "PurchaseCost"):
        data[key] = plain(data.get(key, 0))
    data.setdefault("TrackQtyOnHand", kind == "Inventory")
    if "QtyOnHand" in data:
        data["QtyOnHand"] = plain(data["QtyOnHand"])
    if ledger.settings.replies_as_of >= _REVENUE_FLAG_SINCE:
        data.setdefault("DeferredRevenue", False)


def _refer_to_accounts(ledger: Ledger, data: Json) -> None:
    for key in ("IncomeAccountRef", "ExpenseAccountRef", "AssetAccountRef"):
        account = ledger.reference("Account", data.get(key), key)
        if account is None:
            continue
        if key == "IncomeAccountRef" and account["AccountType"] not in _INCOME:
            raise business_faults.business(
                "You need to select a different type of account for this transaction."
            )
        data[key] = {"value": account["Id"], "name": account["FullyQualifiedName"]}


def _complete_account(ledger: Ledger, data: Json) -> None:
    kind = data.get("AccountType") or _TYPE_OF.get(data.get("AccountSubType", ""))
    if not kind:
        raise request_faults.QboFaultError.of(
            "6010",
            "Invalid Account.AccountType && Account.SubType",
            "Either an Account.AccountType or an Account.AccountSubType must be specified",
        )
    _nest(ledger, "Account", data, "SubAccount")
    data.pop("Level", None)
    data["AccountType"] = kind
    data["Classification"] = _CLASSIFICATION.get(kind, "Asset")
    data.setdefault("AccountSubType", _SUB_TYPE.get(kind, kind.replace(" ", "")))
    data.setdefault("CurrentBalance", 0)
    data.setdefault("CurrentBalanceWithSubAccounts", 0)
    data["CurrencyRef"] = ledger.check_currency(data.get("CurrencyRef"))


def _check_name_free(ledger: Ledger, entity: str, data: Json, row: Row | None) -> None:
    name = data.get("FullyQualifiedName") or data.get("Name") or data.get("DisplayName") or ""
    holder = ledger.holder(entity, str(name))
    if holder is None or (row is not None and holder == (entity, row.id)):
        return
    if row is None:
        raise business_faults.duplicate_name(f"Id={holder[1]}")
    raise business_faults.duplicate_name(
        f"Another {_spoken(entity)} is already using this name. Please use a different name.", ""
    )


def _spoken(entity: str) -> str:
    return {"Item": "product or service", "PaymentMethod": "payment method"}.get(
        entity, entity.lower()
    )
