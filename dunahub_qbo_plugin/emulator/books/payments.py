"""Payments: received, applied, over-applied, unapplied, deposited, voided and deleted."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults, request_faults
from dunahub_qbo_plugin.emulator.books.deposits import is_deposited
from dunahub_qbo_plugin.emulator.books.entities import ENTITIES
from dunahub_qbo_plugin.emulator.books.field_checks import check_amount, check_fields, merge
from dunahub_qbo_plugin.emulator.books.form_defaults import take_currency, undeposited_funds
from dunahub_qbo_plugin.emulator.books.json_codec import cents
from dunahub_qbo_plugin.emulator.books.linking import Link, links_of, payment_line, settle

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger
    from dunahub_qbo_plugin.emulator.books.object_tables import Row

Json = dict[str, Any]

_FRAME = frozenset({"domain", "status", "sparse", "Id", "SyncToken", "MetaData"})
_READ_ONLY = _FRAME | {"UnappliedAmt", "LinkedTxn", "AttachableRef", "TxnSource"}
_KEPT = _FRAME | {"LinkedTxn", "CurrencyRef", "DocNumber"}
_NOTES_ONLY = _FRAME | {"PrivateNote"}
_LINKABLE = ("Invoice", "CreditMemo")
_SETTLED_ELSEWHERE = ("JournalEntry", "Expense", "Check", "CreditCardCredit")


def create_payment(ledger: Ledger, body: Json) -> Row:
    """Receive a payment.

    Raises:
        QboFaultError: 2020, 2050, 2140, 2170, 2290, 2500, 610, 620, 6000, 6200 or 6210.
    """
    _check_required(body)
    check_fields(ENTITIES["Payment"], body)
    data = merge(None, body, sparse=False, readonly=_READ_ONLY, keep=_KEPT)
    if "CurrencyRef" in body:
        data["CurrencyRef"] = ledger.check_currency(body["CurrencyRef"])
    links = _complete(ledger, data, {})
    data.update(ledger.new("Payment"))
    _apply(ledger, data, {}, links)
    row = ledger.save("Payment", data)
    ledger.move_balance(data["CustomerRef"]["value"], -Decimal(data["TotalAmt"]))
    return row


def update_payment(ledger: Ledger, row: Row, body: Json) -> Row:
    """Change a payment; `Line`, where sent, replaces what it settles.

    Raises:
        QboFaultError: As for a create, and 6540 if it is deposited, unless
            `deposited_payment_reapply` allows what it asks for.
    """
    old = row.load()
    reapply = ledger.settings.deposited_payment_reapply == "allow"
    if not (reapply and _moves_no_money(old, body)):
        _check_not_deposited(old)
    sparse = body.get("sparse") is True
    if sparse and ledger.settings.payment_sparse == "strict" and not body.keys() <= _NOTES_ONLY:
        _check_required(body)
    data = merge(
        old,
        body,
        sparse=sparse,
        readonly=_READ_ONLY,
        keep=_KEPT,
        empty_text=ledger.settings.empty_text,
    )
    data["sparse"] = False
    _check_required(data)
    check_fields(ENTITIES["Payment"], body)
    ledger.check_open(old["TxnDate"])
    before = links_of(old)
    if "Line" in body or not sparse:
        data["Line"] = body.get("Line", [])
    links = _complete(ledger, data, before)
    _apply(ledger, data, before, links)
    ledger.touch(data)
    saved = ledger.save("Payment", data)
    _move_total(ledger, old, data)
    return saved


def void_payment(ledger: Ledger, row: Row, body: Json) -> Row:
    """Void a payment: it settles nothing and is worth nothing.

    Raises:
        QboFaultError: 6540 if it is deposited, 2020 if `payment_void` wants the whole payment.
    """
    old = row.load()
    _check_not_deposited(old)
    if ledger.settings.payment_void == "strict":
        _check_required(body)
    ledger.check_open(old["TxnDate"])
    for link, amount in links_of(old).items():
        settle(ledger, link, row.id, amount, Decimal(0))
    data = dict(old)
    note = old.get("PrivateNote", "")
    data.update(
        {
            "Line": [],
            "TotalAmt": 0,
            "UnappliedAmt": 0,
            "PrivateNote": f"Voided - {note}" if note else "Voided",
        }
    )
    ledger.touch(data)
    saved = ledger.save("Payment", data)
    _move_total(ledger, old, data)
    return saved


def delete_payment(ledger: Ledger, row: Row) -> None:
    """Delete a payment; what it settled is open again and its SyncToken has moved.

    Raises:
        QboFaultError: 6540 if it is deposited.
    """
    old = row.load()
    _check_not_deposited(old)
    ledger.check_open(old["TxnDate"])
    for link, amount in links_of(old).items():
        settle(ledger, link, row.id, amount, Decimal(0))
    ledger.remove("Payment", row.id)
    ledger.move_balance(old["CustomerRef"]["value"], Decimal(old["TotalAmt"]))


def _check_required(body: Json) -> None:
    if "TotalAmt" not in body:
        raise request_faults.missing("TotalAmt")
    if not (body.get("CustomerRef") or {}).get("value"):
        raise request_faults.missing("CustomerRef")


def _check_not_deposited(payment: Json) -> None:
    if is_deposited(payment):
        raise business_faults.deposited()


def _moves_no_money(old: Json, body: Json) -> bool:
    """Return whether an update leaves payer, amount and account as they are."""
    names = ("CustomerRef", "DepositToAccountRef")
    same = all(
        (body.get(name) or old[name])["value"] == old[name]["value"]
        for name in names
        if name in old
    )
    return same and body.get("TotalAmt", old["TotalAmt"]) == old["TotalAmt"]


def _move_total(ledger: Ledger, old: Json, new: Json) -> None:
    before, after = old["CustomerRef"]["value"], new["CustomerRef"]["value"]
    was, now = Decimal(old["TotalAmt"]), Decimal(new["TotalAmt"])
    if before == after:
        if was != now:
            ledger.move_balance(after, was - now)
        return
    ledger.move_balance(before, was)
    ledger.move_balance(after, -now)


def _refer(ledger: Ledger, data: Json) -> None:
    customer = ledger.reference("Customer", data.get("CustomerRef"), "CustomerRef") or {}
    data["CustomerRef"] = {"value": customer["Id"], "name": customer["DisplayName"]}
    take_currency(ledger, data, customer)
    method = ledger.reference("PaymentMethod", data.get("PaymentMethodRef"), "PaymentMethodRef")
    if method is not None:
        data["PaymentMethodRef"] = {"value": method["Id"]}
    account = ledger.reference("Account", data.get("DepositToAccountRef"), "DepositToAccountRef")
    if account is not None:
        data["DepositToAccountRef"] = {"value": account["Id"]}
        return
    default = undeposited_funds(ledger)
    if default is not None:
        data["DepositToAccountRef"] = {"value": default["value"]}


def _complete(ledger: Ledger, data: Json, before: dict[Link, Decimal]) -> dict[Link, Decimal]:
    total = data["TotalAmt"]
    errors = check_amount(total, "TotalAmt")
    if errors or total < 0:
        raise request_faults.QboFaultError(
            *errors or (request_faults.bad_amount(str(total), "TotalAmt"),)
        )
    data["TotalAmt"] = cents(total)
    data.setdefault("TxnDate", ledger.today().isoformat())
    ledger.check_open(data["TxnDate"])
    _refer(ledger, data)
    data["ProcessPayment"] = bool(data.get("ProcessPayment"))
    links = _wanted(ledger, data, before)
    if _net(links) > Decimal(data["TotalAmt"]):
        raise business_faults.business(
            "The amount applied is greater than the amount of the payment."
        )
    if not data["TotalAmt"] and not links and not before:
        raise business_faults.business("You must set a transaction amount.")
    if ledger.settings.auto_apply_payments:
        _auto_apply(ledger, data, links)
    return links


def _wanted(ledger: Ledger, data: Json, before: dict[Link, Decimal]) -> dict[Link, Decimal]:
    """Return what the payment settles: what was asked for, no more than what is open."""
    asked: dict[Link, Decimal] = {}
    for line in data.get("Line") or []:
        link, amount = _read_line(line)
        asked[link] = asked.get(link, Decimal(0)) + amount
    out: dict[Link, Decimal] = {}
    for link, amount in asked.items():
        document = _linked(ledger, link)
        if not _same_family(ledger, data["CustomerRef"]["value"], document):
            if ledger.settings.foreign_payment == "refuse":
                raise request_faults.cannot_link(link[1])
            continue
        available = Decimal(document.get("Balance", 0)) + before.get(link, Decimal(0))
        applied = min(amount, available)
        if applied > 0:
            out[link] = applied
    return out


def _read_line(line: Json) -> tuple[Link, Decimal]:
    if "Amount" not in line:
        raise request_faults.missing("Line.Amount")
    amount = Decimal(line["Amount"])
    if amount < 0:
        raise request_faults.QboFaultError(
            request_faults.negative_line(f"{amount:,}", "Line.Amount")
        )
    errors = check_amount(amount, "Line.Amount")
    if errors:
        raise request_faults.QboFaultError(*errors)
    linked = line.get("LinkedTxn") or []
    if not linked:
        raise request_faults.missing("Line.LinkedTxn")
    first = linked[0]
    for key in ("TxnId", "TxnType"):
        if not first.get(key):
            raise request_faults.missing(f"Line.LinkedTxn.{key}")
    if first["TxnType"] not in _LINKABLE:
        if first["TxnType"] in _SETTLED_ELSEWHERE:
            raise request_faults.cannot_link(first["TxnId"])
        raise request_faults.bad_enumeration(first["TxnType"], "Line.LinkedTxn.TxnType")
    return (first["TxnType"], first["TxnId"]), Decimal(cents(amount))


def _linked(ledger: Ledger, link: Link) -> Json:
    entity, id_ = link
    if not id_.isascii() or not id_.isdigit():
        raise request_faults.invalid_id(id_)
    row = ledger.row(entity, id_)
    if row is not None:
        return row.load()
    if id_ in ledger.tables[entity].gone:
        raise request_faults.deleted_transaction()
    raise request_faults.cannot_link(id_)


def _same_family(ledger: Ledger, payer: str, document: Json) -> bool:
    """Return whether the document is the payer's own or one of its sub-customers'."""
    at = document["CustomerRef"]["value"]
    while at and at != payer:
        row = ledger.row("Customer", at)
        at = row.owner if row is not None else ""
    return bool(at == payer)


def _auto_apply(ledger: Ledger, data: Json, links: dict[Link, Decimal]) -> None:
    left = Decimal(data["TotalAmt"]) - _net(links)
    for row in ledger.tables["Invoice"].owned_by(data["CustomerRef"]["value"]):
        if left <= 0:
            return
        link = ("Invoice", row.id)
        balance = Decimal(row.load()["Balance"])
        if link in links or balance <= 0:
            continue
        links[link] = min(left, balance)
        left -= links[link]


def _net(links: dict[Link, Decimal]) -> Decimal:
    return sum((v if k[0] == "Invoice" else -v for k, v in links.items()), Decimal(0))


def _apply(
    ledger: Ledger, data: Json, before: dict[Link, Decimal], links: dict[Link, Decimal]
) -> None:
    lines = []
    for link, amount in links.items():
        document = ledger.tables[link[0]].rows[link[1]].load()
        open_before = Decimal(document["Balance"]) + before.get(link, Decimal(0))
        lines.append(payment_line(link, amount, open_before, document.get("DocNumber", "")))
    for link in {**before, **links}:
        settle(
            ledger,
            link,
            data["Id"],
            before.get(link, Decimal(0)),
            links.get(link, Decimal(0)),
        )
    data["Line"] = lines
    data["UnappliedAmt"] = cents(Decimal(data["TotalAmt"]) - _net(links))
