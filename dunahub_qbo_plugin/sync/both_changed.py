"""The question to a person where DunaHub and somebody in QuickBooks changed the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.model import BOTH_CHANGED, ErrorInfo, Rejected

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from dunahub_qbo_plugin.mapping.merge import Known, Update
    from dunahub_qbo_plugin.model import Claim, Fact

MAX_TEXT: Final = 100
"""Characters of a value that are told."""


def both_changed(claim: Claim, update: Update, known: Known, total: Decimal | None) -> Rejected:
    """Ask which of the two is to be: DunaHub's, or what QuickBooks has.

    The facts have both of each field, by QuickBooks' name: ``ours TxnDate``, ``theirs TxnDate``; of
    lines their total.
    """
    facts: dict[str, Fact] = {}
    ours: Any
    for name in update.conflicts:
        if name == "Line":
            ours, theirs = total, known.now.get("TotalAmt")
        elif name == "CustomerRef":
            ours, theirs = claim.parent and claim.parent.label, known.now.get(name)
        else:
            ours, theirs = update.base.get(name), known.now.get(name)
        facts |= {f"ours {name}": _text(ours), f"theirs {name}": _text(theirs)}
    return Rejected(info=ErrorInfo(code=BOTH_CHANGED, subject=claim.label, facts=facts))


def _text(value: Any) -> str:  # noqa: ANN401  JSON values
    """Say a value on one line: of a reference its name, of an address its parts."""
    if isinstance(value, dict):
        return _text(_parts(value))
    return "" if value is None else " ".join(str(value).split())[:MAX_TEXT]


def _parts(value: Mapping[str, Any]) -> str:
    if "value" in value:
        return str(value.get("name") or value["value"])
    hidden = {"Id", "Lat", "Long"}
    return ", ".join(str(part) for name, part in value.items() if part and name not in hidden)
