"""Intuit's sample company, which each new sandbox has, with the Ids that QuickBooks gives it.

Ids, names, numbers, amounts, customers and links are those of US sandboxes of 2020 to 2026 (30 of
31 invoices are the same in all of them); dates lie as many days back as there. What is no part of
these books (estimates, bills, expenses, time) is missing, the statement charge on invoice 42 is a
line, and the second line of invoice 103, which is taxed although its code says NON, says TAX.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from importlib import resources
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books.json_codec import plain
from dunahub_qbo_plugin.emulator.world.seed_lists import frame, load_account, load_small_lists
from dunahub_qbo_plugin.emulator.world.tax_seeds import load_sales_tax

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.api.company_api import Company

Json = dict[str, Any]
Fields = list[Any]  # a row of the data file

_NET_30 = {"value": "3"}
_STOCKED_SINCE = 400  # days: before the first invoice


def seed_sample(company: Company) -> None:
    """Fill in Intuit's sample company: lists, 31 invoices, their payments, two bank deposits."""
    text = resources.files("dunahub_qbo_plugin.emulator") / "data" / "sample_company.json"
    data = json.loads(text.read_text(encoding="utf-8"), parse_float=Decimal)
    names = {row[0]: row for row in data["accounts"]}
    for row in data["accounts"]:
        load_account(company, row[0], _full_name(row, names), row[2], row[3], parent=row[4])
    load_small_lists(company)
    company.settings.sales_tax = "classic"
    load_sales_tax(company)
    today = company.today()
    for row in data["items"]:
        company.load("Item", _item(row, names, today))
    for row in data["customers"]:
        company.create("Customer", _customer(row), id_=row[0])
    for id_, name in data["vendors"]:
        company.create("Vendor", {"DisplayName": name}, id_=id_)
    for id_, entity, body in sorted(_documents(data, today), key=lambda one: int(one[0])):
        company.create(entity, body, id_=id_)
    for id_, days, payments, cash_back in data["deposits"]:
        company.deposit(
            *payments, id_=id_, on=today - timedelta(days=days), cash_back=Decimal(cash_back or 0)
        )


def _full_name(row: Fields, names: dict[str, Fields]) -> str:
    name: str = row[1]
    return f"{_full_name(names[row[4]], names)}:{name}" if row[4] else name


def _item(row: Fields, names: dict[str, Fields], today: date) -> Json:
    id_, name, kind, description, price, cost, income, taxable, stock = row
    item: Json = {
        "Name": name,
        "FullyQualifiedName": name,
        "Active": True,
        "Type": kind,
        "Taxable": taxable,
        "UnitPrice": plain(price),
        "PurchaseCost": plain(cost),
        "TrackQtyOnHand": stock is not None,
        "IncomeAccountRef": {"value": income, "name": _full_name(names[income], names)},
    }
    if description:
        item["Description"] = description
    if stock is not None:
        item |= {
            "QtyOnHand": stock,
            "InvStartDate": (today - timedelta(days=_STOCKED_SINCE)).isoformat(),
            "ExpenseAccountRef": {"value": "80", "name": "Cost of Goods Sold"},
            "AssetAccountRef": {"value": "81", "name": "Inventory Asset"},
        }
    return item | frame(id_)


def _customer(row: Fields) -> Json:
    _, display, given, family, company, phone, taxable, parent, address = row
    body: Json = {"DisplayName": display, "Taxable": taxable}
    for key, value in (("GivenName", given), ("FamilyName", family), ("CompanyName", company)):
        if value:
            body[key] = value
    if phone:
        body["PrimaryPhone"] = {"FreeFormNumber": phone}
    if address:
        keys = ("Line1", "City", "CountrySubDivisionCode", "PostalCode")
        body["BillAddr"] = dict(zip(keys, address, strict=True))
    if parent:
        body |= {"Job": True, "ParentRef": {"value": parent}}
    return body


def _documents(data: Json, today: date) -> list[tuple[str, str, Json]]:
    out: list[tuple[str, str, Json]] = []
    for id_, number, customer, days, code, lines, percent, *_ in data["invoices"]:
        body = _sale(number, customer, today - timedelta(days=days), lines)
        body["SalesTermRef"] = _NET_30
        if code:
            body["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code}}
        if percent:
            detail = {"PercentBased": True, "DiscountPercent": percent}
            body["Line"].append({"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail})
        body |= {"AllowOnlineCreditCardPayment": False, "AllowOnlineACHPayment": False}
        out.append((id_, "Invoice", body))
    for id_, number, customer, days, lines in data["credit_memos"]:
        sale = _sale(number, customer, today - timedelta(days=days), lines)
        out.append((id_, "CreditMemo", sale))
    out += [(row[0], "Payment", _payment(row, today)) for row in data["payments"]]
    return out


def _sale(number: str, customer: str, on: date, lines: list[Fields]) -> Json:
    return {
        "DocNumber": number,
        "CustomerRef": {"value": customer},
        "TxnDate": on.isoformat(),
        "Line": [_line(line) for line in lines],
    }


def _line(line: Fields) -> Json:
    item, quantity, price, amount, taxable = line
    detail: Json = {
        "ItemRef": {"value": item},
        "TaxCodeRef": {"value": "TAX" if taxable else "NON"},
    }
    if quantity is not None:
        detail |= {"Qty": quantity, "UnitPrice": price}
    return {
        "DetailType": "SalesItemLineDetail",
        "Amount": amount,
        "SalesItemLineDetail": detail,
    }


def _payment(row: Fields, today: date) -> Json:
    _, customer, days, total, account, method, number, note, links = row
    body: Json = {
        "CustomerRef": {"value": customer},
        "TxnDate": (today - timedelta(days=days)).isoformat(),
        "TotalAmt": total,
        "Line": [
            {"Amount": amount, "LinkedTxn": [{"TxnId": id_, "TxnType": kind}]}
            for kind, id_, amount in links
        ],
    }
    optional = (("PaymentRefNum", number), ("PrivateNote", note))
    body |= {key: value for key, value in optional if value}
    for key, value in (("DepositToAccountRef", account), ("PaymentMethodRef", method)):
        if value:
            body[key] = {"value": value}
    return body
