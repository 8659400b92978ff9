"""The profile of a QuickBooks company."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import attrs


class SalesTax(StrEnum):
    """How a QuickBooks company handles sales tax."""

    NONE = "none"
    CLASSIC = "classic"
    AUTOMATED = "automated"


DOLLARS: Final = "USD"
"""The ISO code of what DunaHub bills in."""


@attrs.frozen(kw_only=True)
class Item:
    """A product or service in QuickBooks' item list.

    Attributes:
        full_name: with the products that it is under, ``Roofing:Inspection``; empty if unknown.
        income_account: Id of the account that its sales are booked to; empty if it has none, None
            if that was not read.
    """

    id: str
    name: str
    active: bool = True
    type: str = "Service"
    income_account: str | None = None
    full_name: str = ""


@attrs.frozen(kw_only=True)
class Account:
    """An account that sales of products are booked to."""

    id: str
    name: str
    active: bool = True


@attrs.frozen(kw_only=True)
class TaxCode:
    """A sales tax code that an invoice can name: one rate, or several combined."""

    id: str
    name: str


@attrs.frozen(kw_only=True)
class CompanyProfile:
    """What is known of a QuickBooks company, as it was last read.

    Attributes:
        custom_txn_numbers: ``Preferences.SalesFormsPrefs.CustomTxnNumbers``.
        sales_tax: from ``Preferences.TaxPrefs``.
        tax_code_id: the TxnTaxCodeRef for taxed invoices (classic sales tax), if chosen.
        payment_methods: QuickBooks' payment methods, lower-case name to id.
        tax_codes: those that an invoice can name, by id; read with classic sales tax only.
        items: products and services by id, inactive ones too.
        accounts: the income accounts of the active items, by id.
        item_by_service: the office's mapping, host service id to item id.
        default_item_id: for lines that neither the mapping nor a name assigns.
    """

    name: str = ""
    country: str = "US"
    home_currency: str = DOLLARS
    multicurrency: bool = False
    custom_txn_numbers: bool = False
    allow_discount: bool = True
    sales_tax: SalesTax = SalesTax.NONE
    tax_code_id: str | None = None
    book_close_date: str | None = None
    payment_methods: dict[str, str] = attrs.field(factory=dict)
    tax_codes: dict[str, TaxCode] = attrs.field(factory=dict)
    items: dict[str, Item] = attrs.field(factory=dict)
    accounts: dict[str, Account] = attrs.field(factory=dict)
    item_by_service: dict[str, str] = attrs.field(factory=dict)
    default_item_id: str | None = None

    @property
    def is_in_dollars(self) -> bool:
        """Whether the books are kept in what DunaHub bills in; they cannot change it later."""
        return self.home_currency.upper() == DOLLARS
