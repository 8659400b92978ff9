"""What of an object each way of asking shows: a read, a query and a write do not show the same.

Recorded 2026-05, unless another year is named. Objects are kept as text, and most answers are that
text; what one way adds or leaves out is written into it.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.company_settings import CompanySettings
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

_SINCE: Final = 2026
_LAST_UPDATE: Final = re.compile(r',"LastUpdatedTime":"[^"]*"')
_SENT_WITHOUT: Final = re.compile(
    r',"(?:LastModifiedByRef|ItemAccountRef)":\{[^{}]*\}|,"FreeFormAddress":(?:true|false)'
)
_PAYABLE: Final = ('"AllowOnlineCreditCardPayment":true', '"AllowOnlineACHPayment":true')
_RATES: Final = '"BillRate":0,"CostRate":0'


def read(settings: CompanySettings, row: Row) -> str:
    """Return an object's JSON text as a read gives it."""
    text = _with_tax_code(settings, row)
    if settings.replies_as_of < _SINCE:
        return text
    if row.entity == "Customer":
        return _with(text, f'{_pseudonym(row)},"ClientEntityId":"0"')
    return _either(row, text)


def queried(settings: CompanySettings, row: Row, *, with_link: bool = False) -> str:
    """Return an object's JSON text as a query gives it.

    Args:
        settings: Decide the shape.
        row: The object.
        with_link: The query asked for `include=invoiceLink` (Intuit's page on invoices).
    """
    if with_link and row.entity == "Invoice":
        return _either(row, row.text)
    if settings.replies_as_of < _SINCE:
        return row.text
    if row.entity == "Customer":
        return _with(row.text, f'{_pseudonym(row)},"ClientEntityId":"0"')
    if row.entity == "Vendor":
        return _with(row.text, _pseudonym(row))
    if row.entity == "Item":
        return row.text.replace(',"DeferredRevenue":false', "", 1)
    return row.text


def written(settings: CompanySettings, row: Row, *, created: bool) -> str:
    """Return an object's JSON text as the answer to its create or update gives it."""
    text = _with_tax_code(settings, row)
    if settings.replies_as_of < _SINCE:
        return text
    if row.entity == "Account" and created:
        return _LAST_UPDATE.sub("", text, count=1)
    return text if created and row.entity == "Invoice" else _either(row, text)


def sent(settings: CompanySettings, row: Row) -> str:
    """Return a sales form's JSON text as the answer to its sending gives it."""
    return _SENT_WITHOUT.sub("", row.text) if settings.replies_as_of >= _SINCE else row.text


def _either(row: Row, text: str) -> str:
    """Return add what both a read and a write show."""
    if row.entity == "Vendor":
        return _with(text, f"{_RATES},{_pseudonym(row)}")
    if row.entity == "Invoice" and _is_payable(text):
        # A sandbox company's link leads to a page that says so; its key is ours.
        key = sha256(row.id.encode()).hexdigest()
        link = f"https://developer.intuit.com/comingSoonview/scs-v1-{key}"
        return _with(text, f'"InvoiceLink":"{link}?locale=en_US&cta=v3invoicelink"')
    return text


def _is_payable(text: str) -> bool:
    return '"BillEmail":{' in text and any(flag in text for flag in _PAYABLE)


def _with_tax_code(settings: CompanySettings, row: Row) -> str:
    """Add the tax code that a taxable customer shows (recorded 2020)."""
    if (
        row.entity == "Customer"
        and settings.sales_tax != "none"
        and '"DefaultTaxCodeRef"' not in row.text
        and row.load().get("Taxable")
    ):
        return _with(row.text, '"DefaultTaxCodeRef":{"value":"2"}')
    return row.text


def _pseudonym(row: Row) -> str:
    return f'"V4IDPseudonym":"0020{int(row.id):028x}"'


def _with(text: str, properties: str) -> str:
    return f"{text[:-1]},{properties}}}"
