"""What is known of what we have sent, and of what others have changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.mapping.invoice_lines import DISCOUNT, SUBTOTAL, lines_before, numbered
from dunahub_qbo_plugin.mapping.merge import changed_fields, is_same
from dunahub_qbo_plugin.model import Kind, Operation, Synced
from dunahub_qbo_plugin.qbo.exact_json import decode, encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunahub_qbo_plugin.errors import QboError
    from dunahub_qbo_plugin.model import Claim, Intent, Outcome
    from dunahub_qbo_plugin.sync.attempt import Attempt

_TAKEN_AS_SENT: Final = (
    *("CustomerRef", "TxnDate", "DueDate", "CustomerMemo", "TotalAmt", "PaymentRefNum"),
    *("DisplayName", "PrimaryEmailAddr", "PrimaryPhone"),
)
"""What QuickBooks keeps to the letter."""
_EMPTY_UNLESS_SENT: Final = frozenset(
    {"CustomerMemo", "PaymentRefNum", "PrimaryEmailAddr", "PrimaryPhone"}
)
LEAD: Final = "lead"
"""Beside the customer of an invoice in what was sent: whom DunaHub billed with it."""
PARAMETER_MISSING: Final = "2020"
"""QuickBooks' code for a sparse update that it does not take (seen of a vendor's bill, 2026-07)."""


def remembered(outcome: Outcome, claim: Claim, intent: Intent) -> Outcome:
    """Note of what QuickBooks has taken what is ours: which lines, and which fields.

    What somebody else changed, and we did not, is still a change of theirs when we change the
    same later.
    """
    if not isinstance(outcome, Synced) or intent.operation is Operation.VOID:
        return outcome
    body, now = as_object(intent.body), as_object(outcome.written.kept)
    base = as_object(intent.base) if intent.base else body
    if "Line" in base and "Line" in body and intent.entity == Kind.INVOICE:
        base["Line"] = numbered(base["Line"], body["Line"], now.get("Line", []))
    found = outcome.adopted or (claim.intent is not None and intent.operation is Operation.CREATE)
    if "CustomerRef" in base and claim.parent is not None:
        base["CustomerRef"] |= {LEAD: claim.parent.key.local_id}
    kept = _as_found(now, body) if found else since_written(now, base, claim)
    written = attrs.evolve(outcome.written, kept=kept)
    return attrs.evolve(outcome, written=written, sent=encode(base))


def _as_found(now: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """Write down what QuickBooks has of a create whose answer was lost.

    What differs from what was sent was changed there since; but for what QuickBooks may have
    written differently itself.
    """
    theirs = {
        name: body.get(name)
        for name in _TAKEN_AS_SENT
        if (name in body or name in _EMPTY_UNLESS_SENT)
        and not is_same(body.get(name), now.get(name))
    }
    if "Line" in body and not _has_lines(body, now):
        theirs["Line"] = body["Line"]
    return encode({**now, "before": {**now, **theirs}} if theirs else now)


def found_sent(now: Mapping[str, Any], claim: Claim, intent: Intent) -> str:
    """Tell from what QuickBooks has which fields of an unanswered update were taken.

    A field that has what the update says was written by it; any other is as we sent it before, or
    somebody changed it since.
    """
    sent, body = as_object(claim.sent), as_object(intent.body)
    if not sent:
        return ""
    base = as_object(intent.base) if intent.base else body
    if "Line" in base and intent.entity == Kind.INVOICE and _has_lines(body, now):
        lines = now.get("Line", [])
        sent |= {"Line": numbered(base["Line"], body["Line"], lines)}
        sent |= {name: base[name] for name in ("TxnTaxDetail",) if name in base}
    taken = {
        name: value
        for name, value in base.items()
        if name != "Line" and name in body and is_same(value, now.get(name))
    }
    return encode(sent | taken)


def _has_lines(body: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Return whether QuickBooks has the lines of an update, in amounts and words."""
    said = [
        [[one.get("Amount"), one.get("Description") or ""] for one in lines if _is_sale(one)]
        for lines in (body.get("Line", []), now.get("Line", []))
    ]
    return bool(said[0]) and is_same(*said)


def _is_sale(line: Mapping[str, Any]) -> bool:
    return line.get("DetailType") not in {SUBTOTAL, DISCOUNT}


def since_written(now: Mapping[str, Any], base: Mapping[str, Any], claim: Claim) -> str:
    """Write down what QuickBooks has, and what it had after our last write of each field.

    Args:
        now: what QuickBooks has.
        base: what DunaHub wants of the object, and has just written or left to QuickBooks.
        claim: as it was before that.
    """
    known, sent = as_object(claim.current), as_object(claim.sent)
    before = known.pop("before", None) or known
    ours = changed_fields(base, sent) | claim.doubtful_fields
    theirs = {
        name: before.get(name)
        for name in ({*before, *now} if before else ())
        if name not in ours and not is_same(before.get(name), now.get(name))
    }
    lines = [one.get("Line", []) for one in (base, sent, before, now)]
    if claim.key.kind is Kind.INVOICE and "Line" in ours and all(lines):
        last = lines_before(*lines)
        theirs |= {} if is_same(last, lines[-1]) else {"Line": last}
    return encode({**now, "before": {**now, **theirs}} if theirs else now)


def lines_unknown(attempt: Attempt) -> bool:
    """Return whether an update would replace lines of which we do not know what they have.

    An invoice that an earlier version sent, or that a person linked: it is read once.
    """
    intent, claim = attempt.intent, attempt.claim
    unknown = intent.entity == Kind.INVOICE and intent.operation is Operation.UPDATE
    return unknown and not claim.current and "Line" in as_object(intent.body)


def refuses_sparse_lines(attempt: Attempt, error: QboError) -> bool:
    """Return whether QuickBooks takes the lines of an invoice with the whole of it only."""
    intent = attempt.intent
    if intent.entity != Kind.INVOICE or error.info.code != PARAMETER_MISSING:
        return False
    body = as_object(intent.body)
    return body.get("sparse") is True and "Line" in body


def as_object(text: str) -> dict[str, Any]:
    """Read JSON of ours; what is no object counts as an empty one."""
    found = decode(text.encode()) if text else {}
    return found if isinstance(found, dict) else {}
