"""The region gate: an organization outside the US is not served, and its sending stops."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from dunahub_qbo_plugin.store.companies import region as regions
from dunahub_qbo_plugin.store.db.errors import DatabaseError

if TYPE_CHECKING:
    from datetime import datetime

    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)


def leave(database: Database, org_id: str, *, now: datetime) -> None:
    """Stop all sending of an organization that is no longer in the US (rule 13).

    An organization that never connected costs one look-up, and nothing is stored for it. Every
    hook and page of the organization calls this, and none may wait: if the database is busy, the
    next one does it.
    """
    try:
        if not database.is_ready():
            return
        with database.glance.connect() as db:
            if not regions.region_is_open(db, org_id):
                return
        with database.hook.begin() as db:
            regions.close_region(db, org_id, now=now)
    except DatabaseError as error:
        log.warning("%s is not stopped yet, the database is busy: %s", org_id, type(error).__name__)


def enter(database: Database, org_id: str) -> None:
    """Resume sending for an organization that is in the US again."""
    if not database.is_ready():
        return
    with database.read.connect() as db:
        if not regions.region_is_stopped(db, org_id):
            return
    with database.write.begin() as db:
        regions.open_region(db, org_id)
