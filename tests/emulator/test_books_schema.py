"""The property lists against Intuit's schema, and every reply against the property lists."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from dunahub_qbo_plugin.emulator.books.schema import Schema, load_schema
from tests.support.books import Books, contractor, line

FOLDER = os.environ.get("QBO_SCHEMA", "")
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_FILES = ("IntuitBaseTypes", "IntuitNamesTypes", "Finance", "SalesTax", "IntuitRestServiceDef")


def _xsd_types() -> dict[str, tuple[str, list[str]]]:
    """Base and own elements of every complex type of Intuit's schema."""
    out: dict[str, tuple[str, list[str]]] = {}
    for name in _FILES:
        root = ET.parse(Path(FOLDER) / f"{name}.xsd").getroot()  # noqa: S314  Intuit's own file
        for type_ in root.iter(_XSD + "complexType"):
            extension = type_.find(f".//{_XSD}extension")
            base = extension.get("base", "") if extension is not None else ""
            own = [one.get("name") for one in type_.iter(_XSD + "element")]
            if type_.get("name"):
                out[type_.get("name", "")] = (base, [one for one in own if one])
    return out


@pytest.mark.skipif(not FOLDER, reason="QBO_SCHEMA is not set")
def test_the_lists_are_intuits() -> None:
    """Every type has exactly the properties of Intuit's schema, in its order."""
    xsd = _xsd_types()
    schema = load_schema()
    assert len(schema.types) > 90
    for name, info in schema.types.items():
        chain: list[str] = []
        at = name
        while at in xsd:
            base, own = xsd[at]
            chain = own + chain
            at = base
        assert list(info.xml_order) == list(dict.fromkeys(chain)), name


def _unknown(schema: Schema, kind: str, value: Any, at: str) -> list[str]:  # noqa: ANN401  JSON
    info = schema.types.get(kind)
    if info is None or not isinstance(value, dict):
        return []
    out = [f"{at}.{key}" for key in value if key not in info.properties]
    for key, inner in value.items():
        if key in info.properties:
            for one in inner if isinstance(inner, list) else [inner]:
                out += _unknown(schema, info.properties[key].kind, one, f"{at}.{key}")
    return out


def _filled() -> Books:
    books = contractor(sales_tax="classic", sales_custom_fields=("Crew #",), multicurrency=True)
    address = {"Line1": "1 Elm St", "City": "Tucson", "PostalCode": "85701"}
    books.post("customer", {"DisplayName": "Ann", "BillAddr": address})
    sale: dict[str, Any] = {
        "CustomerRef": {"value": "4"},
        "Line": [
            line(10, TaxCodeRef={"value": "TAX"}, Qty=2, UnitPrice=5),
            {"DetailType": "DescriptionOnly", "Description": "thanks"},
            {"DetailType": "DiscountLineDetail", "Amount": 1},
        ],
        "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "2"}},
        "CustomerMemo": {"value": "hello"},
    }
    for path in ("invoice", "creditmemo", "salesreceipt", "estimate"):
        books.post(path, sale)
    books.post("refundreceipt", sale | {"DepositToAccountRef": {"value": "35"}})
    link = {"Amount": 5, "LinkedTxn": [{"TxnId": "1", "TxnType": "Invoice"}]}
    payment = {"CustomerRef": {"value": "4"}, "TotalAmt": 7, "Line": [link]}
    made = books.post("payment", payment | {"PaymentMethodRef": {"value": "2"}})
    books.company.deposit(made["Id"])
    return books


def test_replies_have_known_properties_only() -> None:
    """No reply of any entity carries a property Intuit's schema does not know."""
    schema = load_schema()
    books = _filled()
    found = {}
    for entity in schema.types:
        if entity in books.company._ledger.tables:
            answer = books.query(f"select * from {entity}")  # noqa: S608  QuickBooks's own
            found[entity] = answer.get(entity, [])
    empty = {entity for entity, rows in found.items() if not rows}
    assert empty == {"Department", "Class"}
    for entity, rows in found.items():
        for row in rows:
            assert _unknown(schema, entity, row, entity) == []
