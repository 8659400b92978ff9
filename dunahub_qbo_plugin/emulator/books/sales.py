"""Sales forms: invoices, credit memos, sales receipts, refund receipts and estimates."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.automatic_credits import apply_credits
from dunahub_qbo_plugin.emulator.books.document_numbers import AUTO, document_number
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.field_checks import MAX_AMOUNT, check_fields, merge
from dunahub_qbo_plugin.emulator.books.form_defaults import complete_form
from dunahub_qbo_plugin.emulator.books.json_codec import cents
from dunahub_qbo_plugin.emulator.books.linking import applied_to, release
from dunahub_qbo_plugin.emulator.books.sales_lines import LineReader, Lines
from dunahub_qbo_plugin.emulator.books.sales_tax import tax_detail
from dunahub_qbo_plugin.emulator.books.tracking import require_tracking

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

Json = dict[str, Any]

_FRAME = frozenset({"domain", "status", "sparse", "Id", "SyncToken", "MetaData"})
_READ_ONLY = _FRAME | {
    "TotalAmt",
    "HomeTotalAmt",
    "Balance",
    "HomeBalance",
    "RemainingCredit",
    "LinkedTxn",
    "InvoiceLink",
    "InvoiceLinkSecurityCode",
    "InvoiceLinkExpiryDate",
    "ShipFromAddr",
    "FreeFormAddress",
    "DeliveryInfo",
    "AutoDocNumber",
    "AttachableRef",
    "RecurDataRef",
    "TxnApprovalInfo",
    "EInvoiceStatus",
    "ECloudStatusTimeStamp",
    "invoiceStatus",
    "invoiceStatusLog",
    "callToAction",
    "TxnSource",
    "Tag",
    "Deposit",
}
_KEPT = _FRAME | {
    "LinkedTxn",
    "Balance",
    "RemainingCredit",
    "TotalAmt",
    "CustomField",
    "CurrencyRef",
    "ShipFromAddr",
    "DeliveryInfo",
    "TxnStatus",
}
_SIGNED_SINCE = 2026
_USER_ID = "9341453908059321"
_NEEDS_CUSTOMER = frozenset({"Invoice", "CreditMemo", "Estimate"})
OWED = {"Invoice": 1, "CreditMemo": -1}


def create_sale(ledger: Ledger, entity: str, body: Json, *, allow_duplicate: bool = False) -> Row:
    """Create a sales form.

    Raises:
        QboFaultError: 2020, 2050, 2210, 2500, 6000, 6070, 6090, 6100, 6140, 6200, 6210, 6270,
            6420 or 6440, among others of its lines.
    """
    _check_required(entity, body, body)
    check_fields(ENTITIES[entity], body)
    data = merge(None, body, sparse=False, readonly=_READ_ONLY, keep=_KEPT)
    if "CurrencyRef" in body:
        data["CurrencyRef"] = ledger.check_currency(body["CurrencyRef"])
    worked = _work_out(ledger, entity, data, body, None, line_seq=0)
    _number(ledger, entity, data, body, None, allow_duplicate=allow_duplicate)
    data.update(ledger.new(entity))
    _sign(ledger, entity, data)
    _open_balance(entity, data, Decimal(0))
    row = ledger.save(entity, data, line_seq=worked.line_seq)
    _move_owed(ledger, entity, None, data)
    if ledger.settings.auto_apply_credit == "on_create":
        apply_credits(ledger, entity, row.id)
    return ledger.tables[entity].rows[row.id]


def update_sale(
    ledger: Ledger,
    entity: str,
    row: Row,
    body: Json,
    *,
    allow_duplicate: bool = False,
    by_accountant: bool = False,
) -> Row:
    """Update a sales form; `Line`, where sent, replaces every line.

    Args:
        ledger: The books.
        entity: Which kind of form.
        row: The form.
        body: What to change.
        allow_duplicate: A number used before is taken.
        by_accountant: It is done in QuickBooks itself, which `sparse_lines` is not about.

    Raises:
        QboFaultError: As for a create.
    """
    old = row.load()
    sparse = body.get("sparse") is True
    refuses = ledger.settings.sparse_lines == "fault_2020" and not by_accountant
    if sparse and "Line" in body and refuses:
        raise request_faults.missing("Line")
    data = merge(
        old,
        body,
        sparse=sparse,
        readonly=_READ_ONLY,
        keep=_KEPT,
        empty_text=ledger.settings.empty_text,
    )
    data["sparse"] = False
    _check_required(entity, data, body if not sparse or "Line" in body else data)
    check_fields(ENTITIES[entity], body)
    ledger.check_open(old.get("TxnDate", ""))
    worked = _work_out(ledger, entity, data, body, old, line_seq=row.line_seq)
    _number(ledger, entity, data, body, old, allow_duplicate=allow_duplicate)
    applied = Decimal(0)
    if entity in OWED:
        link = (entity, row.id)
        applied = sum(applied_to(ledger, old, link).values(), Decimal(0))
        if applied and old["CustomerRef"]["value"] != data["CustomerRef"]["value"]:
            raise business_faults.business(
                "You cannot change the customer of a transaction with payments."
            )
        if applied > Decimal(data["TotalAmt"]):
            release(ledger, old, link, Decimal(data["TotalAmt"]))
            applied = Decimal(data["TotalAmt"])
            still = applied_to(ledger, old, link)
            data["LinkedTxn"] = [
                one
                for one in old.get("LinkedTxn", [])
                if one["TxnType"] != "Payment" or still.get(one["TxnId"])
            ]
    _open_balance(entity, data, applied)
    ledger.touch(data)
    _sign(ledger, entity, data)
    saved = ledger.save(entity, data, line_seq=worked.line_seq)
    _move_owed(ledger, entity, old, data)
    return saved


def void_sale(ledger: Ledger, entity: str, row: Row) -> Row:
    """Void a sales form: its amounts become zero, its number stays (recorded 2022).

    Payments applied to it stay and become unapplied (observed 2026-09).

    Raises:
        QboFaultError: 6000 where `void_paid_invoice` refuses, 6200 or 6210 in closed books.
    """
    old = row.load()
    ledger.check_open(old.get("TxnDate", ""))
    link = (entity, row.id)
    if entity in OWED and any(applied_to(ledger, old, link).values()):
        if ledger.settings.void_paid_invoice == "refuse":
            raise business_faults.business(
                "You cannot void a transaction that has a payment applied to it."
            )
        release(ledger, old, link, Decimal(0))
    data = dict(old)
    data["Line"] = [_zeroed(line) for line in old["Line"]]
    data["TotalAmt"] = 0
    if "TxnTaxDetail" in old:
        data["TxnTaxDetail"] = {"TotalTax": 0}
    note = old.get("PrivateNote", "")
    data["PrivateNote"] = f"Voided - {note}" if note else "Voided"
    data["Balance"] = 0
    if "RemainingCredit" in data:
        data["RemainingCredit"] = 0
    if "LinkedTxn" in data:
        data["LinkedTxn"] = []
    ledger.touch(data)
    saved = ledger.save(entity, data)
    _move_owed(ledger, entity, old, data)
    return saved


def delete_sale(ledger: Ledger, entity: str, row: Row) -> None:
    """Delete a sales form for good.

    Raises:
        QboFaultError: 800 or 6000 if a payment is applied and `delete_paid_invoice` refuses;
            6200 or 6210 in closed books.
    """
    old = row.load()
    ledger.check_open(old.get("TxnDate", ""))
    link = (entity, row.id)
    if entity in OWED and any(applied_to(ledger, old, link).values()):
        match ledger.settings.delete_paid_invoice:
            case "fault_800":
                raise request_faults.cannot_delete()
            case "fault_6000":
                raise business_faults.business(
                    "You cannot delete a transaction that has a payment applied to it."
                )
            case _:
                release(ledger, old, link, Decimal(0))
    ledger.remove(entity, row.id)
    _move_owed(ledger, entity, old, None)


def _check_required(entity: str, data: Json, lines_from: Json) -> None:
    if not lines_from.get("Line"):
        raise request_faults.missing("Line")
    if entity in _NEEDS_CUSTOMER and not (data.get("CustomerRef") or {}).get("value"):
        raise request_faults.missing("CustomerRef")
    if entity == "RefundReceipt" and not (data.get("DepositToAccountRef") or {}).get("value"):
        raise request_faults.missing("DepositToAccountRef")


def _work_out(
    ledger: Ledger, entity: str, data: Json, body: Json, old: Json | None, *, line_seq: int
) -> Lines:
    if not data.get("TxnDate"):
        data["TxnDate"] = ledger.today().isoformat()
    ledger.check_open(data["TxnDate"])
    complete_form(ledger, entity, data, old)
    old_lines = (old or {}).get("Line", [])
    reader = LineReader(ledger, txn_date=data["TxnDate"], old_lines=old_lines, line_seq=line_seq)
    worked = reader.read(data["Line"])
    data["Line"] = worked.lines
    require_tracking(ledger, entity, data)
    if old is not None and "TxnTaxDetail" in old and "TxnTaxDetail" not in body:
        kept = old["TxnTaxDetail"].get("TxnTaxCodeRef")
        data["TxnTaxDetail"] = {"TxnTaxCodeRef": kept} if kept else {}
    tax = tax_detail(ledger, data, worked)
    data.pop("TxnTaxDetail", None)
    if tax is not None:
        data["TxnTaxDetail"] = tax
    total = worked.total + Decimal((tax or {}).get("TotalTax", 0))
    if total < 0:
        raise business_faults.business("The total of a transaction must be zero or greater.")
    if total > MAX_AMOUNT:
        raise request_faults.QboFaultError(request_faults.bad_amount(f"{total:,}", "TotalAmt"))
    data["TotalAmt"] = cents(total)
    if "ExchangeRate" in data:
        data["HomeTotalAmt"] = cents(total * Decimal(data["ExchangeRate"]))
    return worked


def _number(
    ledger: Ledger,
    entity: str,
    data: Json,
    body: Json,
    old: Json | None,
    *,
    allow_duplicate: bool,
) -> None:
    sent = AUTO if body.get("AutoDocNumber") else body.get("DocNumber")
    number = document_number(ledger, entity, sent, old, allow_duplicate=allow_duplicate)
    if number:
        data["DocNumber"] = number
    else:
        data.pop("DocNumber", None)


def _open_balance(entity: str, data: Json, applied: Decimal) -> None:
    owed = Decimal(data["TotalAmt"]) - applied if entity in OWED else Decimal(0)
    if entity == "Estimate":
        return
    data["Balance"] = cents(owed)
    if "ExchangeRate" in data:
        data["HomeBalance"] = cents(owed * Decimal(data["ExchangeRate"]))
    if entity == "CreditMemo":
        data["RemainingCredit"] = cents(owed)


def _move_owed(ledger: Ledger, entity: str, old: Json | None, new: Json | None) -> None:
    sign = OWED.get(entity, 0)
    before = (old or {}).get("CustomerRef", {}).get("value", "")
    after = (new or {}).get("CustomerRef", {}).get("value", "")
    was = Decimal((old or {}).get("TotalAmt", 0)) * sign
    now = Decimal((new or {}).get("TotalAmt", 0)) * sign
    if before == after:
        was, now = Decimal(0), now - was
    if was:
        ledger.move_balance(before, -was)
    if after and (now or (entity in OWED and old is None)):
        ledger.move_balance(after, now)
    elif before and new is None:
        ledger.move_balance(before, Decimal(0)) if not was and sign else None


def _sign(ledger: Ledger, entity: str, data: Json) -> None:
    # Since 2026 a reply names the user who changed a form last, but a credit's (recorded 2026-05).
    if ledger.settings.replies_as_of >= _SIGNED_SINCE and entity != "CreditMemo":
        data["MetaData"]["LastModifiedByRef"] = {"value": _USER_ID}


def _zeroed(line: Json) -> Json:
    out = dict(line)
    if "Amount" in out:
        out["Amount"] = 0
    kind = out["DetailType"]
    detail = dict(out.get(kind, {}))
    if kind == "SalesItemLineDetail":
        if "Qty" in detail:
            detail["Qty"] = 0
        if detail.get("UnitPrice"):
            del detail["UnitPrice"]
    if kind == "GroupLineDetail":
        detail["Line"] = [_zeroed(inner) for inner in detail.get("Line", [])]
    if kind in out:
        out[kind] = detail
    return out
