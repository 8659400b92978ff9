"""Turn what QuickBooks says of a company into a `CompanyProfile`: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.model import CompanyProfile, Item, SalesTax

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NOT_SOLD = frozenset({"Category", "Group"})
"""Types of item that an invoice line cannot name as its item."""
DELETED = " (deleted)"
"""What QuickBooks puts behind the name of an object that was made inactive (recorded)."""


def company_profile(
    *,
    company: Mapping[str, Any],
    preferences: Mapping[str, Any],
    items: Iterable[Mapping[str, Any]] = (),
    payment_methods: Iterable[Mapping[str, Any]] = (),
) -> CompanyProfile:
    """Put a profile together; what QuickBooks leaves out gets the profile's default.

    Args:
        company: the ``CompanyInfo`` object.
        preferences: the ``Preferences`` object.
        items: ``Item`` objects; inactive ones are kept as such, categories are left out.
        payment_methods: ``PaymentMethod`` objects.
    """
    forms = _part(preferences, "SalesFormsPrefs")
    currency = _part(preferences, "CurrencyPrefs")
    return CompanyProfile(
        name=_text(company.get("CompanyName")),
        country=_text(company.get("Country")) or "US",
        home_currency=_text(_part(currency, "HomeCurrency").get("value")) or "USD",
        multicurrency=currency.get("MultiCurrencyEnabled") is True,
        custom_txn_numbers=forms.get("CustomTxnNumbers") is True,
        allow_discount=forms.get("AllowDiscount") is not False,
        sales_tax=_sales_tax(_part(preferences, "TaxPrefs")),
        book_close_date=_text(_part(preferences, "AccountingInfoPrefs").get("BookCloseDate"))
        or None,
        payment_methods={
            _text(method.get("Name")).strip().lower(): _text(method.get("Id"))
            for method in payment_methods
            if method.get("Active") is not False and method.get("Id") and method.get("Name")
        },
        items={item.id: item for item in map(_item, items) if item is not None},
    )


def _item(item: Mapping[str, Any]) -> Item | None:
    kind = _text(item.get("Type")) or "Service"
    if not item.get("Id") or kind in _NOT_SOLD:
        return None
    active = item.get("Active") is not False
    name = _text(item.get("Name"))
    return Item(
        id=_text(item["Id"]),
        name=name if active else name.removesuffix(DELETED),
        active=active,
        type=kind,
    )


def _sales_tax(prefs: Mapping[str, Any]) -> SalesTax:
    """Tell the kinds of sales tax apart: ``PartnerTaxEnabled`` is only true with automated tax."""
    if prefs.get("PartnerTaxEnabled") is True:
        return SalesTax.AUTOMATED
    return SalesTax.CLASSIC if prefs.get("UsingSalesTax") is True else SalesTax.NONE


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
