"""Document numbers: given, assigned, generated or none, and the refusal of a second one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

AUTO = "AUTO_GENERATE"
_FIRST = "1000"
_LONGEST_COUNTED = 12
_ONE_SERIES = ("Invoice", "SalesReceipt", "CreditMemo", "RefundReceipt")


def document_number(
    ledger: Ledger, entity: str, sent: str | None, old: Json | None, *, allow_duplicate: bool
) -> str | None:
    """Return the number a sales form gets; None for none.

    Intuit's XSD: without `CustomTxnNumbers` the next in sequence is assigned to a form sent
    without a number; with it such a form has none, unless `AUTO_GENERATE` asks for one.

    Raises:
        QboFaultError: 6140 if the user numbers documents and this number is taken.
    """
    settings = ledger.settings
    before = old.get("DocNumber") if old is not None else None
    if sent == AUTO:
        return _next(ledger, entity)
    if settings.custom_txn_numbers:
        number = sent or before
        if number and number != before and settings.warn_duplicate_numbers and not allow_duplicate:
            _refuse_taken(ledger, entity, number, old)
        return number
    if before is not None and (not sent or settings.doc_number_when_off == "ignore"):
        return str(before)
    if sent and settings.doc_number_when_off == "keep":
        _count_on(ledger, entity, sent)
        return sent
    return _next(ledger, entity)


def _refuse_taken(ledger: Ledger, entity: str, number: str, old: Json | None) -> None:
    across = ledger.settings.duplicate_numbers == "all_sales" and entity in _ONE_SERIES
    for kind in _ONE_SERIES if across else (entity,):
        for row in ledger.tables[kind].numbered(number.lower()):
            if old is None or row.id != old["Id"]:
                raise business_faults.duplicate_number(number, kind, row.id)


def _sequence(entity: str) -> str:
    # Intuit's sample company numbers invoices and receipts in one series, estimates in another.
    return "number:Estimate" if entity == "Estimate" else "number:Sales"


def _next(ledger: Ledger, entity: str) -> str:
    name = _sequence(entity)
    ledger.sequences.reserve(name, _FIRST)
    number = ledger.sequences.take(name)
    while ledger.tables[entity].numbered(number):
        number = ledger.sequences.take(name)
    return number


def _count_on(ledger: Ledger, entity: str, number: str) -> None:
    if number.isascii() and number.isdigit() and len(number) <= _LONGEST_COUNTED:
        ledger.sequences.reserve(_sequence(entity), number)
