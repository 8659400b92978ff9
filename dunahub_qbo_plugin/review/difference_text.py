"""A difference between DunaHub and QuickBooks in a sentence."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.mapping.money import amount_text
from dunahub_qbo_plugin.review.days import written
from dunahub_qbo_plugin.review.findings import Field, Finding

if TYPE_CHECKING:
    from dunahub_qbo_plugin.review.findings import Difference


_BECAME: Final = {
    Finding.DELETED: "deleted",
    Finding.INACTIVE: "made inactive",
    Finding.VOIDED: "voided",
}


def difference_text(difference: Difference) -> str:
    """Return what differs, for the office."""
    ours, theirs = difference.ours, difference.theirs
    match difference.finding:
        case Finding.DELETED | Finding.INACTIVE | Finding.VOIDED:
            return f"It was {_BECAME[difference.finding]} in QuickBooks."
        case Finding.TOTAL:
            return f"QuickBooks has {_dollars(theirs)}, DunaHub sent {_dollars(ours)}."
        case Finding.UNLINKED:
            invoice = f"invoice {ours}" if ours else "its invoice"
            return f"It is no longer applied to {invoice} in QuickBooks."
        case Finding.UNAPPLIED:
            return f"{_dollars(theirs)} of it is not applied to an invoice in QuickBooks."
        case Finding.DUPLICATE:
            other = f"{_quoted(theirs)} (reference {difference.qbo_id})"
            return f"{other} in QuickBooks has the same {difference.field}."
        case Finding.EDITED if difference.field == Field.CUSTOMER:
            return "It bills another customer in QuickBooks."
        case Finding.EDITED:
            there, here = (_value(difference.field, text) for text in (theirs, ours))
            return f"The {difference.field} is {there} in QuickBooks and {here} in DunaHub."


def _dollars(text: str) -> str:
    return amount_text(Decimal(text))


def _value(field: str, text: str) -> str:
    if field == Field.DATE:
        try:
            return written(date.fromisoformat(text))
        except ValueError:
            pass
    return _quoted(text)


def _quoted(text: str) -> str:
    return f"“{text}”" if text else "empty"
