"""What to send for a due record: decided from what is known, without asking anybody."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_hookspecs import Invoice, InvoiceStatus, Lead, Payment
from dunahub_qbo_plugin.errors import MappingError
from dunahub_qbo_plugin.mapping.customer import customer_payload
from dunahub_qbo_plugin.mapping.ids import check_ids
from dunahub_qbo_plugin.mapping.invoice import invoice_payload, void_payload
from dunahub_qbo_plugin.mapping.invoice_update import invoice_update
from dunahub_qbo_plugin.mapping.merge import HEAD, Known, sparse_update, update_head
from dunahub_qbo_plugin.mapping.money import cents
from dunahub_qbo_plugin.mapping.payment import payment_payload, payment_update
from dunahub_qbo_plugin.mapping.text import one_line
from dunahub_qbo_plugin.model import (
    BOTH_CHANGED,
    KEEP_THEIRS,
    PARENT_SKIPPED,
    PARENT_UNKNOWN,
    ErrorInfo,
    Intent,
    Kind,
    Note,
    Operation,
    Rejected,
    Retry,
    Skipped,
    SkipReason,
    Unchanged,
    Waiting,
)
from dunahub_qbo_plugin.qbo.exact_json import encode
from dunahub_qbo_plugin.qbo.payloads import is_voided
from dunahub_qbo_plugin.sync.both_changed import both_changed
from dunahub_qbo_plugin.sync.sent import LEAD, PARAMETER_MISSING, as_object, since_written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from dunahub_qbo_plugin.mapping.body import Payload
    from dunahub_qbo_plugin.mapping.merge import Update
    from dunahub_qbo_plugin.model import Claim, CompanyProfile, Parent, RemoteRef

log = logging.getLogger(__name__)

UNKNOWN_PARENT_GRACE: Final = 600.0
"""Seconds that a payment waits for an invoice of which nobody has told yet."""

VOID_EMPTIES: Final = {
    Kind.INVOICE: frozenset({"Line", "TxnTaxDetail", "ApplyTaxAfterDiscount"}),
    Kind.PAYMENT: frozenset({"Line", "TotalAmt"}),
}
"""What a void in QuickBooks sets to nothing; all else stays as it is (recorded 2022 and 2025)."""

Plan = Intent | Unchanged | Waiting | Skipped | Rejected


def plan(claim: Claim, profile: CompanyProfile, *, company_id: str, now: datetime) -> Plan:
    """Decide what is to be sent.

    A write that was committed earlier and has no definite answer yet comes first, to the letter:
    only then is it known what QuickBooks holds.

    Args:
        claim: the due record.
        profile: what is known of the company.
        company_id: our id of the company; part of the request key.
        now: tells how long a payment has waited for an invoice that nobody told of.
    """
    if claim.intent is not None:
        return claim.intent
    if claim.remote is not None and claim.synced_fingerprint == claim.fingerprint:
        return Unchanged()
    try:
        return _decide(claim, profile, company_id, now)
    except MappingError as error:
        info = ErrorInfo(code=error.code, subject=error.subject, facts=error.facts)
        return Rejected(info=info)
    except Exception:
        # Nothing that is wrong with one record may keep its company from sending the others.
        log.exception("the %s %s cannot be written", claim.key.kind.word, claim.record_id)
        return Rejected(info=ErrorInfo(code="unwritable"))


def _decide(claim: Claim, profile: CompanyProfile, company_id: str, now: datetime) -> Plan:
    if claim.value is not None:
        check_ids(claim.value)
    match claim.value:
        case Lead():
            return _customer(claim, claim.value, company_id)
        case Invoice():
            return _invoice(claim, claim.value, profile, company_id, now)
        case Payment():
            return _payment(claim, claim.value, profile, company_id, now)
        case None:
            return Rejected(info=ErrorInfo(code="unwritable"))


def with_items(
    profile: CompanyProfile,
    claim: Claim,
    intent: Intent,
    outcome: Rejected,
    *,
    company_id: str,
    now: datetime,
) -> Retry | Rejected:
    """Decide anew what to send of a record whose item is gone, by an item list just read.

    Args:
        profile: with that list.
        claim: the record.
        intent: what was refused.
        outcome: how.
        company_id: as for `plan`.
        now: as for `plan`.

    Returns:
        a retry when another item has taken the dead one's place; else what a person must mend.
    """
    decided = plan(attrs.evolve(claim, intent=None), profile, company_id=company_id, now=now)
    if isinstance(decided, Intent) and decided.body != intent.body:
        return Retry(info=outcome.info, after=0, note=Note.ITEM_REPLACED)
    return decided if isinstance(decided, Rejected) else outcome


def request_key(claim: Claim, body: str, *, company_id: str) -> str:
    """Make the key under which a body is sent: always the same for the same intent.

    It would do for it to be random, since it is committed before anything is sent. But a database
    that was restored from a backup plans again what was sent since, and then QuickBooks knows the
    request by its key. Once an intent has ended, the next one has another key, also with the same
    body: QuickBooks would answer with what it said before (measured 2026-09, even of objects that
    were deleted since). So an update has other keys after a restore: what it would be answered with
    was true before the writes that the backup does not know. 32 characters; QuickBooks takes 50.
    """
    parts = [company_id, str(claim.key), str(claim.request_seq), body]
    if claim.remote is not None and claim.look_first is not None:
        parts.append(claim.look_first.isoformat())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _customer(claim: Claim, lead: Lead, company_id: str) -> Plan:
    wanted = customer_payload(lead, sent_fields=_sent_fields(claim))
    if claim.remote is None:
        return _intent(claim, wanted, company_id)
    known = _known(claim)
    update = sparse_update(wanted, known, keep_theirs=claim.consent == KEEP_THEIRS)
    return _update(claim, claim.remote, update, known, company_id)


def _invoice(
    claim: Claim, invoice: Invoice, profile: CompanyProfile, company_id: str, now: datetime
) -> Plan:
    if invoice.status is InvoiceStatus.VOID and claim.remote is not None:
        return _intent(claim, void_payload(claim.remote), company_id, operation=Operation.VOID)
    # A backup may not know that it was sent: then it is planned, to be looked for.
    if invoice.status is InvoiceStatus.VOID and claim.look_first is None:
        return Skipped(skip_reason=SkipReason.VOIDED_UNSENT)
    assert claim.parent is not None  # noqa: S101  an invoice always has its lead
    if claim.parent.remote_id is None:
        return _without_parent(claim, claim.parent, now)
    payload = invoice_payload(
        invoice,
        customer_id=claim.parent.remote_id,
        profile=profile,
        remote=claim.remote,
        sent_fields=_sent_fields(claim),
    )
    total = cents(invoice.total)
    if claim.remote is None:
        return _intent(claim, payload, company_id, total=total)
    known = _known(claim)
    wanted = {name: value for name, value in payload.items() if name not in HEAD}
    billed = known.sent.get("CustomerRef") or {}
    if billed.get(LEAD) == claim.parent.key.local_id:
        # The same lead: that its customer is another object by now moves no earlier invoice.
        wanted["CustomerRef"] = {"value": billed["value"]}
    update = invoice_update(
        wanted,
        known,
        whole=claim.error_code == PARAMETER_MISSING,
        keep_theirs=claim.consent == KEEP_THEIRS,
    )
    return _update(claim, claim.remote, update, known, company_id, total=total)


def _payment(
    claim: Claim, payment: Payment, profile: CompanyProfile, company_id: str, now: datetime
) -> Plan:
    parent = claim.parent
    assert parent is not None  # noqa: S101  a payment always has its invoice
    if parent.remote_id is None or parent.pending or claim.customer_id is None:
        return _without_parent(claim, parent, now)
    payload = payment_payload(
        payment, customer_id=claim.customer_id, invoice_id=parent.remote_id, profile=profile
    )
    total = cents(payment.amount)
    if claim.remote is None:
        return _intent(claim, payload, company_id, total=total)
    known = _known(claim)
    update = payment_update(
        payload,
        known,
        number=one_line(payment.invoice_number),
        keep_theirs=claim.consent == KEEP_THEIRS,
    )
    return _update(claim, claim.remote, update, known, company_id, total=total)


def _update(
    claim: Claim,
    remote: RemoteRef,
    update: Update,
    known: Known,
    company_id: str,
    *,
    total: Decimal | None = None,
) -> Plan:
    """Send what changed; but ask a person where both sides changed the same thing (rule 36)."""
    if update.conflicts and claim.consent not in {BOTH_CHANGED, KEEP_THEIRS}:
        return both_changed(claim, update, known, total)
    base = encode(update.base)
    if not update.changes and claim.synced_fingerprint is not None:
        kept = since_written(known.now, update.base, claim) if known.now else ""
        return Unchanged(sent=base, kept=kept, fingerprint=claim.fingerprint, total=total)
    name = "DisplayName" if claim.key.kind is Kind.CUSTOMER else "TxnDate"
    # Where nothing changed but QuickBooks may not have it: its own value tells whether it has.
    body = update.body or {name: known.now.get(name, update.base[name])}
    sparse = claim.key.kind is not Kind.PAYMENT and claim.error_code != PARAMETER_MISSING
    head = update_head(remote.id, remote.sync_token, sparse=sparse)
    return _intent(claim, {**head, **body}, company_id, total=total, base=update.base)


def _known(claim: Claim) -> Known:
    """Return what is known of the object in QuickBooks."""
    now = as_object(claim.current)
    before = now.pop("before", None) or {}
    voided = is_voided(now) if now else claim.synced_total == 0
    emptied = VOID_EMPTIES.get(claim.key.kind, frozenset()) if voided else frozenset()
    return Known(
        sent=as_object(claim.sent),
        now=now,
        before=before,
        doubtful=claim.doubtful_fields | emptied,
    )


def _without_parent(claim: Claim, parent: Parent, now: datetime) -> Waiting | Rejected:
    """Wait for the parent; but where it is not to be sent, only a person can say what now.

    A payment may be told of a moment before its invoice; one whose invoice does not come is of an
    invoice that was made before the organization connected.
    """
    if parent.skipped:
        return Rejected(info=ErrorInfo(code=PARENT_SKIPPED, subject=parent.label))
    if parent.known:
        return Waiting(parent=parent.key)
    left = UNKNOWN_PARENT_GRACE - (now - (claim.saved_at or now)).total_seconds()
    left = min(left, UNKNOWN_PARENT_GRACE)  # the clock may have been set back since
    if left > 0:
        return Waiting(parent=parent.key, look_after=left)
    number = claim.value.invoice_number if isinstance(claim.value, Payment) else ""
    return Rejected(info=ErrorInfo(code=PARENT_UNKNOWN, subject=one_line(number)))


def _intent(
    claim: Claim,
    payload: Payload,
    company_id: str,
    *,
    operation: Operation | None = None,
    total: Decimal | None = None,
    base: Payload | None = None,
) -> Intent:
    if operation is None:
        operation = Operation.CREATE if claim.remote is None else Operation.UPDATE
    body = encode(payload)
    return Intent(
        entity=claim.key.kind.value,
        operation=operation,
        body=body,
        request_key=request_key(claim, body, company_id=company_id),
        fingerprint=claim.fingerprint,
        total=total,
        base="" if base is None else encode(base),
    )


def services_of(intents: list[tuple[Claim, Intent]]) -> dict[str, str]:
    """Return the DunaHub services that are about to be sent, id to name."""
    return {
        line.service_id: one_line(line.service_name)
        for claim, _ in intents
        if isinstance(claim.value, Invoice)
        for line in claim.value.lines
        if line.service_id is not None and line.service_id == one_line(line.service_id)
    }


def _sent_fields(claim: Claim) -> frozenset[str]:
    """Name the fields that we have, or may have, filled in."""
    return filled(as_object(claim.sent)) | claim.doubtful_fields


def filled(sent: Mapping[str, Any]) -> frozenset[str]:
    """Name the fields that a body fills in: only those may be cleared later."""
    return frozenset(
        field
        for field, value in sent.items()
        if (any(value.values()) if isinstance(value, dict) else bool(value))
    )
