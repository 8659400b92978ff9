"""Customers, vendors and employees: one name space, no deletion, only inactivity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.addresses import store_address
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.field_checks import check_fields, merge

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

Json = dict[str, Any]

DELETED = " (deleted)"
_FRAME = frozenset({"domain", "status", "sparse", "Id", "SyncToken", "MetaData"})
_READ_ONLY = _FRAME | {
    "Balance",
    "BalanceWithJobs",
    "FullyQualifiedName",
    "Level",
    "IsProject",
    "V4IDPseudonym",
    "ClientEntityId",
    "IntuitId",
    "OverDueBalance",
    "TotalRevenue",
    "TotalExpense",
    "RootCustomerRef",
    "Source",
}
_KEPT = _FRAME | {
    "Balance",
    "BalanceWithJobs",
    "IsProject",
    "CurrencyRef",
    "Active",
    "DefaultTaxCodeRef",
    "Taxable",
    "PreferredDeliveryMethod",
    "ParentRef",
    "Job",
}
_NAME_PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_ADDRESSES = ("BillAddr", "ShipAddr", "PrimaryAddr")
_MAX_LEVEL = 4
_JSON_TEXTS_SINCE = 2020
_PROJECTS_SINCE = 2026


def create_person(ledger: Ledger, entity: str, body: Json) -> Row:
    """Create a customer, vendor or employee.

    Raises:
        QboFaultError: 2040, 2050, 2210, 6080, 6150, 6180, 6240, 2500, 2220 or 6000.
    """
    check_fields(ENTITIES[entity], body)
    data = merge(None, body, sparse=False, readonly=_READ_ONLY, keep=_KEPT)
    _complete(ledger, entity, data, None)
    if entity != "Employee":
        data["CurrencyRef"] = ledger.check_currency(body.get("CurrencyRef"))
    _check_name_free(ledger, entity, data, None)
    data.update(ledger.new(entity))
    return ledger.save(entity, data)


def update_person(
    ledger: Ledger, entity: str, row: Row, body: Json, *, by_accountant: bool = False
) -> Row:
    """Update, inactivate or reactivate a customer, vendor or employee.

    Args:
        ledger: The books.
        entity: Which of the three.
        row: The object.
        body: The request, read against the schema.
        by_accountant: It is done in QuickBooks itself, which inactivates whoever owes money.

    Raises:
        QboFaultError: As for a create, 6000 for a change of an inactive one, and 6220.
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
    if "CurrencyRef" in old:
        data["CurrencyRef"] = old["CurrencyRef"]
    data["sparse"] = False
    rename_for_activity(old, data, ("DisplayName",))
    _complete(ledger, entity, data, old)
    if unchanged(old, data) and not ledger.settings.no_change_bumps_token:
        return row
    if not old.get("Active", True) and not data["Active"]:
        raise business_faults.business("You cannot modify a list element that has been deleted.")
    if (
        not data["Active"]
        and not by_accountant
        and data.get("Balance")
        and ledger.settings.deactivate_with_balance == "refuse"
    ):
        raise business_faults.has_balance(entity)
    _check_name_free(ledger, entity, data, row)
    ledger.touch(data)
    saved = ledger.save(entity, data)
    if old["DisplayName"] != data["DisplayName"]:
        _rename_children(ledger, entity, data)
    return saved


def rename_for_activity(old: Json, data: Json, names: tuple[str, ...]) -> None:
    """Return an inactivated object its "(deleted)" name, and a reactivated one its own back."""
    was, now = old.get("Active", True), data.get("Active", True)
    for name in names:
        value = data.get(name)
        if value is None:
            continue
        if was and not now and not value.endswith(DELETED):
            data[name] = value + DELETED
        elif now and not was:
            data[name] = value.removesuffix(DELETED)
        elif not was and not now and old.get(name, "") == value + DELETED:
            data[name] = old[name]


def unchanged(old: Json, data: Json) -> bool:
    """Return whether an update leaves everything as it was."""
    return {**old, "MetaData": None} == {**data, "MetaData": None}


