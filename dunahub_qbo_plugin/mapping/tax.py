"""Map the sales tax of an invoice, by how the company handles it (rule 33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.items import WHERE_TO_CHOOSE
from dunahub_qbo_plugin.mapping.money import amount_text, cents
from dunahub_qbo_plugin.mapping.text import THEN_RETRY
from dunahub_qbo_plugin.model import SalesTax

if TYPE_CHECKING:
    from dunahub_hookspecs import Invoice
    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.model import CompanyProfile


def tax_payload(invoice: Invoice, profile: CompanyProfile, name: str) -> Payload:
    """Return the tax fields of an invoice's body.

    - No sales tax set up: nothing, and QuickBooks shows no tax. The difference is reported.
    - Classic: the amount, under a tax code of the company's (see `tax_code`).
    - Automated: the amount. Whether QuickBooks keeps it or computes its own is disputed (Intuit's
      developer blog of 2017 says it keeps it; measured 2026-09 it computed its own), so its
      answer is compared with ours.

    An amount of zero is sent too, so that a tax that was removed here goes away there. DunaHub
    takes the discount off before tax; QuickBooks does so only when it is told.

    Args:
        invoice: whose tax.
        profile: what is known of the company.
        name: how a sentence names the invoice.

    Raises:
        MappingError: the tax code has to be chosen by a person.
    """
    if profile.sales_tax is SalesTax.NONE:
        return {}
    tax = cents(invoice.tax)
    detail: Payload = {"TotalTax": tax}
    if profile.sales_tax is SalesTax.CLASSIC and tax:
        code = tax_code(profile, f"{amount_text(tax)} of sales tax on {name}")
        if code:
            detail["TxnTaxCodeRef"] = {"value": code}
    payload: Payload = {"TxnTaxDetail": detail}
    if cents(invoice.discount):
        payload["ApplyTaxAfterDiscount"] = True
    return payload


def tax_code(profile: CompanyProfile, what: str) -> str | None:
    """Return the id of the tax code for invoices with tax, in a company with classic sales tax.

    It is the one that the office chose, or the only one there is. Among several it decides to whom
    the tax is owed, so nothing is sent until somebody has chosen. Where no code is known, the
    chosen one is sent, if any, or the amount alone; QuickBooks' total is then compared with ours.

    Raises:
        MappingError: nobody has chosen (``tax-code-missing``), or the chosen one is gone from
            QuickBooks (``tax-code-gone``).
    """
    chosen, known = profile.tax_code_id or None, profile.tax_codes
    if not known or chosen in known:
        return chosen
    if chosen is not None:
        raise MappingError(
            "tax-code-gone",
            f"There is {what}, and the sales tax code that was chosen for it was deleted or made "
            f"inactive in QuickBooks. Choose another one under {WHERE_TO_CHOOSE}. {THEN_RETRY}",
        )
    if len(known) == 1:
        return next(iter(known))
    raise MappingError(
        "tax-code-missing",
        f"There is {what}, and QuickBooks has {len(known)} sales tax codes. Ask your bookkeeper "
        f"which one it goes under, and choose it under {WHERE_TO_CHOOSE}. {THEN_RETRY}",
    )
