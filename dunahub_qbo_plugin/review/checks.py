"""Check the settings of a QuickBooks company, from its profile. Pure."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.tax import tax_code
from dunahub_qbo_plugin.model import SalesTax
from dunahub_qbo_plugin.review.days import written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dunahub_qbo_plugin.model import CompanyProfile, Item, TaxCode


@attrs.frozen(kw_only=True)
class Check:
    """The check of one setting.

    Attributes:
        code: a stable name.
        good: False when somebody should look at it.
        title: what was found, in a line.
        meaning: what it means for what is sent.
        remedy: where to change it; empty when nothing need be done.
    """

    code: str
    good: bool
    title: str
    meaning: str = ""
    remedy: str = ""


def check_company(profile: CompanyProfile) -> list[Check]:
    """Return the checks of a company's settings; those that need attention come first."""
    found = [
        *_country(profile),
        *_default_item(profile),
        *_books(profile),
        *_numbers(profile),
        *_tax(profile),
        *_discounts(profile),
    ]
    return sorted(found, key=lambda check: check.good)


def _country(profile: CompanyProfile) -> Iterator[Check]:
    home = (profile.country.upper(), profile.home_currency.upper())
    if home[0] not in {"US", "USA"} or home[1] != "USD":
        yield Check(
            code="country",
            good=False,
            title=f"This QuickBooks company is in {profile.country} and keeps its books in "
            f"{profile.home_currency}",
            meaning="DunaHub bills in US dollars, so invoices would not match these books.",
            remedy="Connect a QuickBooks company in the United States, with books in US dollars.",
        )
        return
    yield Check(code="country", good=True, title="United States, US dollars")
    if profile.multicurrency:
        yield Check(
            code="multicurrency",
            good=True,
            title="Multicurrency is turned on",
            meaning="DunaHub sends US dollars. A customer kept in another currency is refused.",
        )


def _default_item(profile: CompanyProfile) -> Iterator[Check]:
    item = profile.items.get(profile.default_item_id or "")
    if item is not None and item.active:
        yield _income_account(profile, item)
        return
    gone = profile.default_item_id is not None
    yield Check(
        code="default-item",
        good=False,
        title="The default product or service was deleted in QuickBooks"
        if gone
        else "There is no default product or service yet",
        meaning="An invoice line that matches no QuickBooks product by name cannot be sent.",
        remedy="Choose one below under Products and services.",
    )


def _income_account(profile: CompanyProfile, item: Item) -> Check:
    """Check the account that the default item's sales are booked to."""
    account = profile.accounts.get(item.income_account or "")
    if item.income_account is None or (account is not None and account.active):
        under = f", and their income to “{account.name}”" if account is not None else ""
        return Check(
            code="default-item",
            good=True,
            title=f"Lines without a product of their own go to “{item.name}”{under}",
        )
    if account is not None:
        title = f"The income account of “{item.name}” is inactive: “{account.name}”"
    elif item.income_account:
        title = f"The income account of “{item.name}” was deleted in QuickBooks"
    else:
        title = f"“{item.name}”, the default product, has no income account in QuickBooks"
    return Check(
        code="income-account",
        good=False,
        title=title,
        meaning="Lines without a product of their own go to it. QuickBooks may refuse an invoice "
        "with such a line, since it does not know where to book the income.",
        remedy=f"In QuickBooks: Sales, Products and services, edit “{item.name}” and choose an "
        "active income account. Or choose another default below under Products and services. Then "
        "press Check connection.",
    )


def _books(profile: CompanyProfile) -> Iterator[Check]:
    if profile.book_close_date:
        yield Check(
            code="books-closed",
            good=False,
            title=f"The books are closed through {_day(profile.book_close_date)}",
            meaning="QuickBooks refuses invoices and payments dated on that day or before.",
            remedy="Nothing, if your bookkeeper wants it that way. Otherwise change it in "
            "QuickBooks under Settings, Account and settings, Advanced, Accounting.",
        )


def _day(text: str) -> str:
    """Format QuickBooks' date; an invalid one is returned as it is."""
    try:
        return written(date.fromisoformat(text))
    except ValueError:
        return text


def _numbers(profile: CompanyProfile) -> Iterator[Check]:
    if profile.custom_txn_numbers:
        yield Check(
            code="numbers", good=True, title="Invoices keep the numbers they have in DunaHub"
        )
    else:
        yield Check(
            code="numbers",
            good=False,
            title="Custom transaction numbers are turned off in QuickBooks",
            meaning="QuickBooks may give invoices numbers of its own, and does not notice when a "
            "number is used twice.",
            remedy="Turn them on in QuickBooks under Settings, Account and settings, Sales, Sales "
            "form content, Custom transaction numbers.",
        )


def _tax(profile: CompanyProfile) -> Iterator[Check]:
    if profile.sales_tax is SalesTax.CLASSIC:
        yield _tax_code(profile)
        return
    words = {
        SalesTax.NONE: (
            "Sales tax is not set up in QuickBooks",
            "Invoices arrive without tax. One that has tax in DunaHub will show a difference.",
        ),
        SalesTax.AUTOMATED: (
            "QuickBooks works out sales tax automatically",
            "Its tax may differ from DunaHub's. A difference is shown on the record.",
        ),
    }
    title, meaning = words[profile.sales_tax]
    yield Check(code="sales-tax", good=True, title=title, meaning=meaning)


def _tax_code(profile: CompanyProfile) -> Check:
    good, code = check_tax_code(profile)
    if profile.tax_code_id and not good:
        return Check(
            code="tax-code",
            good=False,
            title="The sales tax code chosen for invoices was deleted in QuickBooks",
            meaning="An invoice with tax cannot be sent.",
            remedy="Choose another one below under Products and services.",
        )
    if good:
        under = f" and goes under “{code.name}”" if code else ""
        meaning = f"The tax of each invoice is sent as DunaHub has it{under}, and compared."
    else:
        meaning = (
            "An invoice with tax cannot be sent until one of the tax codes is chosen below under "
            "Products and services. Invoices without tax need none."
        )
    title = "Sales tax is set up with QuickBooks' own rates"
    return Check(code="sales-tax", good=True, title=title, meaning=meaning)


def check_tax_code(profile: CompanyProfile) -> tuple[bool, TaxCode | None]:
    """Return whether an invoice with tax can be sent, and under which tax code it then goes."""
    try:
        code = tax_code(profile)
    except MappingError:
        return False, None
    return True, profile.tax_codes.get(code or "")


def _discounts(profile: CompanyProfile) -> Iterator[Check]:
    if not profile.allow_discount:
        yield Check(
            code="discounts",
            good=False,
            title="Discounts are turned off in QuickBooks",
            meaning="An invoice with a discount may be refused or arrive without it.",
            remedy="Turn them on in QuickBooks under Settings, Account and settings, Sales, Sales "
            "form content, Discount.",
        )
