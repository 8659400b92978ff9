"""Which due records go next: customers first and one at a time, an invoice before its payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.model import Claim, Kind
from dunahub_qbo_plugin.store.claims import due_claims
from dunahub_qbo_plugin.sync.lanes import lane_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection as Transaction

    from dunahub_qbo_plugin.store.leases import Lease

AT_ONCE: Final = 8
"""Requests of one company under way at the same time; QuickBooks allows ten."""


def choose(
    db: Transaction, lease: Lease, under_way: Collection[Claim], *, now: datetime
) -> list[Claim]:
    """Choose due records for the places that are free.

    QuickBooks wants names written one after the other, so customers go one at a time. An invoice
    and its payments never go at the same time: each would find the other's SyncToken changed.

    Args:
        db: a transaction; it reads only.
        lease: on the company.
        under_way: what is being sent.
        now: aware UTC.
    """
    room = AT_ONCE - len(under_way)
    flying_ids = {claim.record_id for claim in under_way}
    busy_lanes = {lane for claim in under_way if (lane := lane_of(claim)) is not None}
    chosen: list[Claim] = []
    for kind in Kind:
        limit = room - len(chosen)
        if kind is Kind.CUSTOMER:
            flies = any(claim.key.kind is Kind.CUSTOMER for claim in under_way)
            limit = 0 if flies else min(limit, 1)
        if limit <= 0:
            continue
        for claim in due_claims(db, lease, kind, now=now, limit=limit, without=flying_ids):
            lane = lane_of(claim)
            if lane in busy_lanes:
                continue
            if lane is not None:
                busy_lanes.add(lane)
            chosen.append(claim)
    return chosen
