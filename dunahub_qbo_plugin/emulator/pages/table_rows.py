"""Objects of the API as table cells and plain words."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]


@attrs.frozen(kw_only=True)
class Cell:
    """One value in a table.

    Attributes:
        label: Heading of the column.
        text: What is shown.
        number: Whether it is aligned as a number.
        link: Entity and id of the object it leads to, or None.
        badge: Style of a badge around it, or None.
    """

    label: str
    text: str
    number: bool = False
    link: tuple[str, str] | None = None
    badge: str | None = None


TITLES = {
    "Customer": "Customers",
    "Invoice": "Invoices",
    "Payment": "Payments",
    "CreditMemo": "Credit memos",
    "SalesReceipt": "Sales receipts",
    "RefundReceipt": "Refund receipts",
    "Item": "Products and services",
    "Account": "Accounts",
    "Vendor": "Vendors",
    "Employee": "Employees",
    "PaymentMethod": "Payment methods",
    "Term": "Terms",
    "TaxCode": "Tax codes",
    "TaxRate": "Tax rates",
}
"""Kinds of objects with pages of their own, in the order they are shown."""


def money(value: object) -> str:
    """Return an amount as a person writes it, such as `1,234.50` or `-20.00`."""
    return "" if value is None else f"{Decimal(str(value)):,.2f}"


def entity_named(name: str) -> str | None:
    """Return QuickBooks' name of the kind in an address such as `creditmemo`, or None."""
    return next((entity for entity in TITLES if entity.lower() == name.lower()), None)


def row(entity: str, item: Json) -> list[Cell]:
    """Return the object as a line of a table."""
    return _ROWS.get(entity, _other_row)(entity, item)


def facts(entity: str, item: Json) -> list[Cell]:
    """Return the values at the head of an object's page."""
    cells = row(entity, item)[1:]
    extra = [
        ("ID", item.get("Id")),
        ("Terms", _name(item.get("SalesTermRef"))),
        ("Sales tax", _tax(item)),
        ("Billing e-mail", (item.get("BillEmail") or {}).get("Address")),
        ("Address", _address(item.get("BillAddr"))),
        ("Message to customer", (item.get("CustomerMemo") or {}).get("value")),
        ("Private note", item.get("PrivateNote") or item.get("Notes")),
        ("Method", _name(item.get("PaymentMethodRef"))),
        ("Description", item.get("Description")),
        ("Created", _moment(item, "CreateTime")),
        ("Last changed", _moment(item, "LastUpdatedTime")),
        ("Sync token", item.get("SyncToken")),
    ]
    return cells + [Cell(label=label, text=str(text)) for label, text in extra if text]


def lines(item: Json) -> list[list[Cell]]:
    """Return the lines of a document with quantity, price and amount."""
    return [_line(line) for line in item.get("Line", []) if "LinkedTxn" not in line]


def links(item: Json) -> list[list[Cell]]:
    """Return what a document is applied to, or what is applied to it."""
    found = [
        (link, line.get("Amount"))
        for line in item.get("Line", [])
        for link in line.get("LinkedTxn", [])
    ] + [(link, None) for link in item.get("LinkedTxn", [])]
    return [_link(link, amount) for link, amount in found]


def title(entity: str, item: Json) -> str:
    """Return the heading of an object's page."""
    name = item.get("DisplayName") or item.get("Name") or item.get("DocNumber")
    kind = TITLES[entity].removesuffix("s").lower() if entity != "Item" else "product or service"
    return f"{kind.capitalize()} {name or item.get('Id', '')}"


def invoice_status(item: Json) -> tuple[str, str]:
    """Return an invoice's state as a word, and the style of its badge."""
    total, balance = Decimal(str(item.get("TotalAmt", 0))), Decimal(str(item.get("Balance", 0)))
    if total == 0 and "Voided" in str(item.get("PrivateNote", "")):
        return "Voided", "bad"
    if balance == 0:
        return "Paid", "paid"
    return ("Partly paid", "partly") if balance < total else ("Open", "open")


def _name(reference: Json | None) -> str:
    return (reference or {}).get("name") or (reference or {}).get("value") or ""


def _moment(item: Json, name: str) -> str:
    return str(item.get("MetaData", {}).get(name, ""))[:16].replace("T", " ")


def _tax(item: Json) -> str:
    total = (item.get("TxnTaxDetail") or {}).get("TotalTax")
    return money(total) if total else ""


def _address(address: Json | None) -> str:
    parts = ("Line1", "Line2", "Line3", "City", "CountrySubDivisionCode", "PostalCode", "Country")
    return ", ".join(str(address[part]) for part in parts if address and address.get(part))


def _link(link: Json, amount: object) -> list[Cell]:
    words = f"{link.get('TxnType', '')} {link.get('TxnId', '')}"
    cells = [Cell(label="Linked to", text=words, link=_target(link))]
    if amount is not None:
        cells.append(Cell(label="Amount applied", text=money(amount), number=True))
    return cells


