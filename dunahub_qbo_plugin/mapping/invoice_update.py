"""The update of an invoice that is in QuickBooks: what changed in DunaHub, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from dunahub_qbo_plugin.mapping.invoice_lines import (
    SUBTOTAL,
    both_changed,
    merged_lines,
    under_their_ids,
)
from dunahub_qbo_plugin.mapping.merge import Known, Update, in_conflict, is_same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.mapping.body import Payload

LINES: Final = "Line"
_TAX: Final = ("TxnTaxDetail", "ApplyTaxAfterDiscount")
"""Goes with the lines: QuickBooks works it out of them, and may change it by itself."""
_ONLY_COMPUTED: Final = frozenset({"TotalAmt", "TxnTaxDetail"})


def invoice_update(
    wanted: Payload, known: Known, *, whole: bool = False, keep_theirs: bool = False
) -> Update:
    """Write those fields of which DunaHub wants something else than it last sent.

    QuickBooks takes lines all together: where one of ours changed, the others go with it as
    QuickBooks has them, the bookkeeper's too (`invoice_lines`).

    Args:
        wanted: all fields as DunaHub wants them now.
        known: what is known of the invoice.
        whole: write the whole invoice; whether QuickBooks takes lines in a sparse update is
            disputed (refused with code 2020 for a bill of a vendor's, 2026-07).
        keep_theirs: leave what both sides changed as QuickBooks has it.
    """
    changed = {
        name: value
        for name, value in wanted.items()
        if name != LINES and known.differs(name, value)
    }
    conflicts = [name for name in changed if name not in _TAX and _conflict(name, wanted, known)]
    ours, sent = wanted[LINES], known.sent.get(LINES, [])
    base = under_their_ids(ours, sent)
    now = known.now.get(LINES, [])
    if known.is_doubtful(LINES) or not is_same(ours, sent):
        before = known.before.get(LINES)
        if before is not None and not known.is_doubtful(LINES):
            conflicts += [LINES] if both_changed(ours, sent, before, now) else []
        lines, base = merged_lines(
            ours,
            sent,
            now,
            everything=known.is_doubtful(LINES) or LINES in conflicts,
            our_total=LINES in conflicts,
        )
        changed |= {LINES: lines}
        changed |= {name: _tax(name, wanted, known) for name in _TAX if name in wanted}
    if keep_theirs:
        left_out = {*conflicts, *(_TAX if LINES in conflicts else ())}
        changed = {name: value for name, value in changed.items() if name not in left_out}
    changes = bool(changed)
    if whole and changed:
        kept = {name: value for name, value in known.now.items() if name not in _ONLY_COMPUTED}
        kept[LINES] = [line for line in now if line.get("DetailType") != SUBTOTAL]
        changed = {**kept, **changed}
    return Update(
        body=changed,
        base={**wanted, LINES: base},
        changes=changes,
        conflicts=tuple(conflicts),
    )


def _conflict(name: str, wanted: Payload, known: Known) -> bool:
    return in_conflict(name, wanted[name], known)


def _tax(name: str, wanted: Payload, known: Known) -> Any:  # noqa: ANN401  JSON values
    """Return our sales tax, under the code that the bookkeeper chose, unless ours changed."""
    value = wanted[name]
    code = _code(known.now)
    if name != "TxnTaxDetail" or code is None or _code(wanted) is None:
        return value
    same = is_same(_code(wanted), _code(known.sent)) and not known.is_doubtful(name)
    return {**value, "TxnTaxCodeRef": code} if same else value


def _code(values: Mapping[str, Any]) -> Any:  # noqa: ANN401  JSON values
    return (values.get("TxnTaxDetail") or {}).get("TxnTaxCodeRef")
