"""Which due records go next: customers first, an invoice before its payments.

Some more are chosen than can be on their way at the same time, so that looking for them, and
committing what is sent of them, is done for many at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model import Claim, Kind
from dunahub_qbo_plugin.store.records.due import due_claims

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection as Transaction

    from dunahub_qbo_plugin.store.companies.leases import Lease

AT_ONCE: Final = 8
"""Requests of one company under way at the same time; QuickBooks allows ten."""
DOCUMENTS_AHEAD: Final = 32
"""Invoices and payments of one company in hand at the same time: on their way, or next."""
CUSTOMERS_AHEAD: Final = 8
"""Customers in hand; one of them is on its way."""


def choose(
    db: Transaction, lease: Lease, under_way: Collection[Claim], *, now: datetime
) -> list[Claim]:
    """Choose due records for the places that are free, once half of them are.

    An invoice and its payments are never in hand at the same time: each would find the other's
    SyncToken changed.

    Args:
        db: a transaction; it reads only.
        lease: on the company.
        under_way: what is in hand.
        now: aware UTC.
    """
    customers = sum(claim.key.kind is Kind.CUSTOMER for claim in under_way)
    free = {
        Kind.CUSTOMER: _free(customers, CUSTOMERS_AHEAD),
        Kind.INVOICE: _free(len(under_way) - customers, DOCUMENTS_AHEAD),
    }
    in_hand = {claim.record_id for claim in under_way}
    busy = {
        serialized_by
        for claim in under_way
        if (serialized_by := serialization_key(claim)) is not None
    }
    chosen: list[Claim] = []
    for kind in Kind:
        limit = free[Kind.CUSTOMER if kind is Kind.CUSTOMER else Kind.INVOICE]
        if kind is Kind.PAYMENT:
            limit -= sum(claim.key.kind is Kind.INVOICE for claim in chosen)
        if limit <= 0:
            continue
        for claim in due_claims(db, lease, kind, now=now, limit=limit, without=in_hand):
            serialized_by = serialization_key(claim)
            if serialized_by in busy:
                continue
            if serialized_by is not None:
                busy.add(serialized_by)
            chosen.append(claim)
    return chosen


def _free(taken: int, places: int) -> int:
    """Count free places; none while more than half are taken, for few would be a look for each."""
    return places - taken if 2 * taken <= places else 0


def serialization_key(claim: Claim) -> str | None:
    """Name what must not be written to twice at the same time: an invoice with its payments."""
    if claim.key.kind is Kind.INVOICE:
        return claim.key.local_id
    if claim.key.kind is Kind.PAYMENT and claim.parent is not None:
        return claim.parent.key.local_id
    return None