def _complete(ledger: Ledger, entity: str, data: Json, old: Json | None) -> None:
    data.setdefault("Active", True)
    parts = [data[part] for part in _NAME_PARTS if data.get(part)]
    display = str(data.get("DisplayName") or (old or {}).get("DisplayName") or "").strip()
    if not data.get("DisplayName") and (parts or not display):
        display = " ".join(parts)
    if not display.strip():
        raise business_faults.no_name()
    data["DisplayName"] = display
    if entity != "Employee" and not data.get("PrintOnCheckName"):
        data["PrintOnCheckName"] = _check_name(data)
    elif not data.get("PrintOnCheckName"):
        data["PrintOnCheckName"] = display
    for name in _ADDRESSES:
        if name in data:
            data[name] = store_address(ledger, data[name], (old or {}).get(name))
    if entity == "Customer":
        _complete_customer(ledger, data)
    elif entity == "Vendor":
        data.setdefault("Balance", 0)
        data.setdefault("Vendor1099", False)
    else:
        data.setdefault("BillableTime", False)


def _complete_customer(ledger: Ledger, data: Json) -> None:
    data.setdefault("Taxable", True)
    data.setdefault("BillWithParent", False)
    data.setdefault("Balance", 0)
    data.setdefault("BalanceWithJobs", 0)
    data.setdefault("PreferredDeliveryMethod", "Print")
    if ledger.settings.replies_as_of >= _PROJECTS_SINCE:
        data.setdefault("IsProject", False)
    ledger.reference("Term", data.get("SalesTermRef"), "SalesTermRef")
    ledger.reference("PaymentMethod", data.get("PaymentMethodRef"), "PaymentMethodRef")
    parent = ledger.reference("Customer", data.get("ParentRef"), "ParentRef")
    data["FullyQualifiedName"] = data["DisplayName"]
    if bool(data.get("Job")) != (parent is not None):
        raise business_faults.parent_and_job()
    data["Job"] = parent is not None
    data.pop("Level", None)
    if parent is not None:
        _check_no_cycle(ledger, data.get("Id", ""), parent)
        level = parent.get("Level", 0) + 1
        if level > _MAX_LEVEL:
            raise business_faults.too_deep()
        data["ParentRef"] = {"value": parent["Id"]}
        data["Level"] = level
        data["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{data['DisplayName']}"


def _check_no_cycle(ledger: Ledger, id_: str, parent: Json) -> None:
    at: Json | None = parent
    while at is not None:
        if at["Id"] == id_:
            raise request_faults.parent_is_child()
        row = ledger.row("Customer", at.get("ParentRef", {}).get("value", ""))
        at = row.load() if row is not None else None


def _check_name(data: Json) -> str:
    if data.get("CompanyName"):
        return str(data["CompanyName"])
    parts = [data[part] for part in ("GivenName", "MiddleName", "FamilyName") if data.get(part)]
    return " ".join(parts) or str(data["DisplayName"]).removesuffix(DELETED)


def _check_name_free(ledger: Ledger, entity: str, data: Json, row: Row | None) -> None:
    holder = ledger.holder(entity, str(data.get("FullyQualifiedName") or data["DisplayName"]))
    if holder is None or (row is not None and holder == (entity, row.id)):
        return
    if row is not None:
        same = holder[0] == entity
        raise business_faults.duplicate_name(_another(entity.lower() if same else None), "")
    if ledger.settings.replies_as_of < _JSON_TEXTS_SINCE:
        raise business_faults.duplicate_name(_another(None), "")
    if entity == "Customer":
        raise business_faults.duplicate_name("null")
    raise business_faults.duplicate_name(f"Id={holder[1]}")


def _another(entity: str | None) -> str:
    # The service puts two blanks after the first sentence only where it names one list.
    if entity is None:
        who, gap = "customer, vendor or employee", " "
    else:
        who, gap = entity, "  "
    return f"Another {who} is already using this name.{gap}Please use a different name."


def _rename_children(ledger: Ledger, entity: str, parent: Json) -> None:
    if entity != "Customer":
        return
    for child in ledger.tables["Customer"].owned_by(parent["Id"]):
        data = child.load()
        data["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{data['DisplayName']}"
        data["Level"] = parent.get("Level", 0) + 1
        ledger.save("Customer", data)
        _rename_children(ledger, entity, data)
