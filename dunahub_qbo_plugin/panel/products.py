"""The services on invoices and the QuickBooks products that their lines go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs

from dunahub_qbo_plugin.model import SalesTax
from dunahub_qbo_plugin.review.checks import check_tax_code
from dunahub_qbo_plugin.review.item_causes import name_key
from dunahub_qbo_plugin.store.companies import profiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import sqlalchemy as sa

    from dunahub_qbo_plugin.model import CompanyProfile, Item, TaxCode
    from dunahub_qbo_plugin.panel.view_context import ViewContext
    from dunahub_qbo_plugin.store.companies.profiles import Service

MAX_SERVICES: Final = 500
"""Services that are listed, those last billed: more than any office chooses products for."""
MAX_CHOICES: Final = 1000
"""Products that one list offers."""
_TAX: Final = {
    SalesTax.NONE: (
        "Sales tax is not set up in this QuickBooks company, so invoices arrive there without tax. "
        "An invoice that has tax in DunaHub shows a difference on its record and in the review."
    ),
    SalesTax.CLASSIC: (
        "This QuickBooks company keeps its own sales tax rates, under tax codes. The tax of each "
        "invoice is sent as DunaHub has it, lines are marked taxable or not as in DunaHub, and "
        "QuickBooks' total is compared with DunaHub's afterwards."
    ),
    SalesTax.AUTOMATED: (
        "QuickBooks works out sales tax automatically, from the customer's address and what each "
        "product is. Lines are marked taxable or not as in DunaHub. Where its tax differs from "
        "than DunaHub, the difference is shown on the record and in the review; nothing is "
        "corrected automatically."
    ),
}


@attrs.frozen(kw_only=True)
class ServiceMapping:
    """One service.

    Attributes:
        key: the host's id of it.
        chosen: the id of the product that the office chose; empty to go by name.
        effect: where its lines go, in words.
        good: False when its lines cannot be sent.
    """

    key: str
    name: str
    chosen: str
    effect: str
    good: bool


@attrs.frozen(kw_only=True)
class Products:
    """Section 7 of the page.

    Attributes:
        known: False while the list was never read.
        read_at: when it was read; None when it is to be read again before the next record.
        items: what can be chosen, by name.
        default: the id of the product for everything else; empty when there is none.
        default_effect: in words.
        default_good: False when it cannot be used.
        tax: what becomes of sales tax, in words.
        tax_codes: what can be chosen for invoices with tax; only with classic sales tax.
        tax_code: the id of the one that is used; empty when there is none.
        tax_effect: in words.
        tax_good: False when invoices with tax cannot be sent.
    """

    known: bool
    read_at: datetime | None
    items: tuple[Item, ...]
    services: tuple[ServiceMapping, ...]
    default: str
    default_effect: str
    default_good: bool
    tax: str
    tax_codes: tuple[TaxCode, ...]
    tax_code: str
    tax_effect: str
    tax_good: bool

    @property
    def bad(self) -> int:
        """How many services go to no product."""
        return sum(not service.good for service in self.services)


def read_products(
    db: sa.Connection, view_context: ViewContext, profile: CompanyProfile
) -> Products:
    """Return the services seen on invoices, each with the product that its lines go to."""
    sold = sorted(
        (item for item in profile.items.values() if item.active),
        key=lambda item: (item.name.casefold(), item.id),
    )
    default = profile.items.get(profile.default_item_id or "")
    good, code = check_tax_code(profile)
    return Products(
        known=bool(profile.items),
        read_at=view_context.connection.profile_at,
        items=tuple(sold[:MAX_CHOICES]),
        services=tuple(
            _mapped(service, profile, sold)
            for service in profiles.services(db, view_context.connection.id, limit=MAX_SERVICES)
        ),
        default=default.id if default is not None and default.active else "",
        default_effect=_default_words(default),
        default_good=default is not None and default.active,
        tax=_TAX[profile.sales_tax],
        tax_codes=tuple(sorted(profile.tax_codes.values(), key=lambda one: one.name.casefold())),
        tax_code=code.id if code is not None else "",
        tax_effect=_tax_words(profile, code),
        tax_good=good,
    )


def _tax_words(profile: CompanyProfile, code: TaxCode | None) -> str:
    if code is not None:
        only = "" if profile.tax_code_id else ", the only tax code there is"
        return f"Invoices with tax go under “{code.name}”{only}."
    if profile.tax_code_id:
        return "The one that was chosen is inactive or deleted in QuickBooks: choose another one."
    return (
        "No code is chosen, so an invoice with tax cannot be sent. Ask your bookkeeper which one "
        "it is; invoices without tax need none."
    )


def _mapped(service: Service, profile: CompanyProfile, sold: Sequence[Item]) -> ServiceMapping:
    good, effect = _effect(service, profile, sold)
    return ServiceMapping(
        key=service.key,
        name=service.name or "without a name",
        chosen=service.item_id or "",
        effect=effect,
        good=good,
    )


def _effect(service: Service, profile: CompanyProfile, sold: Sequence[Item]) -> tuple[bool, str]:
    """Return where a service's lines go, by the rules of `mapping.items`."""
    if service.item_id is not None:
        item = profile.items.get(service.item_id)
        if item is None:
            return (
                True,
                f"Goes to the product with reference {service.item_id}, which is not in the list.",
            )
        if item.active:
            return True, f"Goes to “{item.name}”."
        return _instead(item, sold)
    named = [item for item in sold if name_key(item.name) == name_key(service.name)]
    if len(named) == 1:
        return True, f"Goes to “{named[0].name}”, which has the same name."
    if named:
        return False, f"QuickBooks has {len(named)} products of this name: choose one."
    dead = [
        item
        for item in profile.items.values()
        if not item.active and name_key(item.name) == name_key(service.name)
    ]
    if dead and name_key(service.name):
        return False, f"“{dead[0].name}” is inactive or deleted in QuickBooks: choose another one."
    default = profile.items.get(profile.default_item_id or "")
    if default is not None and default.active:
        return True, f"Goes to the default, “{default.name}”."
    return False, "Goes to no product, so invoices with it cannot be sent: choose one."


def _instead(item: Item, sold: Sequence[Item]) -> tuple[bool, str]:
    same = [one for one in sold if name_key(one.name) == name_key(item.name)]
    if len(same) == 1:
        return True, f"Goes to the new “{item.name}”; the one that was chosen is inactive."
    return False, f"“{item.name}” is inactive or deleted in QuickBooks: choose another one."


def _default_words(default: Item | None) -> str:
    if default is None:
        return "No default is chosen, so a line that matches no product cannot be sent."
    if not default.active:
        return f"“{default.name}” is inactive or deleted in QuickBooks: choose another one."
    return f"Lines that match no product go to “{default.name}”."
