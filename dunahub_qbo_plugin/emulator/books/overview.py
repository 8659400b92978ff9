"""Everything in the books at a glance, with entries that look like doubles pointed out."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]
Raw = Any  # any JSON value

_LISTS = ("Customer", "Vendor", "Employee", "Item", "Account", "PaymentMethod", "Term")
_TXNS = (
    "Invoice",
    "Payment",
    "CreditMemo",
    "SalesReceipt",
    "RefundReceipt",
    "Estimate",
    "Deposit",
)
_SOLD = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt", "Estimate")
_PLURALS = {"CreditMemo": "credit_memos", "PaymentMethod": "payment_methods"}


def overview(ledger: Ledger, *, realm_id: str, name: str) -> Json:
    """Return the books as plain JSON values; amounts are strings with two decimals.

    `doubles` says in sentences what a person should look at: objects with the same name,
    documents with the same number, documents of one customer with the same amount on one day.
    """
    out: Json = {"realm_id": realm_id, "company": name}
    loaded = {
        entity: [row.load() for row in ledger.tables[entity].rows.values()]
        for entity in (*_LISTS, *_TXNS)
    }
    for entity in _LISTS:
        out[plural(entity)] = [_list_entry(data) for data in loaded[entity]]
    for customer in out["customers"]:
        if customer["id"] in ledger.merged:
            customer["merged_into"] = ledger.merged[customer["id"]]
    for entity in _TXNS:
        out[plural(entity)] = [_txn_entry(data) for data in loaded[entity]]
    out["totals"] = {
        "customers": len(loaded["Customer"]),
        "invoices": len(loaded["Invoice"]),
        "payments": len(loaded["Payment"]),
        "invoiced": _sum(loaded["Invoice"], "TotalAmt"),
        "open": _sum(loaded["Invoice"], "Balance"),
        "received": _sum(loaded["Payment"], "TotalAmt"),
        "unapplied": _sum(loaded["Payment"], "UnappliedAmt"),
    }
    out["doubles"] = _doubles(loaded)
    return out


def plural(entity: str) -> str:
    """Return the key an entity has in the overview."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in entity).lstrip("_")
    return _PLURALS.get(entity, words + "s")


def _money(value: Raw) -> str:
    return f"{Decimal(value or 0):.2f}"


def _sum(objects: Iterable[Json], key: str) -> str:
    return _money(sum((Decimal(one.get(key, 0)) for one in objects), Decimal(0)))


def _list_entry(data: Json) -> Json:
    entry: Json = {
        "id": data["Id"],
        "name": data.get("FullyQualifiedName") or data.get("DisplayName") or data.get("Name"),
        "active": data.get("Active", True),
        "sync_token": data["SyncToken"],
        "updated": data["MetaData"]["LastUpdatedTime"],
    }
    if "Balance" in data:
        entry["balance"] = _money(data["Balance"])
    if "PrimaryEmailAddr" in data:
        entry["email"] = data["PrimaryEmailAddr"].get("Address", "")
    if "Type" in data or "AccountType" in data:
        entry["type"] = data.get("Type") or data["AccountType"]
    return entry


def _txn_entry(data: Json) -> Json:
    customer = data.get("CustomerRef", {})
    entry: Json = {
        "id": data["Id"],
        "number": data.get("DocNumber") or data.get("PaymentRefNum", ""),
        "date": data.get("TxnDate", ""),
        "customer_id": customer.get("value", ""),
        "customer": customer.get("name", ""),
        "total": _money(data.get("TotalAmt")),
        "sync_token": data["SyncToken"],
        "updated": data["MetaData"]["LastUpdatedTime"],
        "note": data.get("PrivateNote", ""),
        "links": [
            f"{one['TxnType']} {one['TxnId']}"
            for part in (data, *data.get("Line", []))
            for one in part.get("LinkedTxn", [])
        ],
        "voided": str(data.get("PrivateNote", "")).startswith("Voided"),
    }
    for key, name in (("Balance", "balance"), ("UnappliedAmt", "unapplied"), ("DueDate", "due")):
        if key in data:
            entry[name] = data[key] if key == "DueDate" else _money(data[key])
    if "TxnTaxDetail" in data:
        entry["tax"] = _money(data["TxnTaxDetail"].get("TotalTax"))
    return entry


def _doubles(loaded: dict[str, list[Json]]) -> list[str]:
    out: list[str] = []
    people = [*loaded["Customer"], *loaded["Vendor"], *loaded["Employee"]]
    out += _groups("same name", "Customer, Vendor, Employee", people, _person_name)
    out += _groups("same name", "Item", loaded["Item"], _item_name)
    for entity in _SOLD:
        out += _groups("same number", entity, loaded[entity], _number)
    for entity in (*_SOLD, "Payment"):
        out += _groups("same customer, amount and day", entity, loaded[entity], _likeness)
    return out


def _groups(why: str, entity: str, objects: list[Json], key: Callable[[Json], object]) -> list[str]:
    found: dict[object, list[Json]] = {}
    for one in objects:
        value = key(one)
        if value:
            found.setdefault(value, []).append(one)
    return [
        f"{entity}: {why} ({value}): Ids {', '.join(one['Id'] for one in same)}"
        for value, same in found.items()
        if len(same) > 1
    ]


def _person_name(data: Json) -> str:
    name = str(data.get("FullyQualifiedName") or data.get("DisplayName", ""))
    return " ".join(name.lower().split())


def _item_name(data: Json) -> str:
    return str(data.get("FullyQualifiedName", "")).lower()


def _number(data: Json) -> str:
    return str(data.get("DocNumber", "")).lower()


def _likeness(data: Json) -> str:
    total = Decimal(data.get("TotalAmt", 0))
    customer = data.get("CustomerRef", {}).get("value", "")
    if not total or not customer:
        return ""
    return f"customer {customer}, {_money(total)}, {data.get('TxnDate', '')}"
