"""Sales tax of a US company: none, classic rates, or the automated engine."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.field_checks import check_amount
from dunahub_qbo_plugin.emulator.books.json_codec import cents, plain

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.sales_lines import Lines

Json = dict[str, Any]

_HUNDRED = Decimal(100)
AUTOMATED_CODE = "2"


def tax_detail(ledger: Ledger, data: Json, lines: Lines) -> Json | None:
    """Return the `TxnTaxDetail` a sales form gets, from what was sent and what is taxable.

    A company without sales tax gives none (recorded 2014 to 2018).

    Intuit's developer blog (2017-12-11) says a sent total is honoured by automated companies;
    measurements of 2026-09 say it is recomputed: `ast_override` decides.

    Raises:
        QboFaultError: 6160 for the code CustomSalesTax, 6170 for tax on a form without any,
            2140 for a negative or oversized total, 2500 for a code that does not exist.
    """
    sent = data.get("TxnTaxDetail") or {}
    if (sent.get("TxnTaxCodeRef") or {}).get("value") == "CustomSalesTax":
        raise business_faults.custom_sales_tax()
    if data.get("GlobalTaxCalculation") == "NotApplicable" and sent.get("TotalTax"):
        raise business_faults.tax_not_applicable()
    base = lines.taxable if _is_taxable(ledger, data) else Decimal(0)
    if data.get("ApplyTaxAfterDiscount") and lines.subtotal:
        base -= lines.discount * lines.taxable / lines.subtotal
    total = sent.get("TotalTax", 0)
    if total < 0 or check_amount(total, ""):
        raise request_faults.QboFaultError(
            request_faults.bad_amount(f"{total:,}", "TxnTaxDetail.TotalTax")
        )
    match ledger.settings.sales_tax:
        case "classic":
            return _classic(ledger, sent, base)
        case "automated":
            return _automated(ledger, data, sent, base)
        case _:
            return None


def _is_taxable(ledger: Ledger, data: Json) -> bool:
    """Return whether the form's customer pays sales tax, as far as `tax_exempt` asks."""
    settings = ledger.settings
    if settings.sales_tax != "automated" and settings.tax_exempt == "automated_only":
        return True
    row = ledger.row("Customer", (data.get("CustomerRef") or {}).get("value", ""))
    return row is None or row.load().get("Taxable", True) is not False


def _classic(ledger: Ledger, sent: Json, base: Decimal) -> Json:
    code = ledger.reference("TaxCode", sent.get("TxnTaxCodeRef"), "TxnTaxDetail.TxnTaxCodeRef")
    if code is None:
        return {"TotalTax": 0}
    rates = []
    for detail in code.get("SalesTaxRateList", {}).get("TaxRateDetail", []):
        row = ledger.row("TaxRate", detail["TaxRateRef"]["value"])
        if row is not None:
            rates.append(row.load())
    computed = [_rate_line(rate["Id"], Decimal(rate["RateValue"]), base) for rate in rates]
    total = sum((Decimal(line["Amount"]) for line in computed), Decimal(0))
    if "TotalTax" in sent and computed:
        # An overridden total lands on the first rate: the sum of the lines stays the total.
        override = Decimal(sent["TotalTax"])
        first = computed[0]
        first["Amount"] = cents(Decimal(first["Amount"]) + override - total)
        total = override
    out: Json = {"TxnTaxCodeRef": {"value": code["Id"]}, "TotalTax": cents(total)}
    if computed:
        out["TaxLine"] = computed
    return out


def _automated(ledger: Ledger, data: Json, sent: Json, base: Decimal) -> Json:
    if ledger.settings.ast_override == "honour" and "TotalTax" in sent:
        total = Decimal(sent["TotalTax"])
        rate = (total * _HUNDRED / base) if base else Decimal(0)
        return _engine(total, cents(rate), base)
    address = data.get("ShipAddr") or data.get("BillAddr") or {}
    located = address.get("PostalCode") or address.get("CountrySubDivisionCode")
    if not base or not (located or address.get("Line4") or address.get("Line3")):
        return {"TotalTax": 0}
    rate = Decimal(ledger.settings.ast_rate)
    return _engine(base * rate / _HUNDRED, rate, base)


def _engine(total: Decimal, rate: Decimal | int, base: Decimal) -> Json:
    line = _rate_line(AUTOMATED_CODE, Decimal(rate), base)
    line["Amount"] = cents(total)
    return {
        "TxnTaxCodeRef": {"value": AUTOMATED_CODE},
        "TotalTax": cents(total),
        "TaxLine": [line],
    }


def _rate_line(rate_id: str, rate: Decimal, base: Decimal) -> Json:
    return {
        "Amount": cents(base * rate / _HUNDRED),
        "DetailType": "TaxLineDetail",
        "TaxLineDetail": {
            "TaxRateRef": {"value": rate_id},
            "PercentBased": True,
            "TaxPercent": plain(rate),
            "NetAmountTaxable": cents(base),
        },
    }
