"""Payloads hold no property that QuickBooks does not know (it answers code 2010 to any)."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from dunahub_hookspecs import Address, Invoice, Lead, LineItem, Payment, PaymentMethod
from dunahub_qbo_plugin.mapping.customer import customer_payload
from dunahub_qbo_plugin.mapping.invoice import invoice_payload, void_payload
from dunahub_qbo_plugin.mapping.merge import Known
from dunahub_qbo_plugin.mapping.payment import payment_payload, payment_update
from dunahub_qbo_plugin.model import CompanyProfile, RemoteRef, SalesTax

XS = "{http://www.w3.org/2001/XMLSchema}"
SIMPLE = ""
REMOTE = RemoteRef(id="1", sync_token="0")
PROFILE = CompanyProfile(
    multicurrency=True,
    sales_tax=SalesTax.CLASSIC,
    tax_code_id="2",
    payment_methods={"credit card": "4"},
    default_item_id="1",
)
LEAD = Lead(
    id="7",
    name="Dana",
    first_name="D",
    last_name="O",
    company="ACME",
    email="d@example.com",
    phone="555",
    address=Address(
        line1="1", line2="2", city="Austin", state="TX", postal_code="78701", country="USA"
    ),
)
INVOICE = Invoice(
    id="12",
    number="1042",
    lead=LEAD,
    lines=[LineItem(description="Work", unit_price=Decimal(100), taxable=True)],
    discount=Decimal(5),
    tax=Decimal(8),
    issued_on=date(2026, 5, 4),
    due_on=date(2026, 6, 3),
    message="Thanks",
)
PAYMENT = Payment(
    id="3",
    invoice_id="12",
    amount=Decimal(103),
    method=PaymentMethod.CARD,
    collected_by_dunahub=True,
    paid_on=date(2026, 5, 5),
    reference="pi_1",
)


class Schema:
    """The properties of each complex type in Intuit's schema files."""

    def __init__(self, folder: Path) -> None:
        """Read every schema file of a folder."""
        self.types: dict[str, dict[str, str]] = defaultdict(dict)
        self.bases: dict[str, str] = {}
        self.elements: dict[str, str] = {}
        for path in sorted(folder.glob("*.xsd")):
            root = ET.parse(path).getroot()  # noqa: S314  Intuit's own schema files
            for element in root.findall(f"{XS}element"):
                self.elements[element.get("name", "")] = _local(element.get("type"))
            for type_ in root.findall(f"{XS}complexType"):
                self._read(type_.get("name", ""), type_)

    def _read(self, name: str, type_: ET.Element) -> None:
        for node in type_.iter():
            if node.tag in {f"{XS}element", f"{XS}attribute"}:
                property_ = node.get("name") or _local(node.get("ref"))
                self.types[name][property_] = _local(node.get("type")) or property_
            elif node.tag == f"{XS}extension":
                self.bases[name] = _local(node.get("base"))
                if type_.find(f"{XS}simpleContent") is not None:
                    self.types[name]["value"] = SIMPLE

    def properties(self, name: str) -> dict[str, str]:
        """Return the properties of a type with those of the types it extends."""
        found = dict(self.types.get(name, {}))
        if name in self.bases:
            found |= self.properties(self.bases[name])
        return found

    def unknown(self, name: str, value: object, path: str = "") -> list[str]:
        """List the paths in a JSON value that its type has no property for."""
        if isinstance(value, list):
            return [hit for entry in value for hit in self.unknown(name, entry, path)]
        if not isinstance(value, dict):
            return []
        known = self.properties(name)
        hits = []
        for key, entry in value.items():
            if key not in known:
                hits.append(f"{path}{name}.{key}")
            else:
                hits += self.unknown(known[key], entry, f"{path}{key}.")
        return hits


def _local(name: str | None) -> str:
    return (name or "").rpartition(":")[2]


@pytest.fixture(scope="module")
def schema() -> Schema:
    """Return Intuit's schema; the test skips where it is not at hand."""
    folder = os.environ.get("QBO_SCHEMA")
    if not folder:
        pytest.skip("QBO_SCHEMA names no folder with Intuit's schema files")
    return Schema(Path(folder))


@pytest.mark.parametrize(
    ("entity", "payload"),
    [
        ("Customer", customer_payload(LEAD)),
        ("Customer", customer_payload(LEAD, remote=REMOTE)),
        ("Customer", customer_payload(Lead(id="7", name="Dana"), remote=REMOTE)),
        ("Invoice", invoice_payload(INVOICE, customer_id="5", profile=PROFILE)),
        ("Invoice", invoice_payload(INVOICE, customer_id="5", profile=PROFILE, remote=REMOTE)),
        (
            "Invoice",
            invoice_payload(
                INVOICE,
                customer_id="5",
                profile=attrs.evolve(PROFILE, sales_tax=SalesTax.AUTOMATED),
            ),
        ),
        ("Invoice", void_payload(REMOTE)),
        ("Payment", payment_payload(PAYMENT, customer_id="5", invoice_id="6", profile=PROFILE)),
        (
            "Payment",
            payment_update(
                payment_payload(PAYMENT, customer_id="5", invoice_id="6", profile=PROFILE),
                Known(),
                number="1042",
            ).body,
        ),
    ],
)
def test_every_property_is_known(schema: Schema, entity: str, payload: dict[str, Any]) -> None:
    """Each property of a payload, at every depth, is one of Intuit's schema."""
    assert schema.unknown(entity, payload) == []


def test_an_unknown_property_would_be_found(schema: Schema) -> None:
    """The check finds what QuickBooks does not know, deep inside too."""
    payload = invoice_payload(INVOICE, customer_id="5", profile=PROFILE)
    payload["Line"][0]["SalesItemLineDetail"]["ItemRef"]["id"] = "1"
    payload["Total"] = 1
    assert schema.unknown("Invoice", payload) == [
        "Line.SalesItemLineDetail.ItemRef.ReferenceType.id",
        "Invoice.Total",
    ]
