"""Build a `CompanyProfile` from QuickBooks' objects. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from dunahub_qbo_plugin.model import Account, CompanyProfile, Item, SalesTax, TaxCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_NOT_SOLD = frozenset({"Category", "Group"})
"""Types of item that an invoice line cannot name as its item."""
_OF_LINES = frozenset({"TAX", "NON"})
"""Codes that say whether one line is taxable; an invoice as a whole names another one."""
_CUSTOM_TAX = "CustomSalesTax"
"""A code that QuickBooks lists and accepts on no invoice (its error code 6160)."""
_GONE = "Deleted"
"""The ``status`` of what change data capture says was deleted; nothing but its Id is told."""
DELETED = " (deleted)"
"""Suffix that QuickBooks appends to the name of an object that was made inactive (recorded)."""


def company_profile(
    *,
    company: Mapping[str, Any],
    preferences: Mapping[str, Any],
    items: Iterable[Mapping[str, Any]] = (),
    payment_methods: Iterable[Mapping[str, Any]] = (),
    accounts: Iterable[Mapping[str, Any]] = (),
    tax_codes: Iterable[Mapping[str, Any]] = (),
) -> CompanyProfile:
    """Build a profile; what QuickBooks leaves out gets the profile's default.

    Args:
        company: the ``CompanyInfo`` object.
        preferences: the ``Preferences`` object.
        items: ``Item`` objects; inactive ones are kept as such, categories are left out.
        payment_methods: ``PaymentMethod`` objects.
        accounts: ``Account`` objects, the income accounts of the items.
        tax_codes: ``TaxCode`` objects; those that an invoice cannot name are left out.
    """
    named = CompanyProfile(
        name=_text(company.get("CompanyName")),
        country=_text(company.get("Country")) or "US",
        payment_methods=_methods(payment_methods),
    )
    with_lists = with_items(named, items, accounts)
    return with_settings(with_lists, preferences, tax_codes=tax_codes)


def with_settings(
    profile: CompanyProfile,
    preferences: Mapping[str, Any],
    *,
    tax_codes: Iterable[Mapping[str, Any]] | None = None,
) -> CompanyProfile:
    """Return a profile with what its preferences say now.

    Args:
        profile: what was known.
        preferences: the ``Preferences`` object.
        tax_codes: ``TaxCode`` objects; None to keep those that are known.
    """
    forms = _part(preferences, "SalesFormsPrefs")
    currency = _part(preferences, "CurrencyPrefs")
    codes = profile.tax_codes
    if tax_codes is not None:
        codes = {code.id: code for code in map(_tax_code, tax_codes) if code is not None}
    return attrs.evolve(
        profile,
        home_currency=_text(_part(currency, "HomeCurrency").get("value")) or "USD",
        multicurrency=currency.get("MultiCurrencyEnabled") is True,
        custom_txn_numbers=forms.get("CustomTxnNumbers") is True,
        allow_discount=forms.get("AllowDiscount") is not False,
        sales_tax=sales_tax(preferences),
        tax_codes=codes,
        book_close_date=_text(_part(preferences, "AccountingInfoPrefs").get("BookCloseDate"))
        or None,
    )


def with_items(
    profile: CompanyProfile,
    items: Iterable[Mapping[str, Any]],
    accounts: Iterable[Mapping[str, Any]],
) -> CompanyProfile:
    """Return a profile with another list of items, and the income accounts of these."""
    return attrs.evolve(
        profile,
        items={item.id: item for item in map(_item, items) if item is not None},
        accounts={one.id: one for one in map(_account, accounts) if one.id},
    )


def with_changes(
    profile: CompanyProfile, changes: Mapping[str, Sequence[Mapping[str, Any]]]
) -> CompanyProfile:
    """Return a profile with what change data capture says of items, accounts, payment methods.

    Args:
        profile: what was known.
        changes: the changed objects by entity; of a deleted one only its Id is told.
    """
    items, accounts = dict(profile.items), dict(profile.accounts)
    for object_ in changes.get("Item", ()):
        id_ = _text(object_.get("Id"))
        item = _item(object_)
        if item is not None and object_.get("status") != _GONE:
            items[id_] = item
        elif (known := items.pop(id_, None)) is not None and object_.get("status") == _GONE:
            items[id_] = attrs.evolve(known, active=False)
    for account in map(_account, changes.get("Account", ())):
        accounts[account.id] = account
    methods = changes.get("PaymentMethod", ())
    again = {_text(method.get("Id")) for method in methods}
    kept = {name: id_ for name, id_ in profile.payment_methods.items() if id_ not in again}
    wanted = set(used_accounts(items.values()))
    return attrs.evolve(
        profile,
        items=items,
        accounts={id_: account for id_, account in accounts.items() if id_ in wanted},
        payment_methods=kept | _methods(methods),
    )


def used_accounts(items: Iterable[Item]) -> list[str]:
    """Return the ids of the accounts that sales of the active items are booked under."""
    return sorted({item.income_account for item in items if item.active and item.income_account})


def _methods(methods: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return {
        _text(method.get("Name")).strip().lower(): _text(method.get("Id"))
        for method in methods
        if method.get("Active") is not False
        and method.get("status") != _GONE
        and method.get("Id")
        and method.get("Name")
    }


def _account(account: Mapping[str, Any]) -> Account:
    return Account(
        id=_text(account.get("Id")),
        name=_text(account.get("Name")).removesuffix(DELETED),
        active=account.get("Active") is not False and account.get("status") != _GONE,
    )


def income_accounts(items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the ids of the accounts that sales of the active items are booked under."""
    return used_accounts(item for item in map(_item, items) if item is not None)


def _tax_code(code: Mapping[str, Any]) -> TaxCode | None:
    id_ = _text(code.get("Id"))
    if not id_ or id_ in _OF_LINES or id_ == _CUSTOM_TAX:
        return None
    usable = code.get("Active") is not False and code.get("Taxable") is True
    return TaxCode(id=id_, name=_text(code.get("Name")) or id_) if usable else None


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
        income_account=_text(_part(item, "IncomeAccountRef").get("value")),
        full_name=_text(item.get("FullyQualifiedName")) if active else "",
    )


def sales_tax(preferences: Mapping[str, Any]) -> SalesTax:
    """Return how a company handles sales tax: only automated tax has ``PartnerTaxEnabled`` true."""
    prefs = _part(preferences, "TaxPrefs")
    if prefs.get("PartnerTaxEnabled") is True:
        return SalesTax.AUTOMATED
    return SalesTax.CLASSIC if prefs.get("UsingSalesTax") is True else SalesTax.NONE


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
