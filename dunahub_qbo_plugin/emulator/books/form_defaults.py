"""What a sales form takes over from its customer, its terms and the company."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.addresses import store_address
from dunahub_qbo_plugin.emulator.books.due_dates import due_date
from dunahub_qbo_plugin.emulator.books.json_codec import plain
from dunahub_qbo_plugin.emulator.books.tracking import place_class

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

_MODERN = 2026
_MAX_RATE = 1_000_000
_DEPOSIT_SHOWN_UNTIL = 2019
_PAYMENT_FLAGS = (
    "AllowIPNPayment",
    "AllowOnlinePayment",
    "AllowOnlineCreditCardPayment",
    "AllowOnlineACHPayment",
)
_ONLINE = ("AllowOnlineCreditCardPayment", "AllowOnlineACHPayment")
_RECEIPTS = ("SalesReceipt", "RefundReceipt")


def complete_form(ledger: Ledger, entity: str, data: Json, old: Json | None) -> None:
    """Fill in what the service fills in on a sales form, and check its references.

    Recorded 2020 and 2026-05: addresses copied with their Ids, due date, print and e-mail
    status, online payment flags.

    Raises:
        QboFaultError: 2500 for a bad reference, 6420 if it is to be sent and has no address.
    """
    customer = ledger.reference("Customer", data.get("CustomerRef"), "CustomerRef")
    if customer is not None:
        data["CustomerRef"] = {"value": customer["Id"], "name": customer["DisplayName"]}
    take_currency(ledger, data, customer or {})
    before = old or {}
    _address(ledger, data, before, customer or {})
    _refer(ledger, data)
    place_class(ledger, data)
    data["CustomField"] = _custom_fields(ledger, data, before)
    data.setdefault("ApplyTaxAfterDiscount", False)
    data.setdefault("PrintStatus", "NeedToPrint")
    status = data.setdefault("EmailStatus", "NotSet")
    if status == "NeedToSend" and not data.get("BillEmail", {}).get("Address"):
        raise business_faults.email_required()
    if entity == "Invoice":
        _complete_invoice(ledger, data, before, customer)
    elif entity in _RECEIPTS:
        _complete_receipt(ledger, data)
    elif entity == "Estimate":
        data.setdefault("TxnStatus", "Pending")
    if ledger.settings.replies_as_of >= _MODERN:
        data["FreeFormAddress"] = True
        if entity in ("Invoice", "CreditMemo"):
            data.setdefault("ShipFromAddr", _shipped_from(ledger.settings.company_address))


def _shipped_from(address: Mapping[str, str]) -> Json:
    """Return the company's address as a form has it: in lines (recorded 2026-05)."""
    region = " ".join(
        part for part in map(address.get, ("CountrySubDivisionCode", "PostalCode")) if part
    ).replace(" ", "  ", 1)
    place = ", ".join(part for part in (address.get("City"), region) if part)
    lines = [line for line in (address.get("Line1"), place) if line]
    return {"Id": "1"} | {f"Line{number}": line for number, line in enumerate(lines, start=1)}


def _address(ledger: Ledger, data: Json, before: Json, customer: Json) -> None:
    for name in ("BillAddr", "ShipAddr"):
        if name in data and data[name] != before.get(name):
            data[name] = store_address(ledger, data[name], before.get(name))
        elif name not in data and name in customer:
            data[name] = customer[name]
    if "ShipAddr" not in data and "BillAddr" in customer:
        data["ShipAddr"] = customer["BillAddr"]


def take_currency(ledger: Ledger, data: Json, customer: Json) -> None:
    """Give a transaction its customer's currency.

    Raises:
        QboFaultError: 6000 for another currency than the customer's, 2150 for a bad rate.
    """
    own: Json = customer.get("CurrencyRef") or ledger.currency()
    sent: Json = data.setdefault("CurrencyRef", own)
    if customer and sent["value"] != own["value"]:
        raise business_faults.business(
            "The currency of the transaction is invalid for customer/vendor/account."
        )
    if not ledger.settings.multicurrency:
        data.pop("ExchangeRate", None)
        return
    rate = plain(data.get("ExchangeRate", 1))
    if not 0 < rate <= _MAX_RATE:
        raise request_faults.QboFaultError(request_faults.bad_amount(f"{rate:,}", "ExchangeRate"))
    data["ExchangeRate"] = rate


def undeposited_funds(ledger: Ledger) -> Json | None:
    """Return the account money waits in until it is deposited."""
    holder = ledger.holder("Account", "undeposited funds")
    if holder is None:
        return None
    return {"value": holder[1], "name": "Undeposited Funds"}


def _refer(ledger: Ledger, data: Json) -> None:
    for key, entity in (
        ("ClassRef", "Class"),
        ("DepartmentRef", "Department"),
        ("PaymentMethodRef", "PaymentMethod"),
    ):
        found = ledger.reference(entity, data.get(key), key)
        if found is not None:
            name = found.get("FullyQualifiedName") or found["Name"]
            data[key] = {"value": found["Id"], "name": name}


def _complete_invoice(ledger: Ledger, data: Json, before: Json, customer: Json | None) -> None:
    _allow_payment(ledger, data, before)
    data.setdefault("LinkedTxn", [])
    ref = data.get("SalesTermRef") or (customer or {}).get("SalesTermRef")
    if not ref and ledger.settings.default_terms:
        ref = {"value": ledger.settings.default_terms}
    term = ledger.reference("Term", ref, "SalesTermRef")
    if term is not None:
        data["SalesTermRef"] = {"value": term["Id"], "name": term["Name"]}
        if ledger.settings.replies_as_of < _MODERN:
            data["SalesTermRef"] = {"value": term["Id"]}
    if not data.get("DueDate"):
        data["DueDate"] = due_date(ledger, data["TxnDate"], term)
    if ledger.settings.replies_as_of <= _DEPOSIT_SHOWN_UNTIL:
        data["Deposit"] = 0


def _allow_payment(ledger: Ledger, data: Json, before: Json) -> None:
    """Say whether the invoice can be paid online, if the request does not."""
    settings = ledger.settings
    payable = settings.online_default and settings.replies_as_of >= _MODERN
    for flag in _PAYMENT_FLAGS:
        default = payable and flag in _ONLINE
        if settings.online_omitted == "keep":
            default = before.get(flag, default)
        data.setdefault(flag, default)


def _complete_receipt(ledger: Ledger, data: Json) -> None:
    ref = data.get("DepositToAccountRef")
    account = ledger.reference("Account", ref, "DepositToAccountRef")
    if account is not None:
        data["DepositToAccountRef"] = {
            "value": account["Id"],
            "name": account["FullyQualifiedName"],
        }
        return
    default = undeposited_funds(ledger)
    if default is not None:
        data["DepositToAccountRef"] = default


def _custom_fields(ledger: Ledger, data: Json, before: Json) -> list[Json]:
    sent = {one.get("DefinitionId"): one for one in data.get("CustomField", [])}
    kept = {one.get("DefinitionId"): one for one in before.get("CustomField", [])}
    out = []
    for number, name in enumerate(ledger.settings.sales_custom_fields, start=1):
        id_ = str(number)
        field: Json = {"DefinitionId": id_, "Name": name, "Type": "StringType"}
        value = sent.get(id_, kept.get(id_, {})).get("StringValue")
        if value:
            field["StringValue"] = value[:31]
        out.append(field)
    return out
