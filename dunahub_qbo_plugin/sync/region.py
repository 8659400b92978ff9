"""The region gate: an organization outside the US is not served, and what it had stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dunahub_qbo_plugin.store import gate

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.database import Database


def leave(database: Database, org_id: str, *, now: datetime) -> None:
    """Stop whatever an organization had that is no longer in the US (product rule 13).

    An organization that never connected costs one look-up, and nothing is stored for it.
    """
    if not database.is_ready():
        return
    with database.glance.connect() as db:
        if not gate.region_is_open(db, org_id):
            return
    with database.write.begin() as db:
        gate.close_region(db, org_id, now=now)


def enter(database: Database, org_id: str) -> None:
    """Let an organization go on that is in the US again."""
    if not database.is_ready():
        return
    with database.read.connect() as db:
        if not gate.region_is_stopped(db, org_id):
            return
    with database.write.begin() as db:
        gate.open_region(db, org_id)
