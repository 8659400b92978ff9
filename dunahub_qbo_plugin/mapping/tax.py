"""Map the sales tax of an invoice, by how the company handles it (rule 33)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.money import cents
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model import SalesTax

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_hookspecs import Invoice
    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.model import CompanyProfile, Fact


def tax_payload(invoice: Invoice, profile: CompanyProfile) -> Payload:
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

    Raises:
        MappingError: the tax code has to be chosen by a person.
    """
    if profile.sales_tax is SalesTax.NONE:
        return {}
    tax = cents(invoice.tax)
    detail: Payload = {"TotalTax": tax}
    if profile.sales_tax is SalesTax.CLASSIC and tax:
        code = tax_code(profile, {"number": one_line(invoice.number), "tax": str(tax)})
        if code:
            detail["TxnTaxCodeRef"] = {"value": code}
    payload: Payload = {"TxnTaxDetail": detail}
    if cents(invoice.discount):
        payload["ApplyTaxAfterDiscount"] = True
    return payload


def tax_code(profile: CompanyProfile, facts: Mapping[str, Fact] | None = None) -> str | None:
    """Return the id of the tax code for invoices with tax, in a company with classic sales tax.

    It is the one that the office chose, or the only one there is. Among several it decides to whom
    the tax is owed, so nothing is sent until somebody has chosen. Where no code is known, the
    chosen one is sent, if any, or the amount alone; QuickBooks' total is then compared with ours.

    Args:
        profile: what is known of the company.
        facts: of the invoice, for the words of the error.

    Raises:
        MappingError: nobody has chosen (``tax-code-missing``), or the chosen one is gone from
            QuickBooks (``tax-code-gone``).
    """
    chosen, known = profile.tax_code_id or None, profile.tax_codes
    if not known or chosen in known:
        return chosen
    if chosen is not None:
        raise MappingError("tax-code-gone", facts=facts)
    if len(known) == 1:
        return next(iter(known))
    raise MappingError("tax-code-missing", facts={**(facts or {}), "codes": len(known)})
