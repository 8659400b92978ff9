"""Classes and locations of sales forms: where they may stand, and whether they must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dunahub_qbo_plugin.emulator.books import business_faults

if TYPE_CHECKING:
    from dunahub_qbo_plugin.emulator.books.ledger import Ledger

Json = dict[str, Any]

_LINE = "SalesItemLineDetail"
_FORM_ONLY = "per_transaction"
_LINES_ONLY = "per_line"


def place_class(ledger: Ledger, data: Json) -> None:
    """Take the class off the head of a form whose lines carry the classes.

    Raises:
        QboFaultError: 6000 where `misplaced_class` refuses.
    """
    if ledger.settings.class_tracking == _LINES_ONLY:
        _misplaced(ledger, data)


def place_line_class(ledger: Ledger, detail: Json) -> None:
    """Take the class off a line of a company that has one class for each form.

    Raises:
        QboFaultError: 6000 where `misplaced_class` refuses.
    """
    if ledger.settings.class_tracking == _FORM_ONLY:
        _misplaced(ledger, detail)


def require_tracking(ledger: Ledger, entity: str, data: Json) -> None:
    """Refuse a form without class or location where the company requires them.

    QuickBooks itself only warns as far as is known, so the words are ours.

    Raises:
        QboFaultError: 6000.
    """
    settings = ledger.settings
    if entity == "Estimate":
        return
    if settings.require_location == "fault_6000" and "DepartmentRef" not in data:
        raise business_faults.business("You must select a location for this transaction.")
    if settings.require_class == "fault_6000" and not _has_class(ledger, data):
        raise business_faults.business("You must select a class for this transaction.")


def _misplaced(ledger: Ledger, holder: Json) -> None:
    if "ClassRef" in holder and ledger.settings.misplaced_class == "refuse":
        raise business_faults.business("A class cannot be used here.")
    holder.pop("ClassRef", None)


def _has_class(ledger: Ledger, data: Json) -> bool:
    if ledger.settings.class_tracking == _FORM_ONLY:
        return "ClassRef" in data
    return all("ClassRef" in line[_LINE] for line in data["Line"] if _LINE in line and "Id" in line)
