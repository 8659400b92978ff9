"""Read the profile of a QuickBooks company and store it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dunahub_qbo_plugin.store.companies import profiles

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.store.db.database import Database

USUAL_DEFAULTS: Final = ("services", "service")
"""Names of the item that QuickBooks puts on a line without one (measured 2026-09): the default
until the office chooses another."""


def read_company(
    *, database: Database, client: QboClient, grant: Grant, clock: Clock
) -> CompanyProfile:
    """Read a company's settings and items and store them; the office's choices are kept.

    Raises:
        QboError: QuickBooks could not be reached, or refused.
    """
    read = client.profile(grant)
    with database.write.begin() as db:
        profiles.save_profile(db, grant.company, read, now=clock.now())
        known = profiles.load_profile(db, grant.company)
        if known.default_item_id is None and (found := usual_default(read)) is not None:
            profiles.choose_default(db, grant.company, item_id=found)
        return profiles.load_profile(db, grant.company)


def usual_default(profile: CompanyProfile) -> str | None:
    """Return the Id of the item that new QuickBooks companies have for services."""
    by_name = {item.name.casefold(): item.id for item in profile.items.values() if item.active}
    return next((by_name[name] for name in USUAL_DEFAULTS if name in by_name), None)
