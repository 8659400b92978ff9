"""What is to be had before anything is sent to a company: a good token, and what is known of it."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import attrs

from dunahub_qbo_plugin.connect.profile import is_due
from dunahub_qbo_plugin.errors import (
    ConfigurationError,
    GrantRevoked,
    NotConnected,
    QboError,
    Unauthorized,
)
from dunahub_qbo_plugin.model import ErrorInfo
from dunahub_qbo_plugin.store.companies import pauses as company_pauses
from dunahub_qbo_plugin.store.companies import profiles
from dunahub_qbo_plugin.sync import pauses

if TYPE_CHECKING:
    from dunahub_qbo_plugin.clock import Clock
    from dunahub_qbo_plugin.connect.profile import ProfileReader
    from dunahub_qbo_plugin.connect.tokens import TokenKeeper
    from dunahub_qbo_plugin.model import CompanyProfile
    from dunahub_qbo_plugin.qbo.auth import Grant
    from dunahub_qbo_plugin.store.db.database import Database

log = logging.getLogger(__name__)


@attrs.frozen(kw_only=True, eq=False)
class Access:
    """The way into one company. Where there is none, the company rests.

    Attributes:
        reader: reads and keeps what is to be known of a company before it is sent to.
    """

    database: Database
    tokens: TokenKeeper
    clock: Clock
    reader: ProfileReader
    company_id: str

    def grant(self, refused: Grant | None = None) -> Grant | None:
        """Return a grant, other than the refused one; None when there is none to be had."""
        try:
            return self.tokens.grant(self.company_id, refused=refused)
        except (GrantRevoked, NotConnected):
            return None
        except ConfigurationError as error:
            self.pause(pauses.MISCONFIGURED, ErrorInfo(code="configuration", text=str(error)))
        except QboError as error:
            self.pause(pauses.OUTAGE, error.info)
        return None

    def profile(self, grant: Grant) -> CompanyProfile | None:
        """Return what is known of the company, after reading what is due to be read.

        None, and a rest, when nothing is known yet and QuickBooks does not tell, or when the books
        are not kept in US dollars (rule 41).
        """
        profile = self._known_or_read(grant)
        if profile is None or profile.is_in_dollars:
            return profile
        self.pause(pauses.IN_OTHER_CURRENCY, ErrorInfo(code="home-currency"))
        return None

    def _known_or_read(self, grant: Grant) -> CompanyProfile | None:
        with self.database.read.connect() as db:
            profile = profiles.load_profile(db, self.company_id)
            freshness = profiles.freshness(db, self.company_id)
        if not is_due(freshness, self.clock.now()):
            return profile
        try:
            return self._read(grant)
        except QboError as error:
            if freshness.lists_at is not None:  # what was read earlier will do
                return profile
            seconds = pauses.SELDOM if isinstance(error, Unauthorized) else pauses.OUTAGE
            self.pause(seconds, error.info)
            return None

    def _read(self, grant: Grant) -> CompanyProfile | None:
        """Read the company, once more with a new access token where that one was refused.

        None when there is none to be had: access may have been taken away in QuickBooks.
        """
        try:
            return self.reader.up_to_date(grant)
        except Unauthorized:
            renewed = self.grant(refused=grant)
            return None if renewed is None else self.reader.up_to_date(renewed)

    def pause(self, seconds: float, info: ErrorInfo) -> None:
        """Have nothing sent for so many seconds, and say why."""
        now = self.clock.now()
        until = now + timedelta(seconds=seconds)
        log.warning("company %s pauses until %s: %s", self.company_id, until, info.code)
        with self.database.write.begin() as db:
            company_pauses.pause(db, self.company_id, info, until=until, now=now)
