"""The entities of the Accounting API whose books are not kept: known by name, always empty."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.emulator.books.entities import Entity

if TYPE_CHECKING:
    from collections.abc import Mapping

# Intuit's API reference. A client may ask for the changes of all of them in one call.
_NAMES = (
    "Attachable",
    "Bill",
    "BillPayment",
    "Budget",
    "CompanyCurrency",
    "CreditCardPayment",
    "CustomerType",
    "ExchangeRate",
    "InventoryAdjustment",
    "JournalCode",
    "JournalEntry",
    "Purchase",
    "PurchaseOrder",
    "RecurringTransaction",
    "ReimburseCharge",
    "StatementCharge",
    "TaxClassification",
    "TaxPayment",
    "TimeActivity",
    "Transfer",
    "VendorCredit",
)

ABSENT: Mapping[str, Entity] = MappingProxyType(
    {
        name.lower(): Entity(
            name=name, kind="transaction", sequence="", operations=frozenset[str]()
        )
        for name in _NAMES
    }
)
ABSENT_NAMES = frozenset(_NAMES)