def _target(link: Json) -> tuple[str, str] | None:
    entity = entity_named(str(link.get("TxnType", "")))
    return (entity, str(link.get("TxnId"))) if entity else None


def _customer(item: Json) -> Cell:
    reference = item.get("CustomerRef")
    link = ("Customer", str(reference["value"])) if reference else None
    return Cell(label="Customer", text=_name(reference), link=link)


def _own(entity: str, item: Json, label: str, text: str) -> Cell:
    return Cell(label=label, text=text or f"#{item['Id']}", link=(entity, str(item["Id"])))


def _activity(item: Json) -> Cell:
    if item.get("Active", True):
        return Cell(label="State", text="Active", badge="paid")
    return Cell(label="State", text="Inactive", badge="bad")


def _customer_row(entity: str, item: Json) -> list[Cell]:
    return [
        _own(entity, item, "Name", item.get("DisplayName", "")),
        Cell(label="Company", text=item.get("CompanyName", "")),
        Cell(label="E-mail", text=(item.get("PrimaryEmailAddr") or {}).get("Address", "")),
        Cell(label="Phone", text=(item.get("PrimaryPhone") or {}).get("FreeFormNumber", "")),
        _activity(item),
        Cell(label="Balance", text=money(item.get("Balance")), number=True),
    ]


def _invoice_row(entity: str, item: Json) -> list[Cell]:
    word, style = invoice_status(item)
    return [
        _own(entity, item, "Number", item.get("DocNumber", "")),
        _customer(item),
        Cell(label="Date", text=item.get("TxnDate", "")),
        Cell(label="Due", text=item.get("DueDate", "")),
        Cell(label="State", text=word, badge=style),
        Cell(label="Total", text=money(item.get("TotalAmt")), number=True),
        Cell(label="Balance", text=money(item.get("Balance")), number=True),
    ]


def _payment_row(entity: str, item: Json) -> list[Cell]:
    applied = [cells[0].text for cells in links(item)]
    return [
        _own(entity, item, "Payment", f"#{item['Id']}"),
        _customer(item),
        Cell(label="Date", text=item.get("TxnDate", "")),
        Cell(label="Reference", text=item.get("PaymentRefNum", "")),
        Cell(label="Applied to", text=", ".join(applied) or "nothing"),
        Cell(label="Amount", text=money(item.get("TotalAmt")), number=True),
        Cell(label="Not applied", text=money(item.get("UnappliedAmt")), number=True),
    ]


def _item_row(entity: str, item: Json) -> list[Cell]:
    return [
        _own(entity, item, "Name", item.get("FullyQualifiedName") or item.get("Name", "")),
        Cell(label="Type", text=item.get("Type", "")),
        Cell(label="Income account", text=_name(item.get("IncomeAccountRef"))),
        _activity(item),
        Cell(label="Price", text=money(item.get("UnitPrice")), number=True),
    ]


def _account_row(entity: str, item: Json) -> list[Cell]:
    return [
        _own(entity, item, "Name", item.get("FullyQualifiedName") or item.get("Name", "")),
        Cell(label="Type", text=item.get("AccountType", "")),
        _activity(item),
        Cell(label="Balance", text=money(item.get("CurrentBalance")), number=True),
    ]


def _other_row(entity: str, item: Json) -> list[Cell]:
    name = item.get("DisplayName") or item.get("Name") or item.get("DocNumber") or ""
    cells = [_own(entity, item, "Name", name)]
    if "CustomerRef" in item:
        cells.append(_customer(item))
    if "TxnDate" in item:
        cells.append(Cell(label="Date", text=item["TxnDate"]))
    if "Active" in item:
        cells.append(_activity(item))
    if "TotalAmt" in item:
        cells.append(Cell(label="Total", text=money(item["TotalAmt"]), number=True))
    return cells


def _line(line: Json) -> list[Cell]:
    kind = line.get("DetailType", "")
    detail = line.get(kind) or {}
    words = {"SubTotalLineDetail": "Subtotal", "DiscountLineDetail": "Discount"}
    what = _name(detail.get("ItemRef")) or words.get(kind, "")
    reference = detail.get("ItemRef")
    return [
        Cell(
            label="Product or service",
            text=what,
            link=("Item", str(reference["value"])) if reference else None,
        ),
        Cell(label="Description", text=line.get("Description", "")),
        Cell(label="Quantity", text=str(detail.get("Qty", "")), number=True),
        Cell(label="Price", text=str(detail.get("UnitPrice", "")), number=True),
        Cell(label="Tax", text=_name(detail.get("TaxCodeRef"))),
        Cell(label="Amount", text=money(line.get("Amount")), number=True),
    ]


_ROWS: dict[str, Callable[[str, Json], list[Cell]]] = {
    "Customer": _customer_row,
    "Invoice": _invoice_row,
    "Payment": _payment_row,
    "Item": _item_row,
    "Account": _account_row,
}
