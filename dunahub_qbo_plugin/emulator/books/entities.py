"""What each entity is: its path, its Ids, its name space, its lengths, what can be done to it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["name", "list", "transaction", "single"]


@attrs.frozen(kw_only=True)
class Entity:
    """One entity of the Accounting API.

    Attributes:
        name: PascalCase name, as in bodies and queries.
        kind: People (one shared name space), other lists, transactions, or a singleton.
        sequence: Which counter its Ids come from.
        label: What the service calls the list in a 2500.
        limits: Longest text per property path.
        operations: What may be done besides reading and querying.
        by_hand: What only a person can do besides, in QuickBooks itself.
        counted: A plain list query also carries `totalCount` (recorded 2026-05).
        sales_form: Has lines, tax and totals.
    """

    name: str
    kind: Kind
    sequence: str
    label: str = ""
    limits: Mapping[str, int] = attrs.field(factory=dict)
    operations: frozenset[str] = frozenset({"create", "update"})
    by_hand: frozenset[str] = frozenset()
    counted: bool = False
    sales_form: bool = False

    @property
    def path(self) -> str:
        """The lower-case path segment."""
        return self.name.lower()


_PERSON_LIMITS = {
    "DisplayName": 500,
    "Title": 16,
    "GivenName": 100,
    "MiddleName": 100,
    "FamilyName": 100,
    "Suffix": 16,
    "CompanyName": 100,
    "PrintOnCheckName": 110,
    "PrimaryPhone.FreeFormNumber": 30,
    "AlternatePhone.FreeFormNumber": 30,
    "Mobile.FreeFormNumber": 30,
    "Fax.FreeFormNumber": 30,
    "PrimaryEmailAddr.Address": 100,
    "WebAddr.URI": 1000,
    "Notes": 2000,
}
_ADDRESS_LIMITS = {
    "Line1": 500,
    "Line2": 500,
    "Line3": 500,
    "Line4": 500,
    "Line5": 500,
    "City": 255,
    "Country": 255,
    "CountrySubDivisionCode": 255,
    "PostalCode": 30,
}
_SALES_LIMITS = {
    "DocNumber": 21,
    "PrivateNote": 4000,
    "CustomerMemo.value": 1000,
    "BillEmail.Address": 100,
    "BillEmailCc.Address": 200,
    "BillEmailBcc.Address": 200,
    "PaymentRefNum": 21,
    "TrackingNum": 31,
    "PONumber": 15,
}


def _at(prefix: str) -> dict[str, int]:
    return {f"{prefix}.{name}": limit for name, limit in _ADDRESS_LIMITS.items()}


_ALL_TXN = frozenset({"create", "update", "delete", "void"})
_TXN = frozenset({"create", "update", "delete"})
_READ = frozenset[str]()

_ENTITIES = (
    Entity(
        name="Customer",
        kind="name",
        sequence="names",
        label="Names",
        limits={**_PERSON_LIMITS, **_at("BillAddr"), **_at("ShipAddr"), "ResaleNum": 16},
    ),
    Entity(
        name="Vendor",
        kind="name",
        sequence="names",
        label="Names",
        limits={**_PERSON_LIMITS, **_at("BillAddr"), "AcctNum": 100},
    ),
    Entity(
        name="Employee",
        kind="name",
        sequence="names",
        label="Names",
        limits={**_PERSON_LIMITS, **_at("PrimaryAddr")},
    ),
    Entity(
        name="Item",
        kind="list",
        sequence="items",
        label="Items",
        limits={"Name": 100, "Sku": 100, "Description": 4000, "PurchaseDesc": 1000},
    ),
    Entity(
        name="Account",
        kind="list",
        sequence="accounts",
        label="Accounts",
        limits={"Name": 100, "AcctNum": 20, "Description": 100},
    ),
    Entity(
        name="PaymentMethod",
        kind="list",
        sequence="methods",
        label="PaymentMethods",
        limits={"Name": 31},
    ),
    Entity(name="Term", kind="list", sequence="terms", label="Terms", limits={"Name": 31}),
    Entity(name="Department", kind="list", sequence="departments", label="Depts"),
    Entity(name="Class", kind="list", sequence="classes", label="Klasses"),
    Entity(
        name="TaxCode",
        kind="list",
        sequence="taxcodes",
        label="TaxCodes",
        operations=_READ,
        counted=True,
    ),
    Entity(
        name="TaxRate",
        kind="list",
        sequence="taxrates",
        label="TaxRates",
        operations=_READ,
        counted=True,
    ),
    Entity(
        name="TaxAgency",
        kind="list",
        sequence="taxagencies",
        label="TaxAgencies",
        operations=frozenset({"create"}),
        counted=True,
    ),
    Entity(name="CompanyInfo", kind="single", sequence="", operations=frozenset({"update"})),
    Entity(name="Preferences", kind="single", sequence="", operations=frozenset({"update"})),
    Entity(
        name="Invoice",
        kind="transaction",
        sequence="txns",
        limits={**_SALES_LIMITS, **_at("BillAddr"), **_at("ShipAddr")},
        operations=_ALL_TXN,
        counted=True,
        sales_form=True,
    ),
    Entity(
        name="Payment",
        kind="transaction",
        sequence="txns",
        limits={"PaymentRefNum": 21, "PrivateNote": 4000},
        operations=_ALL_TXN,
    ),
    Entity(
        name="CreditMemo",
        kind="transaction",
        sequence="txns",
        limits=_SALES_LIMITS,
        # Intuit's developers, 2018: the API does not void a credit memo (PHP SDK #133).
        operations=_TXN,
        by_hand=frozenset({"void"}),
        sales_form=True,
    ),
    Entity(
        name="SalesReceipt",
        kind="transaction",
        sequence="txns",
        limits=_SALES_LIMITS,
        operations=_ALL_TXN,
        sales_form=True,
    ),
    Entity(
        name="RefundReceipt",
        kind="transaction",
        sequence="txns",
        limits=_SALES_LIMITS,
        operations=_ALL_TXN,
        sales_form=True,
        counted=True,
    ),
    Entity(
        name="Estimate",
        kind="transaction",
        sequence="txns",
        limits=_SALES_LIMITS,
        operations=_TXN,
        sales_form=True,
    ),
    Entity(
        name="Deposit",
        kind="transaction",
        sequence="txns",
        operations=frozenset({"delete"}),
        counted=True,
    ),
)

ENTITIES: Mapping[str, Entity] = MappingProxyType({entity.name: entity for entity in _ENTITIES})
BY_PATH: Mapping[str, Entity] = MappingProxyType({entity.path: entity for entity in _ENTITIES})
