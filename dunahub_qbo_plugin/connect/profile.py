"""Keep what is known of a QuickBooks company up to date, in as few metered reads as it takes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from dunahub_qbo_plugin.model import ReadReason
from dunahub_qbo_plugin.qbo import company_reads
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.store.companies.profiles import Stale

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.qbo.client import QboClient
    from dunahub_qbo_plugin.store.companies.profiles import Freshness
    from dunahub_qbo_plugin.store.db.database import Database

LISTS_KEPT: Final = timedelta(days=7)
"""Age of the lists from which it is asked what changed in them, before something is sent."""
SETTINGS_KEPT: Final = timedelta(days=35)
"""Age of the settings from which they are read again: a refusal or a difference tells earlier."""
CAPTURED: Final = timedelta(days=29)
"""Age of the lists up to which change data capture tells of all changes; it keeps thirty days."""
USUAL_DEFAULTS: Final = ("services", "service")
"""Names of the item that QuickBooks puts on a line without one (measured 2026-09): the default
until the office chooses another."""


@attrs.frozen(kw_only=True, eq=False)
class ProfileReader:
    """Reads companies' settings and lists and stores them; the office's choices are kept.

    A calm company costs five or six reads at connect, one a week in which something is sent, and
    one or two more every five weeks. Each method raises `QboError`.
    """

    database: Database
    client: QboClient
    clock: Clock

    def whole(
        self, grant: Grant, *, reason: ReadReason, company: Mapping[str, Any] | None = None
    ) -> CompanyProfile:
        """Read all that there is to know: five reads, or six.

        Args:
            grant: for the company.
            reason: as which they are counted.
            company: its ``CompanyInfo``, where that was read already.
        """
        read = company_reads.read_profile(self.client, grant, reason=reason, company=company)
        return self.keep(grant.company, read)

    def keep(self, company_id: str, read: CompanyProfile) -> CompanyProfile:
        """Store all that was read of a company just now."""
        now = self.clock.now()
        return self._keep(company_id, read, tuple(Stale), lists_at=now, settings_at=now)

    def items(self, grant: Grant) -> CompanyProfile:
        """Read the list of items again, since a refusal says that it is stale: two reads."""
        read = company_reads.read_items(
            self.client, grant, self._known(grant), reason=ReadReason.REFUSAL
        )
        # Payment methods were not read: what changed is asked for from where that was left off.
        return self._keep(grant.company, read, (Stale.ITEMS,))

    def settings(self, grant: Grant, *, reason: ReadReason) -> CompanyProfile:
        """Read the company's preferences again: one read, two with classic sales tax."""
        read = company_reads.read_settings(self.client, grant, self._known(grant), reason=reason)
        return self._keep(grant.company, read, (Stale.SETTINGS,), settings_at=self.clock.now())

    def up_to_date(self, grant: Grant) -> CompanyProfile:
        """Return what is known of a company, after reading whatever is due to be read."""
        with self.database.read.connect() as db:
            freshness = profiles.freshness(db, grant.company)
            known = profiles.load_profile(db, grant.company)
        now = self.clock.now()
        if freshness.lists_at is None:
            return self.whole(grant, reason=ReadReason.CONNECT)
        if _too_old(freshness.lists_at, CAPTURED, now):
            return self.whole(grant, reason=ReadReason.WEEKLY)
        if Stale.ITEMS in freshness.stale:
            known = self.items(grant)
        if _too_old(freshness.lists_at, LISTS_KEPT, now):
            known = self._changes(grant, known, freshness.lists_at)
        if Stale.SETTINGS in freshness.stale:
            return self.settings(grant, reason=ReadReason.REFUSAL)
        if _too_old(freshness.settings_at, SETTINGS_KEPT, now):
            return self.settings(grant, reason=ReadReason.WEEKLY)
        return known

    def _changes(self, grant: Grant, known: CompanyProfile, since: datetime) -> CompanyProfile:
        reason = ReadReason.WEEKLY
        now = self.clock.now()
        read = company_reads.read_changes(
            self.client, grant, known, since - _OVERLAP, reason=reason
        )
        if read is None:
            return self.whole(grant, reason=reason)
        return self._keep(grant.company, read, lists_at=now)

    def _known(self, grant: Grant) -> CompanyProfile:
        with self.database.read.connect() as db:
            return profiles.load_profile(db, grant.company)

    def _keep(
        self,
        company_id: str,
        read: CompanyProfile,
        parts: Collection[Stale] = (),
        *,
        lists_at: datetime | None = None,
        settings_at: datetime | None = None,
    ) -> CompanyProfile:
        with self.database.write.begin() as db:
            profiles.save_profile(
                db, company_id, read, read=parts, lists_at=lists_at, settings_at=settings_at
            )
            known = profiles.load_profile(db, company_id)
            if known.default_item_id is None and (found := usual_default(read)) is not None:
                profiles.choose_default(db, company_id, item_id=found)
            return profiles.load_profile(db, company_id)


_OVERLAP: Final = timedelta(minutes=10)
"""How far a question for changes goes back beyond the last one: clocks differ."""


def is_due(freshness: Freshness, now: datetime) -> bool:
    """Return whether something of a company is to be read before more is sent to it."""
    return (
        bool(freshness.stale)
        or _too_old(freshness.lists_at, LISTS_KEPT, now)
        or _too_old(freshness.settings_at, SETTINGS_KEPT, now)
    )


def _too_old(read_at: datetime | None, kept: timedelta, now: datetime) -> bool:
    return read_at is None or now - read_at >= kept


def usual_default(profile: CompanyProfile) -> str | None:
    """Return the Id of the item that new QuickBooks companies have for services."""
    by_name = {item.name.casefold(): item.id for item in profile.items.values() if item.active}
    return next((by_name[name] for name in USUAL_DEFAULTS if name in by_name), None)
